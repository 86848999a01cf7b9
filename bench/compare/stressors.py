#!/usr/bin/env python3
"""Our loads against stress-ng's, one worker each, by what the kernel counted.

Bogo operations of two programs are not the same work, so both are measured by counters of the
kernel, read twice while the load is at work: processes made, pages allocated, pages dirtied, CPU
time used. Setting up and clearing away, which the programs do differently, are outside. For inodes,
which no counter tells, each program's own count of created entries is taken.

Faults are not counted: stress-ng's `vm` reads every page in (MADV_POPULATE_READ) before it writes
it, which is two faults for one page. What an anonymous load takes is pages, so these are counted,
in working sets of the same size on both sides.

Files are created in memory (tmpfs). On a disk their rate is the file system's history: ext4 without
a journal takes no inode that was deleted in the last minutes (fs/ext4/ialloc.c, recently_deleted())
and looks at all of them for each new one, so that each run slows the next down.

A CPU hog takes a CPU: any two that never sleep take as much, so that line asks for equality.

stress-ng has no stressor that does nothing but this for some: `hdd` reads back what it wrote, `vm`
writes all of a page and checks it, `dentry` looks names up and syncs between its batches.

usage: bench/compare/stressors.py [--seconds 5] [--pairs 6] [--only NAME]
needs: stress-ng, a tmpfs at /dev/shm; run on a quiet machine
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time

from comparison import (ENVIRONMENT, SCRATCH, at_least, last_line, need, our, pairs, positive,
                        ratio_line, run, table, within)

IN_MEMORY = "/dev/shm"

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


def cpu_time(pid):
    """CPU time of a process in seconds, as of now (clock_getcpuclockid(3)): /proc's accounts are
    those of the last tick."""
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:  # it is gone
        return 0.0


def cpu_seconds(pid):
    """CPU time of the living descendants."""
    return sum(cpu_time(each) for each in below(pid))


def system_counter(path, prefix):
    """The sum of the file's counters whose name begins so, of the whole system."""
    return lambda _: sum(int(line.split()[1]) for line in read(path).splitlines()
                         if line.startswith(prefix))


COUNTERS = {
    "processes/s": system_counter("/proc/stat", "processes "),
    "pages/s": system_counter("/proc/vmstat", "pgalloc_"),
    "dirtied/s": system_counter("/proc/vmstat", "nr_dirtied "),
    "CPUs": cpu_seconds,
}
VM = ["--vm", "1", "--vm-method", "write64", "--vm-madvise", "nohugepage", "--vm-bytes"]

# name: (our load, stress-ng's arguments, what is counted, goal)
LOADS = {
    "fork": ("fork", ["--fork", "1"], "processes/s", at_least(1.0)),
    # Both fill 32 pages, so from the CPU's own free lists, or 384 MiB.
    "anon fault 128K": ("page-fault", [*VM, "128K"], "pages/s", at_least(1.0)),
    "anon fault 384M": ("anon-hog", [*VM, "384M"], "pages/s", at_least(1.0)),
    "page-cache fill": ("page-cache-fill",
                        ["--hdd", "1", "--hdd-opts", "wr-seq", "--hdd-bytes", "256M",
                         "--hdd-write-size", "256K", "--temp-path", SCRATCH], "dirtied/s",
                        at_least(1.0)),
    "cpu": ("cpu-hog", ["--cpu", "1", "--cpu-method", "int64"], "CPUs", within(0.01)),
    "file create": ("named-file", ["--dentry", "1", "--dentry-order", "forward",
                                   "--temp-path", IN_MEMORY], "entries/s", at_least(1.0)),
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
    done = json.loads(run(our("nodeproof-agent"), "load", load, "--seconds", seconds, "--in",
                          IN_MEMORY).stdout)
    return done["done"] / done["seconds"]


def bogo_rate(arguments, seconds):
    done = run(need("stress-ng"), *arguments, "--timeout", f"{seconds}s", "--metrics-brief")
    for line in (done.stdout + done.stderr).splitlines():
        # stressor, bogo operations, real time
        if found := re.search(r"\] dentry\s+(\d+)\s+([\d.]+)\s", line):
            return int(found[1]) / float(found[2])
    sys.exit("error: stress-ng printed no rate")


def compare(name, seconds, count):
    load, arguments, unit, goal = LOADS[name]
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
    return ratio_line(name, found, unit, goal)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=positive, default=5)
    parser.add_argument("--pairs", type=positive, default=6)
    parser.add_argument("--only", choices=LOADS, action="append")
    options = parser.parse_args()
    need("stress-ng")
    table([compare(name, options.seconds, options.pairs) for name in options.only or LOADS])


if __name__ == "__main__":
    main()
