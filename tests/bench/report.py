# SPDX-License-Identifier: Apache-2.0

"""JSON lines. A value is the median of the rounds with the least and the
greatest; a ratio is the median of the ratios within each round, never the
ratio of two medians: what disturbs a round disturbs both of its sides."""

import json
import statistics
import sys

missed = []


def say(line):
    print(json.dumps(line), flush=True)


def note(text):
    print(f"# {text}", file=sys.stderr, flush=True)


def spread(values, digits=3):
    return (round(statistics.median(values), digits), round(min(values), digits),
            round(max(values), digits))


def line(bench, case, unit, values, **more):
    """A line without a peer."""
    value, least, greatest = spread(values)
    out = {"bench": bench, "case": case, "value": value, "least": least, "greatest": greatest,
           "unit": unit, "peer": None, "peer_value": None, "ratio": None, "rounds": len(values)}
    say(bar_checked(out | more))


def pairs(bench, case, unit, values, peer, peer_values, **more):
    """A line against a peer; values[i] and peer_values[i] are of one round."""
    value, least, greatest = spread(values)
    ratio, ratio_least, ratio_greatest = spread(
        [a / b for a, b in zip(values, peer_values) if b > 0] or [0])
    difference = spread([a - b for a, b in zip(values, peer_values)])
    peer_value, peer_least, peer_greatest = spread(peer_values)
    out = {"bench": bench, "case": case, "value": value, "least": least, "greatest": greatest,
           "unit": unit, "peer": peer, "peer_value": peer_value, "peer_least": peer_least,
           "peer_greatest": peer_greatest, "ratio": ratio, "ratio_least": ratio_least,
           "ratio_greatest": ratio_greatest, "difference": difference[0],
           "difference_least": difference[1], "difference_greatest": difference[2],
           "rounds": len(values)}
    say(bar_checked(out | more))


def bar_checked(out):
    """`bar` is (field, ">=" or "<=", limit)."""
    bar = out.pop("bar", None)
    if bar:
        field, sign, limit = bar
        out["bar"] = f"{field} {sign} {limit}"
        out["met"] = out[field] >= limit if sign == ">=" else out[field] <= limit
        if not out["met"]:
            missed.append(out)
    return out
