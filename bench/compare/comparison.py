"""What the comparison scripts share: paired runs, ratios with their spread, one table.

A comparison runs ours and the peer's alternately, so that both see the same machine, and forms a
ratio pair by pair. What cannot be compared here ends with one `error:` line and status 1.
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
# On the same disk for both: peers are told so, ours goes by TMPDIR.
SCRATCH = "/var/tmp"
ENVIRONMENT = {**os.environ, "TMPDIR": SCRATCH}


def machine():
    """One line that says which machine the numbers are from."""
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo")
                  if line.startswith("model name")), "unknown CPU")
    return f"{model}, {os.cpu_count()} CPUs, Linux {platform.release()}"


def need(program, package=None):
    """The peer's path; an error that says what to install where it is missing."""
    path = shutil.which(program)
    if path is None:
        sys.exit(f"error: {program} is not installed; apt-get install {package or program}")
    return path


def our(program):
    """The path of a program of ours, as built for release."""
    if not (BIN / program).exists():
        sys.exit(f"error: {BIN / program} is not there; scripts/setup builds it")
    return str(BIN / program)


def last_line(text):
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def run(*argv, timeout=600, good=(0,)):
    """Runs a program to its end."""
    argv = [str(word) for word in argv]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout,
                              env=ENVIRONMENT)
    except subprocess.TimeoutExpired:
        sys.exit(f"error: {' '.join(argv)}: not done after {timeout} s")
    if done.returncode not in good:
        sys.exit(f"error: {' '.join(argv)}: status {done.returncode}: "
                 f"{last_line(done.stderr or done.stdout)}")
    return done


def bench_rows(*arguments):
    """The rows of `nodeproof bench`, all of them measured."""
    # Status 3: a row is an error, which it tells better than we could.
    done = run(our("nodeproof"), "bench", *arguments, "--json", timeout=1800, good=(0, 3))
    rows = json.loads(done.stdout)["benchmarks"]
    for row in rows:
        if row["status"] != "measured":
            sys.exit(f"error: {row['name']} is {row['status']} here: {row['reason']}")
    return rows


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


def verdict(met, limit):
    return f"{'met' if met else 'MISSED'} ({limit})"


def at_least(limit):
    return lambda ratio: verdict(ratio >= limit, f"≥ {limit:g}")


def at_most(limit):
    return lambda ratio: verdict(ratio <= limit, f"≤ {limit:g}")


HEAD = ["what", "ours", "peer", "unit", "ratio", "spread", "pairs", "goal"]


def table(lines, head=None):
    rows = [head or HEAD, *lines]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    print(machine())
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
