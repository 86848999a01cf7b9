#!/usr/bin/env python3
"""A process in a new container cgroup with every limit set: ours against `crun run` and `runc run`.

Ours is the benchmark cpu.birth.container: the group is made, six limits are written, a process is
born in it and ends, the group is removed. The runtimes (cpu.birth.crun, cpu.birth.runc) do the
same, with the same limits, for a bundle whose process ends at once; namespaces are only those that
they insist on. What they do besides (start, read the bundle, mount and change into its root, keep
the container's state) is theirs.

All are measured on one node by turns, `--pairs` times: in a VM, which gets the runtimes of this
machine, or on a host whose cgroup v2 hierarchy may be written.

usage: bench/compare/container_start.py [--node vm|host] [--pairs 6] [--kernel 6.12]
needs: crun, runc; for --node host root and a writable cgroup v2 hierarchy with cpu, memory and pids
"""

import argparse

from comparison import at_least, bench_rows, need, positive, ratio_line, table

RUNTIMES = ("crun", "runc")
OURS = "cpu.birth.container"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--node", choices=("vm", "host"), default="vm")
    parser.add_argument("--pairs", type=positive, default=6)
    parser.add_argument("--kernel", help="of the VM")
    options = parser.parse_args()
    paths = [need(runtime) for runtime in RUNTIMES]
    arguments = ["--node", options.node, "--repeat", options.pairs]
    if options.node == "vm":
        arguments += [word for path in paths for word in ("--pack", path)]
    if options.kernel:
        arguments += ["--kernel", options.kernel]
    rows = bench_rows(OURS, *(f"cpu.birth.{runtime}" for runtime in RUNTIMES), *arguments)
    rates = {}  # of each, containers a second in the order of the turns
    for row in sorted(rows, key=lambda row: row["iteration"]):
        rates.setdefault(row["name"], []).append(1e6 / row["real_time"])  # of microseconds
    table([ratio_line(f"container start, {runtime} run ({options.node})",
                      list(zip(rates[OURS], rates[f"cpu.birth.{runtime}"])), "1/s", at_least(10))
           for runtime in RUNTIMES])


if __name__ == "__main__":
    main()
