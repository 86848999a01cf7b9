#!/usr/bin/env python3
"""A process in a new container cgroup with every limit set: ours against `crun run` and `runc run`.

Ours is the benchmark cpu.birth.container: the group is made, six limits are written, a process is
born in it and ends, the group is removed. The runtimes do the same for a bundle whose process ends
at once, without new namespaces but the ones that they insist on.

usage: bench/compare/container_start.py [--runs 20]
needs: crun, runc, root, a writable cgroup v2 hierarchy with cpu, memory and pids
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from comparison import at_least, bench_rows, need, table

LIMITS = {
    "cpu": {"shares": 1024, "quota": 100000, "period": 100000},
    "memory": {"limit": 134217728, "reservation": 67108864},
    "pids": {"limit": 1000},
}


def make_bundle(folder):
    """A bundle whose root file system is the host's, read-only, and whose process is /bin/true."""
    config = {
        "ociVersion": "1.0.2",
        "process": {"terminal": False, "user": {"uid": 0, "gid": 0}, "args": ["/bin/true"],
                    "env": ["PATH=/bin"], "cwd": "/"},
        "root": {"path": "/", "readonly": True},
        "linux": {"resources": LIMITS, "namespaces": [{"type": "mount"}, {"type": "pid"}]},
    }
    (folder / "config.json").write_text(json.dumps(config))


def start_once(runtime, folder, index):
    begun = time.monotonic()
    done = subprocess.run([runtime, "run", "--bundle", str(folder), f"nodeproof-{os.getpid()}-{index}"],
                          capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"error: {runtime} run: {done.stderr.strip()}")
    return time.monotonic() - begun


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    options = parser.parse_args()
    runtimes = [need("crun"), need("runc")]
    row = bench_rows("cpu.birth.container", "--node", "host")[0]
    if row["status"] != "measured":
        sys.exit(f"error: cpu.birth.container is {row['status']} here: {row['reason']}")
    ours = row["real_time"] / 1e6
    lines = []
    with tempfile.TemporaryDirectory(prefix="nodeproof-bundle-") as name:
        folder = pathlib.Path(name)
        make_bundle(folder)
        for runtime in runtimes:
            times = [start_once(runtime, folder, index) for index in range(options.runs)]
            ratios = sorted(each / ours for each in times)
            middle = statistics.median(ratios)
            lines.append([f"{pathlib.Path(runtime).name} run over ours", f"{1e3 * ours:.3f}",
                          f"{1e3 * statistics.median(times):.3f}", "ms", f"{middle:.1f}",
                          f"{ratios[0]:.1f} … {ratios[-1]:.1f}", str(options.runs),
                          at_least(10)(middle)])
    table(lines)


if __name__ == "__main__":
    main()
