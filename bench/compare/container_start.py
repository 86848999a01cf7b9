#!/usr/bin/env python3
"""A process in a new container cgroup with every limit set: ours against `crun run` and `runc run`.

Ours is the benchmark cpu.birth.container: the group is made, six limits are written, a process is
born in it and ends, the group is removed. The runtimes do the same, with the same limits, for a
bundle whose process ends at once; namespaces are only those that they insist on. What they do
besides (read the bundle, mount and pivot into its root, keep the container's state) is theirs.

usage: bench/compare/container_start.py [--pairs 20]
needs: crun, runc, gcc with a static C library, root, a writable cgroup v2 hierarchy with cpu, memory
and pids
"""

import argparse
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from comparison import at_least, bench_rows, need, pairs, positive, ratio_line, run, table

# Those of bench/cpu/group_costs.cc, MeasureContainer: shares of 2048 are a weight of 79.
LIMITS = {
    "cpu": {"shares": 2048, "quota": 100000, "period": 100000},
    "memory": {"limit": 134217728},
    "pids": {"limit": 1000},
    "unified": {"memory.min": "67108864", "memory.high": "120000000"},
}


def make_bundle(folder):
    """A bundle whose root holds one static program, which ends at once, and a place for /proc."""
    source = folder / "true.c"
    source.write_text("int main(void) { return 0; }\n")
    root = folder / "root"
    (root / "proc").mkdir(parents=True)
    run(need("gcc"), "-O1", "-static", "-o", root / "true", source)
    config = {
        "ociVersion": "1.0.2",
        "process": {"terminal": False, "user": {"uid": 0, "gid": 0}, "args": ["/true"],
                    "env": ["PATH=/"], "cwd": "/"},
        "root": {"path": "root", "readonly": True},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
        "linux": {"resources": LIMITS, "namespaces": [{"type": "mount"}, {"type": "pid"}]},
    }
    (folder / "config.json").write_text(json.dumps(config))


def starter(runtime, folder):
    """Rate of the runtime: containers a second, by one of them."""
    numbers = itertools.count()

    def start_once():
        name = f"nodeproof-{os.getpid()}-{next(numbers)}"
        begun = time.monotonic()
        done = subprocess.run([runtime, "run", "--bundle", str(folder), name], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True)
        took = time.monotonic() - begun
        if done.returncode != 0:
            sys.exit(f"error: {runtime} run: {done.stderr.strip()}")
        return 1 / took

    return start_once


def ours():
    row = bench_rows("cpu.birth.container", "--node", "host")[0]
    return 1e6 / row["real_time"]  # of microseconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=positive, default=20)
    options = parser.parse_args()
    runtimes = [need("crun"), need("runc")]
    ours()  # says what is missing before anything is made
    with tempfile.TemporaryDirectory(prefix="nodeproof-bundle-") as name:
        folder = pathlib.Path(name)
        make_bundle(folder)
        table([ratio_line(f"container start, {pathlib.Path(runtime).name} run",
                          pairs(ours, starter(runtime, folder), options.pairs), "1/s",
                          at_least(10)) for runtime in runtimes])


if __name__ == "__main__":
    main()
