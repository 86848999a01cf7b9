#!/usr/bin/env python3
"""What `nodeproof run` adds to a boot.

Compares, pair by pair in one run, the time that `nodeproof run cpu.weight.siblings` spends outside
measuring (its wall time less the claim's own duration) with the bare boot and power-off of the same
kernel by the same QEMU line, with an init that does nothing else. Prints the ratio of each pair and
their median; the goal is at most 1.3.

usage: bench/boot_overhead.py [--kernel 6.12] [--pairs 5] [--bin build/release/bin]
needs: a C compiler with a static C library (g++ and libc6-dev)
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

INIT = r"""
#include <sys/reboot.h>
int main(void) { reboot(RB_POWER_OFF); for (;;) {} }
"""


def newc(name, mode, content=b"", device=(0, 0)):
    """One entry of a cpio archive in the newc format."""
    fields = [0, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(name) + 1, 0]
    header = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
    pad = lambda data: data + b"\0" * (-len(data) % 4)
    return pad(header) + pad(content)


def bare_initrd(folder):
    source = folder / "init.c"
    source.write_text(INIT)
    subprocess.run(["gcc", "-O1", "-static", "-o", str(folder / "init"), str(source)], check=True)
    archive = (newc("dev", 0o040755) + newc("dev/console", 0o020600, device=(5, 1)) +
               newc("init", 0o100755, (folder / "init").read_bytes()) + newc("TRAILER!!!", 0))
    path = folder / "bare.cpio"
    path.write_bytes(archive)
    return str(path)


def bare_argv(vm, initrd):
    """nodeproof's own QEMU line with the kernel image, the initrd and the channels replaced."""
    argv, replaced = [], {"-kernel": vm["kernel"], "-initrd": initrd}
    words = iter(vm["argv"])
    for word in words:
        if word in replaced:
            next(words)
            argv += [word, replaced[word]]
        elif word in ("-chardev", "-serial", "-qmp", "-mon"):
            next(words)
        else:
            argv.append(word)
    return argv + ["-serial", "null", "-serial", "null"]


def timed(argv, **kwargs):
    start = time.monotonic()
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, **kwargs)
    return time.monotonic() - start, done


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kernel", default="6.12")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--bin", default=str(pathlib.Path(__file__).parent.parent / "build/release/bin"))
    options = parser.parse_args()
    if shutil.which("gcc") is None:
        raise SystemExit("error: gcc is not installed; apt-get install gcc libc6-dev")

    with tempfile.TemporaryDirectory(prefix="nodeproof-bench-") as name:
        folder = pathlib.Path(name)
        initrd = bare_initrd(folder)
        ratios = []
        print(f"{'pair':>4} {'nodeproof, outside measuring':>30} {'bare boot':>12} {'ratio':>7}")
        for pair in range(1, options.pairs + 1):
            wall, done = timed([os.path.join(options.bin, "nodeproof"), "run", "cpu.weight.siblings",
                                "--kernel", options.kernel, "--out", str(folder / "out")])
            if done.returncode == 2:
                raise SystemExit(done.stderr)
            results = json.loads((folder / "out/results.json").read_text())
            # An undecided claim is run again in the deterministic lane: a second boot.
            settled = "decided in the deterministic lane" in json.dumps(results["claims"])
            if done.returncode != 0 or settled:
                raise SystemExit("error: cpu.weight.siblings was not decided in one boot; use a "
                                 "quiet machine")
            outside = wall - sum(claim["duration_s"] for claim in results["claims"])
            bare, done = timed(bare_argv(results["node"]["vm"], initrd), timeout=120)
            if done.returncode != 0:
                raise SystemExit(f"bare boot failed: {done.stderr}")
            ratios.append(outside / bare)
            print(f"{pair:>4} {outside:>28.2f} s {bare:>10.2f} s {ratios[-1]:>7.2f}")
        spread = f"{min(ratios):.2f} … {max(ratios):.2f}"
        print(f"median ratio {statistics.median(ratios):.2f} ({spread}, {len(ratios)} pairs), goal ≤ 1.3")


if __name__ == "__main__":
    main()
