#!/usr/bin/env python3
"""Our loads against stress-ng's, one worker each, by what the kernel counted.

Bogo operations of two programs are not the same work, so both are measured by counters of the
kernel: processes made, minor faults, pages dirtied, CPU time used. For inodes, which no counter
tells, each program's own count of created entries is taken.

usage: bench/compare/stressors.py [--seconds 5] [--pairs 5] [--only NAME]
needs: stress-ng; run on a quiet machine
"""

import argparse
import json
import re
import resource
import subprocess
import sys
import time

from comparison import BIN, at_least, need, pairs, ratio_line, run, table


def processes_made():
    return next(int(line.split()[1]) for line in open("/proc/stat") if line.startswith("processes"))


def pages_dirtied():
    return next(int(line.split()[1]) for line in open("/proc/vmstat")
                if line.startswith("nr_dirtied "))


def children():
    return resource.getrusage(resource.RUSAGE_CHILDREN)


COUNTERS = {
    "processes/s": processes_made,
    "faults/s": lambda: children().ru_minflt,
    "pages/s": pages_dirtied,
    "CPUs": lambda: children().ru_utime + children().ru_stime,
}

# name: (our load, stress-ng's arguments, what is counted)
LOADS = {
    "fork": ("fork", ["--fork", "1"], "processes/s"),
    "anon fault": ("page-fault", ["--vm", "1", "--vm-bytes", "64M", "--vm-method", "write64"],
                   "faults/s"),
    "page-cache fill": ("page-cache-fill",
                        ["--hdd", "1", "--hdd-opts", "wr-seq", "--hdd-bytes", "256M",
                         "--hdd-write-size", "256K", "--temp-path", "/var/tmp"], "pages/s"),
    "cpu": ("cpu-hog", ["--cpu", "1", "--cpu-method", "int64"], "CPUs"),
    "file create": ("named-file", ["--dentry", "1", "--dentry-order", "forward",
                                    "--temp-path", "/var/tmp"], "entries/s"),
}


def per_second(counter, argv):
    before, start = counter(), time.monotonic()
    run(*argv)
    return (counter() - before) / (time.monotonic() - start)


def own_count(load, seconds):
    done = json.loads(run(BIN / "nodeproof-agent", "load", load, "--seconds", seconds).stdout)
    return done["done"] / done["seconds"]


def bogo_rate(arguments, seconds):
    done = run(need("stress-ng"), *arguments, "--timeout", f"{seconds}s", "--metrics-brief")
    text = done.stdout + done.stderr
    for line in text.splitlines():
        found = re.search(r"\] (?:dentry)\s+(\d+)\s+([\d.]+)", line)
        if found:
            return int(found[1]) / float(found[2])
    sys.exit("error: stress-ng printed no rate")


def compare(name, seconds, count):
    load, arguments, unit = LOADS[name]
    if unit == "entries/s":
        found = pairs(lambda: own_count(load, seconds), lambda: bogo_rate(arguments, seconds),
                      count)
    else:
        counter = COUNTERS[unit]
        ours = [BIN / "nodeproof-agent", "load", load, "--seconds", seconds]
        peer = [need("stress-ng"), *arguments, "--timeout", f"{seconds}s"]
        found = pairs(lambda: per_second(counter, ours), lambda: per_second(counter, peer), count)
    return ratio_line(name, found, unit, at_least(1.0))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--only", choices=LOADS, action="append")
    options = parser.parse_args()
    need("stress-ng")
    table([compare(name, options.seconds, options.pairs) for name in options.only or LOADS])


if __name__ == "__main__":
    main()
