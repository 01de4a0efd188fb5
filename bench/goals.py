#!/usr/bin/env python3
"""What was measured beside the goals: reads what the parts of bench/run printed into FOLDER, prints a table.

    bench/goals.py FOLDER

A part that was not run is left out. What is judged is the median of the rounds; beside it stand the least and the most of them. Contestants are
compared within a round, in which all had the same machine.
"""
import collections
import pathlib
import statistics
import sys

MB = 1.048576  # of a MiB


def figures(path):
    """The lines "name value …" of a part."""
    found = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        words = line.split()
        values = []
        while len(words) > 1 and words[-1].replace(".", "", 1).isdigit():
            values.insert(0, float(words.pop()))
        if values:
            found[" ".join(words)] = values
    return found


def row(name, goal, form, rounds, met, more=""):
    value = statistics.median(rounds)
    text = [form.format(x) for x in (value, min(rounds), max(rounds))]
    return f"| {name} | {goal} | {text[0]}{more} | {text[1]} to {text[2]} | {'yes' if met(value) else 'no'} |"


def at_least(name, goal, rounds):
    return row(name, f"at least {goal}x", "{:.1f}x", rounds, lambda value: value >= goal)


def under(name, goal, unit, rounds, more=""):
    return row(name, f"under {goal:g} {unit}", "{:.3g} " + unit, rounds, lambda value: value < goal, more)


def throughput(found):
    goals = [("random postgres", "at random, PostgreSQL incrementally", 20), ("random sqlite", "at random, SQLite", 5),
             ("grouped postgres", "grouped by unit, PostgreSQL incrementally", 20), ("grouped sqlite", "grouped by unit, SQLite", 2)]
    for key, name, goal in goals:
        if "ratio " + key in found:
            yield at_least(name, goal, found["ratio " + key])


def nation(one):
    median = {key: statistics.median(rounds) for key, rounds in one.items()}
    yield under("the nation loaded, ranked, durable", 1, "s", one["load_s"], f" (processor {median['load_cpu_s']:.2f})")
    yield under("longest stop of the line for a checkpoint", 10, "ms", one["checkpoint_ms_max"],
                f" (of any kind, the disk's above all: {median['checked_ms_max']:.3g} with one under way, {median['unchecked_ms_max']:.3g} without)")
    yield under("resident memory", 50, "MB", [mib * MB for mib in one["resident_mib_p50"]],
                f" (at most {max(one['resident_mib_max']) * MB:.3g}; its own {median['anonymous_mib'] * MB:.3g}, the rest files)")
    if "restart_s" in one:
        yield under("start, a million changes after the last checkpoint", 2, "s", one["restart_s"],
                    f" (processor {median['restart_cpu_s']:.2f})")


def linear(one, more, scale):
    """Linear is: no more than half as much again for each, at ten or a hundred times as many. Of the program's own processor time: what
    the system takes besides is mostly for memory that this virtual machine is only then given."""
    for name, key, each in (("a unit's load", "load_{}_s", scale), ("a change", "{}_us_per_change", 1)):
        factors = {}
        for whose in ("own", "cpu"):
            costs = more[key.format(whose)]
            shares = more.get("checkpoint_" + key.format(whose), [0] * len(costs))  # of a change, where none fell due
            base = statistics.median(one[key.format(whose)]) * each
            factors[whose] = [(cost + share) / base for cost, share in zip(costs, shares)]
        yield row(f"processor time of {name}, {scale}x the nation", "at most 1.5 times", "{:.2f} times", factors["own"],
                  lambda value: value <= 1.5, f" (with the system's {statistics.median(factors['cpu']):.2f})")


def main():
    folder = pathlib.Path(sys.argv[1])
    rows = list(throughput(figures(folder / "throughput.txt")))
    nations = {scale: collections.defaultdict(list) for scale in (1, 10, 100)}
    for scale, rounds in nations.items():
        for path in sorted(folder.glob(f"nation{scale}-*.txt")):
            for key, values in figures(path).items():
                rounds[key] += values
    if "load_s" in nations[1]:
        rows += nation(nations[1])
        for scale in (10, 100):
            if "own_us_per_change" in nations[scale]:
                rows += linear(nations[1], nations[scale], scale)
    print("| | goal | measured | least and most | met |\n|---|---|---|---|---|", *rows, sep="\n")


if __name__ == "__main__":
    main()
