# SPDX-License-Identifier: Apache-2.0
"""From the numbers of all seeds to a picture and a row of README.md's table."""

import statistics

from picture import Picture, wrap


def worst(spec, metric, values):
    return min(values) if spec["metrics"][metric]["better"] == "more" else max(values)


def shown(spec, metric, value):
    """A number as a person reads it."""
    about = spec["metrics"][metric]
    if about.get("never") is not None and value >= about["never"]:
        return "never"
    digits = about.get("digits", 2)
    if about.get("unit") == "%":
        return f"{value * 100:.{digits}f} %"
    unit = about.get("unit", "")
    return f"{value:,.{digits}f}{' ' + unit if unit else ''}"


def summary(spec, results, policy, metric):
    values = results.of(policy, metric)
    return (shown(spec, metric, statistics.median(values)),
            shown(spec, metric, worst(spec, metric, values)))


def label_of(spec, policy):
    value = spec["policies"][policy]
    return value if isinstance(value, str) else value["label"]


def roles(spec):
    spare = ["middle", "other"]
    return {policy: "bad" if policy == spec["bad"] else "good" if policy == spec["good"]
            else spare.pop(0) for policy in spec["policies"]}


def findings(spec, results):
    """What a title may name: {policy.metric} is a median."""
    return {f"{policy}.{metric}": summary(spec, results, policy, metric)[0]
            for policy in spec["policies"] for metric in results.values[policy]}


def filled(words, values):
    for name, value in values.items():
        words = words.replace("{" + name + "}", value)
    return words


def per_point(results, policy, metric, pick):
    return [pick(column) for column in zip(*results.series_of(policy, metric))]


def picture(folder, name, spec, results):
    about = spec["picture"]
    first = next(iter(spec["policies"]))
    points = len(results.series_of(first, about["series"])[0])
    step, start = about["x"].get("step", 1), about["x"].get("start", 0)
    drawn = Picture(about, about["x"].get("values") or [start + step * i for i in range(points)])
    seeds = len(results.series_of(first, about["series"]))

    drawn.head(filled(about["title"], findings(spec, results)), about["subtitle"])
    drawn.window()
    drawn.axes()
    order = sorted(spec["policies"], key=lambda policy: (policy == spec["good"],
                                                         policy == spec["bad"]))
    role = roles(spec)
    for policy in order:
        drawn.band(per_point(results, policy, about["series"], min),
                   per_point(results, policy, about["series"], max), role[policy])
    for policy in order:
        drawn.line(per_point(results, policy, about["series"], statistics.median), role[policy])
    drawn.bar()
    drawn.legend([(role[policy], label_of(spec, policy), legend_lines(spec, results, policy))
                  for policy in spec["policies"]])
    drawn.foot(f"Lines: the median of {seeds:,} seeds. Bands: from the best seed to the worst, "
               f"at each point. Scenario: tests/sim/scenarios/{name}.json")
    (folder / "pictures" / f"{name}.svg").write_text(drawn.finish())


def legend_lines(spec, results, policy):
    """(words, is it a bar)."""
    lines = []
    for metric in spec["picture"]["told"]:
        if metric not in results.values[policy]:
            continue
        middle, last = summary(spec, results, policy, metric)
        lines += [(line, False) for line in wrap(spec["metrics"][metric]["label"] + ":", 30)]
        lines.append((f"{middle}, worst {last}", False))
        words = "must fail" if policy == spec["bad"] else "bar"
        lines += [(f"{words}: {bar_range(spec, bar)}", True) for bar in spec["bars"]
                  if bar["policy"] == policy and bar["metric"] == metric]
    return lines


def bar_range(spec, bar):
    metric, least, most = bar["metric"], bar.get("least"), bar.get("most")
    if least is not None and most is not None:
        return f"{shown(spec, metric, least)} to {shown(spec, metric, most)}"
    if least is not None:
        words = shown(spec, metric, least)
        return words if words == "never" else f"≥ {words}"
    return f"≤ {shown(spec, metric, most)}"


def cell(spec, results, policy):
    parts = []
    for bar in spec["bars"]:
        if bar["policy"] == policy:
            middle, last = summary(spec, results, policy, bar["metric"])
            parts.append(f"{spec['metrics'][bar['metric']]['label']} {bar_range(spec, bar)}: "
                         f"**{middle}**, worst {last}")
    return "; ".join(parts)


def row(folder, name, spec, results):
    """The row of this scenario, in place of the one that is there."""
    readme = folder / "README.md"
    seeds = len(results.of(spec["good"], spec["bars"][-1]["metric"]))
    ours = (f"| [{name}](scenarios/{name}.json) | {spec['from']} | {spec['claim']} | "
            f"{label_of(spec, spec['bad'])}: {cell(spec, results, spec['bad'])} | "
            f"{label_of(spec, spec['good'])}: {cell(spec, results, spec['good'])} | {seeds:,} | "
            f"`./dev sim {name}` |")
    lines = [ours if line.startswith(f"| [{name}]") else line
             for line in readme.read_text().splitlines()]
    readme.write_text("\n".join(lines) + "\n")
