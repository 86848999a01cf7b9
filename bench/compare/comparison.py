"""What the comparison scripts share: paired runs, ratios with their spread, one table.

A comparison runs ours and the peer's alternately, so that both see the same machine, and forms a
ratio pair by pair. A goal is judged by the interval of the ratios' median: `met` or `MISSED` only
where all of it lies on one side of the limit, else `undecided`, which more pairs or a quieter
machine may decide. What cannot be compared here ends with one `error:` line and status 1.
"""

import json
import math
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
LOAD_AT_START = os.getloadavg()[0]


def machine():
    """One line that says which machine the numbers are from."""
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo")
                  if line.startswith("model name")), "unknown CPU")
    return (f"{model}, {os.cpu_count()} CPUs, Linux {platform.release()}, "
            f"load {LOAD_AT_START:.1f} before")


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


def median_interval(values, confidence=0.95):
    """The interval between two order statistics that holds the median of what the values are drawn
    from with `confidence`, whatever its distribution (the binomial law); from the smallest to the
    largest where there are too few for that (fewer than six for 95 %)."""
    values = sorted(values)
    count = len(values)
    below, rank = 0.0, 0
    while rank < count // 2:
        below += math.comb(count, rank) / 2**count  # fewer than rank + 1 are below the median
        if 1 - 2 * below < confidence:
            break
        rank += 1
    rank = max(rank, 1)
    return values[rank - 1], values[count - rank]


def at_least(limit):
    return lambda low, high: (low >= limit, high < limit, f"≥ {limit:g}")


def at_most(limit):
    return lambda low, high: (high <= limit, low > limit, f"≤ {limit:g}")


def within(part):
    """For what is the same by nature: no more than `part` of 1 away from it."""
    low_end, high_end = 1 - part, 1 + part
    return lambda low, high: (low >= low_end and high <= high_end,
                              high < low_end or low > high_end, f"1 ± {100 * part:g} %")


def verdict(goal, low, high):
    met, missed, limit = goal(low, high)
    return f"{'met' if met else 'MISSED' if missed else 'undecided'} ({limit})"


def ratio_line(name, found, unit, goal):
    """A line of the table: medians, the median of the pairs' ratios, its interval, their range."""
    ratios = [mine / theirs for mine, theirs in found if theirs > 0]
    if len(ratios) < len(found):
        return [name, "-", "-", unit, "-", "-", "-", str(len(found)), "the peer did nothing"]
    low, high = median_interval(ratios)
    return [name, f"{statistics.median(m for m, _ in found):.4g}",
            f"{statistics.median(t for _, t in found):.4g}", unit,
            f"{statistics.median(ratios):.3f}", f"{low:.3f} … {high:.3f}",
            f"{min(ratios):.3f} … {max(ratios):.3f}", str(len(found)), verdict(goal, low, high)]


HEAD = ["what", "ours", "peer", "unit", "ratio", "95 % interval", "spread", "pairs", "goal"]


def table(lines, head=None, heading=True):
    """Prints the machine, unless that has been said, and the columns."""
    rows = [head or HEAD, *lines]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    if heading:
        print(machine())
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def positive(text):
    """An argument that counts something."""
    value = int(text)
    if value < 1:
        raise ValueError
    return value
