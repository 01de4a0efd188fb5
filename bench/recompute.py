#!/usr/bin/env python3
"""A contestant: a script that keeps all figures in memory, appends each batch to a file with fsync, and
works everything out again with Decimal. Reads from stdin:

    N                                   units; then "LEVEL" a line each
    UNIT FIGURE VALUE AT REVISION       a change; VALUE in millionths
    .                                   the end of a batch: recompute, answer "ok"
    totals                              answer with every unit's total, millionths, one a line
"""
import os
import sys
from decimal import ROUND_HALF_UP, Decimal, getcontext

RATIOS, SHARED, GIVEN = 40, 4, 10
MILLION = Decimal(1000000)
MILLIONTH = Decimal("0.000001")
MAX = Decimal(2)


def points(figures):
    out = []
    for i in range(RATIOS):
        a, b = figures.get(i), figures.get(RATIOS + i // SHARED)
        if a is not None and b is not None:
            out.append(MAX if a >= b else (MAX * a / b).quantize(MILLIONTH, ROUND_HALF_UP))
    out.extend(figures[i] for i in range(RATIOS + RATIOS // SHARED, RATIOS + RATIOS // SHARED + GIVEN)
               if i in figures)
    return out


def recompute(nation, levels):
    totals = [sum(points(figures), Decimal(0)) for figures in nation]
    ranks = [0] * len(totals)
    for level in set(levels):
        members = sorted((u for u in range(len(totals)) if levels[u] == level), key=lambda u: -totals[u])
        for place, u in enumerate(members):
            tied = place > 0 and totals[u] == totals[members[place - 1]]
            ranks[u] = ranks[members[place - 1]] if tied else place + 1
    return totals, ranks


def main():
    getcontext().prec = 50
    journal = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
    levels = [sys.stdin.readline() for _ in range(int(sys.stdin.readline()))]
    nation = [{} for _ in levels]
    before, lines = [None] * len(levels), []
    for line in sys.stdin:
        if line == ".\n":
            totals, ranks = recompute(nation, levels)
            changed = [f"{u} {totals[u]} {ranks[u]}\n" for u in range(len(totals)) if totals[u] != before[u]]
            before = totals
            os.write(journal, "".join(lines + changed).encode())
            os.fsync(journal)
            lines = []
            print("ok", flush=True)
        elif line == "totals\n":
            print("\n".join(str(int(t * MILLION)) for t in before), flush=True)
        else:
            unit, figure, value, _, _ = line.split()
            nation[int(unit)][int(figure)] = Decimal(value) / MILLION
            lines.append(line)


main()
