#!/usr/bin/env python3
"""Our io_uring engine against fio's: the same size of file, block, depth and flags.

Rates are reads a second, p99 is of the time from a read's submission to its completion, on both
sides.

usage: bench/compare/io_engine.py [--pairs 6] [--seconds 5] [--depth 1 --depth 8 --depth 32]
needs: fio; /var/tmp on a disk
"""

import argparse
import json
import pathlib
import tempfile

from comparison import (SCRATCH, at_least, at_most, bench_rows, need, pairs, positive, ratio_line,
                        run, table)

SIZE = "32M"  # bench/io/io_benches.cc, kFile


def ours(depth):
    row = bench_rows(f"io.randread.4k.qd{depth}", "--node", "host", "--thorough")[0]
    return row["quantities"]["rate"]["value"], row["percentiles"]["p99"]  # 1/s, us


def fio(depth, file, seconds):
    # lat: with the submission, which ours has in it, too; clat is without.
    done = run(need("fio"), "--name=peer", f"--filename={file}", f"--size={SIZE}", "--direct=1",
               "--rw=randread", "--bs=4k", f"--iodepth={depth}", "--ioengine=io_uring",
               "--norandommap", "--randrepeat=0", "--time_based", f"--runtime={seconds}",
               "--lat_percentiles=1", "--clat_percentiles=0", "--percentile_list=99",
               "--output-format=json")
    job = json.loads(done.stdout[done.stdout.index("{"):])["jobs"][0]["read"]
    return job["iops"], job["lat_ns"]["percentile"]["99.000000"] / 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=positive, default=6)
    parser.add_argument("--seconds", type=positive, default=5)
    parser.add_argument("--depth", type=positive, action="append", choices=(1, 8, 32))
    options = parser.parse_args()
    lines = []
    with tempfile.TemporaryDirectory(dir=SCRATCH, prefix="nodeproof-fio-") as folder:
        file = pathlib.Path(folder) / "file"
        run(need("fio"), "--name=make", f"--filename={file}", f"--size={SIZE}", "--rw=write",
            "--bs=1M", "--direct=1", "--end_fsync=1")
        for depth in options.depth or (1, 8, 32):
            found = pairs(lambda: ours(depth), lambda: fio(depth, file, options.seconds),
                          options.pairs)
            rates = [(mine[0], theirs[0]) for mine, theirs in found]
            tails = [(mine[1], theirs[1]) for mine, theirs in found]
            lines.append(ratio_line(f"random read, depth {depth}", rates, "1/s", at_least(1.0)))
            lines.append(ratio_line(f"p99, depth {depth}", tails, "us", at_most(1.05)))
    table(lines)


if __name__ == "__main__":
    main()
