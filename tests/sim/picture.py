# SPDX-License-Identifier: Apache-2.0
"""A picture of a scenario: lines over time or load, the median of the seeds as
a line and all that lies between the best and the worst seed as a band. SVG by
hand, so that it needs nothing but Python, and so that equal numbers give equal
bytes."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 1000, 580
LEFT, RIGHT, TOP, BOTTOM = 92, 250, 140, 84
PLOT_W, PLOT_H = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

INK, SOFT, GRID = "#1d2733", "#5b6875", "#e6eaee"
COLOURS = {"bad": "#c8442f", "middle": "#8a8f98", "other": "#b07d12", "good": "#0b6fa4"}
WINDOWS = ["#f5efe2", "#e3f1e4"]
FONT = "font-family=\"'DejaVu Sans', 'Helvetica Neue', Arial, sans-serif\""


def number(value):
    return f"{value:.1f}".rstrip("0").rstrip(".")


def text(x, y, words, size=13, colour=INK, anchor="start", weight="normal", extra=""):
    return (f'<text x="{number(x)}" y="{number(y)}" font-size="{size}" fill="{colour}" '
            f'text-anchor="{anchor}" font-weight="{weight}"{extra}>{escape(words)}</text>')


def wrap(words, room):
    """Lines of at most `room` characters."""
    lines = [""]
    for word in words.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > room:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


class Axis:
    def __init__(self, spec, low, high, start, size):
        self.spec, self.log = spec, spec.get("log", False)
        self.low, self.high = low, high
        self.start, self.size = start, size

    def part(self, value):
        if self.log:
            value = max(value, self.low)
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def at(self, value):
        return self.start + self.size * min(max(self.part(value), 0), 1)

    def label(self, value):
        unit = self.spec.get("unit", "")
        if unit == "%":
            return f"{value * 100:.10g} %"
        return f"{value:,.10g}{(' ' + unit) if unit else ''}"


class Picture:
    def __init__(self, spec, x_values):
        y = spec["y"]
        x = spec["x"]
        self.spec = spec
        self.x_values = x_values
        self.x = Axis(x, x.get("from", x_values[0]), x.get("to", x_values[-1]), LEFT, PLOT_W)
        self.y = Axis(y, y["from"], y["to"], TOP + PLOT_H, -PLOT_H)
        self.out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
                    f'width="{WIDTH}" height="{HEIGHT}" {FONT}>',
                    f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>']
        self.taken = []

    def head(self, title, subtitle):
        lines = wrap(title, 78)
        for i, line in enumerate(lines[:2]):
            self.out.append(text(28, 40 + 26 * i, line, 20, weight="bold"))
        for i, line in enumerate(wrap(subtitle, 128)[:2]):
            self.out.append(text(28, 40 + 26 * len(lines[:2]) + 17 * i, line, 13, SOFT))

    def window(self):
        for i, window in enumerate(self.spec.get("windows", [])):
            left, right = self.x.at(window["from"]), self.x.at(window["to"])
            self.out.append(f'<rect x="{number(left)}" y="{TOP}" width="{number(right - left)}" '
                            f'height="{PLOT_H}" fill="{WINDOWS[i % len(WINDOWS)]}"/>')
            self.out.append(text((left + right) / 2, TOP - 7, window["label"], 12, "#8a6d1f",
                                 "middle"))

    def axes(self):
        for tick in self.spec["y"]["ticks"]:
            y = number(self.y.at(tick))
            self.out.append(f'<line x1="{LEFT}" x2="{LEFT + PLOT_W}" y1="{y}" y2="{y}" '
                            f'stroke="{GRID}"/>')
            self.out.append(text(LEFT - 10, self.y.at(tick) + 4, self.y.label(tick), 12, SOFT,
                                 "end"))
        for tick in self.spec["x"]["ticks"]:
            x = self.x.at(tick)
            self.out.append(f'<line x1="{number(x)}" x2="{number(x)}" y1="{TOP + PLOT_H}" '
                            f'y2="{TOP + PLOT_H + 5}" stroke="{SOFT}"/>')
            name = self.spec["x"].get("names", {}).get(str(tick), self.x.label(tick))
            self.out.append(text(x, TOP + PLOT_H + 20, name, 12, SOFT, "middle"))
        self.out.append(f'<line x1="{LEFT}" x2="{LEFT + PLOT_W}" y1="{TOP + PLOT_H}" '
                        f'y2="{TOP + PLOT_H}" stroke="{SOFT}"/>')
        self.out.append(text(LEFT + PLOT_W / 2, HEIGHT - 42, self.spec["x"]["label"], 13, INK,
                             "middle"))
        middle = TOP + PLOT_H / 2
        self.out.append(text(22, middle, self.spec["y"]["label"], 13, INK, "middle",
                             extra=f' transform="rotate(-90 22 {number(middle)})"'))

    def bar(self):
        for bar in self.spec.get("bars", []):
            y = self.y.at(bar["at"])
            self.out.append(f'<line x1="{LEFT}" x2="{LEFT + PLOT_W}" y1="{number(y)}" '
                            f'y2="{number(y)}" stroke="{INK}" stroke-dasharray="2 4"/>')
            place = LEFT + PLOT_W - 6 if bar.get("right") else LEFT + 6
            self.out.append(text(place, y + (15 if bar.get("below") else -6), bar["label"], 12, INK,
                                 "end" if bar.get("right") else "start"))

    def points(self, values):
        return [f"{number(self.x.at(x))},{number(self.y.at(y))}"
                for x, y in zip(self.x_values, values)]

    def band(self, low, high, role):
        outline = self.points(high) + self.points(low)[::-1]
        if len(self.x_values) > 1:
            reverse = [f"{number(self.x.at(x))},{number(self.y.at(y))}"
                       for x, y in reversed(list(zip(self.x_values, low)))]
            outline = self.points(high) + reverse
        self.out.append(f'<polygon points="{" ".join(outline)}" fill="{COLOURS[role]}" '
                        f'fill-opacity="0.16"/>')

    def line(self, values, role):
        self.out.append(f'<polyline points="{" ".join(self.points(values))}" fill="none" '
                        f'stroke="{COLOURS[role]}" stroke-width="2.4" stroke-linejoin="round"/>')
        if len(values) <= 12:
            for point in self.points(values):
                x, y = point.split(",")
                self.out.append(f'<circle cx="{x}" cy="{y}" r="3.6" fill="{COLOURS[role]}"/>')

    def legend(self, entries):
        """entries: (role, label, [(numbers, is it a bar)]), top to bottom."""
        x, y = LEFT + PLOT_W + 26, TOP + 12
        for role, label, lines in entries:
            self.out.append(f'<line x1="{x}" x2="{x + 22}" y1="{y - 4}" y2="{y - 4}" '
                            f'stroke="{COLOURS[role]}" stroke-width="4"/>')
            for i, part in enumerate(wrap(label, 23)):
                self.out.append(text(x + 30, y, part, 13, COLOURS[role], weight="bold"))
                y += 17
            for line, is_bar in lines:
                self.out.append(text(x + 30, y, line, 12, INK if is_bar else SOFT))
                y += 16
            y += 14

    def foot(self, words):
        self.out.append(text(28, HEIGHT - 14, words, 11, SOFT))

    def finish(self):
        return "\n".join(self.out + ["</svg>"]) + "\n"
