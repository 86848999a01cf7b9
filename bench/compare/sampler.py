#!/usr/bin/env python3
"""What watching 200 cgroups ten times a second costs, from what one reading costs.

A sampler reads cpu.stat and both pressure files of each group; the rows cpu.read.*.groups-100 have
what reading 100 of each costs in CPU time. On a machine whose own hierarchy cannot be used, the
rows are a VM's, which is slower.

usage: bench/compare/sampler.py [--node host|vm] [--runs 6]
"""

import argparse
import statistics

from comparison import at_most, bench_rows, median_interval, positive, table, verdict

FILES = ("cpu-stat", "cpu-pressure", "memory-pressure")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--node", choices=("host", "vm"), default="vm")
    parser.add_argument("--runs", type=positive, default=6)
    options = parser.parse_args()
    ids = [f"cpu.read.{file}.groups-100" for file in FILES]
    rows = bench_rows(*ids, "--node", options.node, "--repeat", options.runs)
    costs = []
    for run in range(options.runs):
        microseconds = sum(row["cpu_time"] for row in rows if row["iteration"] == run + 1)
        costs.append(2 * 10 * microseconds / 1e6)  # of one CPU
    low, high = median_interval(costs)
    table([[f"200 groups, 10 Hz ({options.node})", f"{100 * statistics.median(costs):.3f} %",
            f"{100 * low:.3f} … {100 * high:.3f} %",
            f"{100 * min(costs):.3f} … {100 * max(costs):.3f} %", str(options.runs),
            verdict(at_most(0.01), low, high)]],
          ["what", "of one CPU", "95 % interval", "spread", "runs", "goal"])


if __name__ == "__main__":
    main()
