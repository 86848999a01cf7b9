"""What the comparison scripts share: paired runs, ratios with their spread, one table.

A comparison runs ours and the peer's alternately, so that both see the same machine, and forms a
ratio pair by pair.
"""

import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / "build/release/bin"


def machine():
    """One line that says which machine the numbers are from."""
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo")
                  if line.startswith("model name")), "unknown CPU")
    return f"{model}, {os.cpu_count()} CPUs, Linux {platform.release()}"


def need(program, package=None):
    """The peer's path; exits with status 2 and what to install where it is missing."""
    path = shutil.which(program)
    if path is None:
        sys.exit(f"error: {program} is not installed; apt-get install {package or program}")
    return path


def run(*argv, timeout=600, **kwargs):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=timeout,
                          **kwargs)
    if done.returncode != 0:
        sys.exit(f"error: {' '.join(str(a) for a in argv)}: status {done.returncode}: "
                 f"{(done.stderr or done.stdout).strip().splitlines()[-1:]}")
    return done


def bench_rows(*arguments):
    """The rows of `nodeproof bench` on this machine, by name (the last repetition's)."""
    done = run(BIN / "nodeproof", "bench", *arguments, "--json")
    return [row for row in json.loads(done.stdout)["benchmarks"]]


def pairs(ours, peers, count):
    """`count` results of ours() and peers(), taken alternately; the first goes first by turns."""
    found = []
    for index in range(count):
        if index % 2 == 0:
            mine = ours()
            theirs = peers()
        else:
            theirs = peers()
            mine = ours()
        found.append((mine, theirs))
    return found


def ratio_line(name, found, unit, goal):
    """A line of the table: medians, the median of the pairs' ratios, their range."""
    ratios = [mine / theirs for mine, theirs in found if theirs > 0]
    if len(ratios) < len(found):
        return [name, "-", "-", unit, "-", "-", str(len(found)), "the peer did nothing"]
    middle = statistics.median(ratios)
    return [name, f"{statistics.median(m for m, _ in found):.4g}",
            f"{statistics.median(t for _, t in found):.4g}", unit, f"{middle:.3f}",
            f"{min(ratios):.3f} … {max(ratios):.3f}", str(len(found)), goal(middle)]


def at_least(limit):
    return lambda ratio: f"{'met' if ratio >= limit else 'MISSED'} (≥ {limit:g})"


def at_most(limit):
    return lambda ratio: f"{'met' if ratio <= limit else 'MISSED'} (≤ {limit:g})"


HEAD = ["what", "ours", "peer", "unit", "ratio", "spread", "pairs", "goal"]


def table(lines, head=None):
    rows = [head or HEAD, *lines]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    print(machine())
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
