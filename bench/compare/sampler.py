#!/usr/bin/env python3
"""What watching 200 cgroups ten times a second costs, from what one reading costs.

A sampler reads cpu.stat and both pressure files of each group; the rows cpu.read.*.groups-100 have
what reading 100 of each costs in CPU time. That needs a cgroup v2 hierarchy that may be written; a
VM has one, but where it is emulated (TCG) its CPU is many times slower than this machine's. How
many times, for this very work, tells the root group, whose files both sides can read
(cpu.read.*.root): the last line is the VM's cost divided by that, with the slowest pairing of the
two. It is what the goal is judged by then.

usage: bench/compare/sampler.py [--node host|vm] [--runs 6]
"""

import argparse
import statistics

from comparison import at_most, bench_rows, median_interval, positive, table, verdict

FILES = ("cpu-stat", "cpu-pressure", "memory-pressure")
HEAD = ["what", "of one CPU", "95 % interval", "spread", "runs", "goal"]


def costs(node, which, readings, runs):
    """The part of one CPU that reading all files so often a second takes, of each run."""
    ids = [f"cpu.read.{file}.{which}" for file in FILES]
    rows = bench_rows(*ids, "--node", node, "--repeat", runs)
    return [readings / 1e6 * sum(row["cpu_time"] for row in rows if row["iteration"] == run + 1)
            for run in range(runs)]


def line(what, found, judged):
    low, high = median_interval(found)
    return [what, f"{100 * statistics.median(found):.3f} %",
            f"{100 * low:.3f} … {100 * high:.3f} %",
            f"{100 * min(found):.3f} … {100 * max(found):.3f} %", str(len(found)),
            verdict(at_most(0.01), low, high) if judged else ""]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--node", choices=("host", "vm"), default="vm")
    parser.add_argument("--runs", type=positive, default=6)
    options = parser.parse_args()
    groups = costs(options.node, "groups-100", 2 * 10, options.runs)
    lines = [line(f"200 groups, 10 Hz ({options.node})", groups, options.node == "host")]
    if options.node == "vm":
        there = costs("vm", "root", 200 * 10, options.runs)
        here = costs("host", "root", 200 * 10, options.runs)
        slower = min(there) / max(here)
        lines += [line("the root group, 2000 times a second (vm)", there, False),
                  line("the root group, 2000 times a second (host)", here, False),
                  line(f"200 groups, 10 Hz (host: the VM is {slower:.1f} times slower)",
                       [cost / slower for cost in groups], True)]
    table(lines, HEAD)


if __name__ == "__main__":
    main()
