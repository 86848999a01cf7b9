#!/usr/bin/env python3
"""Our loads against stress-ng's, one worker each, by what the kernel counted.

Bogo operations of two programs are not the same work, so both are measured by counters of the
kernel, read twice while the load is at work: processes made, minor faults, pages dirtied, CPU time
used. Setting up and clearing away, which the programs do differently, are outside. For inodes,
which no counter tells, each program's own count of created entries is taken.

stress-ng has no stressor that does nothing but this for some: `hdd` reads back what it wrote, `vm`
writes all of a page and checks it, `dentry` looks names up and syncs between its batches.

usage: bench/compare/stressors.py [--seconds 5] [--pairs 5] [--only NAME]
needs: stress-ng; run on a quiet machine
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time

from comparison import (ENVIRONMENT, SCRATCH, at_least, last_line, need, our, pairs, ratio_line, run,
                        table)

# The load runs this much longer than it is watched, so that setting up has time.
SPARE_SECONDS = 5


def read(path):
    """The file's words; none of a process that is gone."""
    try:
        with open(path) as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def stat_of(pid):
    """The fields of /proc/PID/stat from the third on (proc(5)), without the name before them."""
    return read(f"/proc/{pid}/stat").rpartition(")")[2].split()


def below(pid):
    """The process ids of all descendants."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (fields := stat_of(entry)):
            children.setdefault(int(fields[1]), []).append(int(entry))
    found, left = [], [pid]
    while left:
        some = children.get(left.pop(), [])
        found += some
        left += some
    return found


def cpu_seconds(pid):
    """CPU time of the living descendants, in seconds, to the nanosecond."""
    return sum(int((read(f"/proc/{each}/schedstat").split() or ["0"])[0])
               for each in below(pid)) / 1e9


def minor_faults(pid):
    """Of the process, its descendants, and those that they have waited for."""
    fields = [stat_of(each) for each in [pid, *below(pid)]]
    return sum(int(each[7]) + int(each[8]) for each in fields if each)


def system_counter(path, name):
    return lambda _: next(int(line.split()[1]) for line in read(path).splitlines()
                          if line.split()[0] == name)


COUNTERS = {
    "processes/s": system_counter("/proc/stat", "processes"),
    "faults/s": minor_faults,
    "pages/s": system_counter("/proc/vmstat", "nr_dirtied"),
    "CPUs": cpu_seconds,
}

# name: (our load, stress-ng's arguments, what is counted)
LOADS = {
    "fork": ("fork", ["--fork", "1"], "processes/s"),
    "anon fault": ("page-fault",
                   ["--vm", "1", "--vm-bytes", "64M", "--vm-method", "write64", "--vm-madvise",
                    "nohugepage"], "faults/s"),
    "page-cache fill": ("page-cache-fill",
                        ["--hdd", "1", "--hdd-opts", "wr-seq", "--hdd-bytes", "256M",
                         "--hdd-write-size", "256K", "--temp-path", SCRATCH], "pages/s"),
    "cpu": ("cpu-hog", ["--cpu", "1", "--cpu-method", "int64"], "CPUs"),
    "file create": ("named-file", ["--dentry", "1", "--dentry-order", "forward",
                                   "--temp-path", SCRATCH], "entries/s"),
}


def await_work(process, argv):
    """Returns when the load's workers have used a tenth of a CPU second: they are past setting up."""
    deadline = time.monotonic() + 30
    while cpu_seconds(process.pid) < 0.1:
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            sys.exit(f"error: {' '.join(argv)}: no work: {last_line(process.communicate()[1])}")
        time.sleep(0.02)


def per_second(counter, argv, seconds):
    """How fast the counter grows while the load runs; the load ends by itself."""
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                               env=ENVIRONMENT)
    await_work(process, argv)
    before, start = counter(process.pid), time.monotonic()
    time.sleep(seconds)
    rate = (counter(process.pid) - before) / (time.monotonic() - start)
    early = process.poll() is not None
    said = process.communicate()[1]
    if early or process.returncode != 0:
        sys.exit(f"error: {' '.join(argv)}: "
                 f"{'it ended too soon' if early else f'status {process.returncode}'}: "
                 f"{last_line(said)}")
    return rate


def own_count(load, seconds):
    done = json.loads(run(our("nodeproof-agent"), "load", load, "--seconds", seconds).stdout)
    return done["done"] / done["seconds"]


def bogo_rate(arguments, seconds):
    done = run(need("stress-ng"), *arguments, "--timeout", f"{seconds}s", "--metrics-brief")
    for line in (done.stdout + done.stderr).splitlines():
        # stressor, bogo operations, real time
        if found := re.search(r"\] dentry\s+(\d+)\s+([\d.]+)\s", line):
            return int(found[1]) / float(found[2])
    sys.exit("error: stress-ng printed no rate")


def compare(name, seconds, count):
    load, arguments, unit = LOADS[name]
    if unit == "entries/s":
        found = pairs(lambda: own_count(load, seconds), lambda: bogo_rate(arguments, seconds),
                      count)
    else:
        counter = COUNTERS[unit]
        total = seconds + SPARE_SECONDS
        ours = [our("nodeproof-agent"), "load", load, "--seconds", str(total)]
        peer = [need("stress-ng"), *arguments, "--timeout", f"{total}s"]
        found = pairs(lambda: per_second(counter, ours, seconds),
                      lambda: per_second(counter, peer, seconds), count)
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
