#!/usr/bin/env python3
"""What was measured beside the goals: reads what the parts of bench/run printed into FOLDER, prints a table.

    bench/goals.py FOLDER

A part that was not run is left out. "met" compares the figure as it was measured, on the machine as it was.
"""
import pathlib
import sys

UNITS = 4055  # of the nation


def figures(path):
    """The lines "name value" of a part."""
    found = {}
    if path.exists():
        for line in path.read_text().splitlines():
            words = line.split()
            if len(words) >= 2:
                try:
                    found[" ".join(words[:-1])] = float(words[-1])
                except ValueError:
                    pass
    return found


def at_least(name, goal, value):
    return name, f"at least {goal}x", f"{value:.1f}x", value >= goal


def under(name, goal, unit, value, more=""):
    return name, f"under {goal:g} {unit}", f"{value:.3g} {unit}{more}", value < goal


def throughput(found):
    goals = [("random postgres", "at random, PostgreSQL incrementally", 20), ("random sqlite", "at random, SQLite", 5),
             ("grouped postgres", "grouped by unit, PostgreSQL incrementally", 20), ("grouped sqlite", "grouped by unit, SQLite", 2)]
    for key, name, goal in goals:
        if "ratio " + key in found:
            yield at_least(name, goal, found["ratio " + key])


def nation(one):
    yield under("the nation loaded, ranked, durable", 1, "s", one["load_s"], f" (processor {one['load_cpu_s']:.2f})")
    yield under("longest stop of the line, checkpoint under way", 10, "ms", one["checked_ms_max"],
                f" (without one {one['unchecked_ms_max']:.3g})")
    yield under("resident memory", 50, "MB", one["resident_mib_p50"] * 1.048576,
                f" (at most {one['resident_mib_max'] * 1.048576:.3g}; its own {one['anonymous_mib'] * 1.048576:.3g}, the rest files)")
    if "restart_s" in one:
        yield under("start, a million changes after the last checkpoint", 2, "s", one["restart_s"],
                    f" (processor {one['restart_cpu_s']:.2f})")


def linear(one, more, scale):
    """Linear is: no more than half as much again for each, at ten or a hundred times as many."""
    for key, name, each in (("load_cpu_s", "processor time to load a unit", scale), ("cpu_us_per_change", "processor time of a change", 1)):
        cost = more[key] + (more.get("checkpoint_us_per_change", 0) if key == "cpu_us_per_change" else 0)
        factor = cost / one[key] / each
        yield f"{name}, {scale}x the nation", "at most 1.5 times", f"{factor:.2f} times", factor <= 1.5


def main():
    folder = pathlib.Path(sys.argv[1])
    rows = list(throughput(figures(folder / "throughput.txt")))
    nations = {scale: figures(folder / f"nation{scale}.txt") for scale in (1, 10, 100)}
    if "load_s" in nations[1]:
        rows += nation(nations[1])
        for scale in (10, 100):
            if "cpu_us_per_change" in nations[scale]:
                rows += linear(nations[1], nations[scale], scale)
    print("| | goal | measured | met |\n|---|---|---|---|")
    for name, goal, measured, met in rows:
        print(f"| {name} | {goal} | {measured} | {'yes' if met else 'no'} |")


if __name__ == "__main__":
    main()
