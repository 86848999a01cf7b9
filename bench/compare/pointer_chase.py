#!/usr/bin/env python3
"""How stable the pointer chase is: ten runs of each working set, and the plateaus they show.

A working set that no longer fits into a cache takes longer a load than the one before it.

usage: bench/compare/pointer_chase.py [--runs 10] [--pages 4k|huge]
needs: a quiet machine
"""

import argparse
import statistics

from comparison import bench_rows, table, verdict


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--pages", choices=("4k", "huge"), default="huge")
    options = parser.parse_args()
    rows = bench_rows(f"numa.chase.*.{options.pages}", "--node", "host", "--repeat", options.runs)
    times = {}  # of each working set, from small to large
    for row in rows:
        times.setdefault(row["name"], []).append(row["real_time"])
    lines = []
    smaller = None
    for name, found in times.items():
        middle = statistics.median(found)
        off = max(abs(value / middle - 1) for value in found)
        lines.append([name, f"{middle:.3f} ns", f"{min(found):.3f} … {max(found):.3f}",
                      f"{100 * off:.2f} %", f"{middle / smaller:.2f}" if smaller else "",
                      str(len(found)), verdict(off <= 0.01, "≤ 1 %")])
        smaller = middle
    table(lines, ["what", "load", "spread", "farthest", "ratio to the set before", "runs", "goal"])


if __name__ == "__main__":
    main()
