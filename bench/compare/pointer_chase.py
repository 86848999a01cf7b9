#!/usr/bin/env python3
"""How stable the pointer chase is: ten runs of each working set, and the plateaus they show.

What is compared is each run's quickest batch of about a millisecond: the hardware's own latency,
which neighbours of a shared machine can only add to.

The second table names the smallest memory that each set fits into, by the sizes of this machine's
caches, half of which it may fill: other data need room, too. A level's plateau is found where the
load takes at least a fifth longer than in the level before it.

usage: bench/compare/pointer_chase.py [--runs 10] [--pages 4k|huge]
needs: a quiet machine
"""

import argparse
import pathlib
import statistics

from comparison import bench_rows, positive, table

STABLE = 0.01
STEP = 1.2
UNITS = {"k": 1 << 10, "K": 1 << 10, "m": 1 << 20, "M": 1 << 20}


def size_of(text):
    """Bytes of "256k" or "32768K"."""
    return int(text[:-1]) * UNITS[text[-1]] if text[-1] in UNITS else int(text)


def caches():
    """(name, bytes) of the data caches of CPU 0, from small to large."""
    found = {}
    for index in pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        if (index / "type").read_text().strip() != "Instruction":
            level = int((index / "level").read_text())
            found[level] = (f"L{level}", size_of((index / "size").read_text().strip()))
    return [found[level] for level in sorted(found)]


def level_of(size, known):
    for name, most in known:
        if size <= most / 2:
            return name
    return "DRAM"


def plateaus(medians, known):
    """A row for each level: its sets, what a load takes there, whether that is a step up."""
    sets = {}
    for name, middle in medians.items():
        sets.setdefault(level_of(size_of(name.split(".")[2]), known), []).append((name, middle))
    rows, before = [], None
    for level, most in [*known, ("DRAM", None)]:
        room = f"{most >> 10} KiB" if most else ""
        if level not in sets:
            rows.append([level, room, "no set is of its size", "", "", "unknown"])
            continue
        load = min(middle for _, middle in sets[level])
        step = load / before if before else None
        rows.append([level, room, ", ".join(name for name, _ in sets[level]), f"{load:.3f} ns",
                     f"{step:.2f}" if step else "",
                     "yes" if step is None or step >= STEP else "no"])
        before = load
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=positive, default=10)
    parser.add_argument("--pages", choices=("4k", "huge"), default="huge")
    options = parser.parse_args()
    rows = bench_rows(f"numa.chase.*.{options.pages}", "--node", "host", "--repeat", options.runs)
    times = {}  # of each working set, from small to large
    for row in rows:
        times.setdefault(row["name"], []).append(row["quantities"]["quickest batch"]["value"])
    lines, medians = [], {}
    for name, found in times.items():
        middle = medians[name] = statistics.median(found)
        off = max(abs(value / middle - 1) for value in found)
        lines.append([name, f"{middle:.3f} ns", f"{min(found):.3f} … {max(found):.3f}",
                      f"{100 * off:.2f} %", str(len(found)),
                      f"{'met' if off <= STABLE else 'MISSED'} (≤ {100 * STABLE:g} %)"])
    table(lines, ["what", "load", "spread", "farthest", "runs", "goal"])
    print()
    known = caches()
    if not known:
        print("no sizes of caches in /sys/devices/system/cpu/cpu0/cache: plateaus not judged")
        return
    table(plateaus(medians, known), ["level", "size", "sets", "load", "ratio", "plateau found"],
          heading=False)


if __name__ == "__main__":
    main()
