#!/usr/bin/env python3
"""The suite proves itself: on a kernel that breaks one guarantee, its claims are violated.

For each mutant of mutants.json and each of its kernels, one `nodeproof run` with the module loaded:
every claim that matches `breaks` must be violated (exit status 1), and no claim of `spares` may be.

usage: mutants_test.py --nodeproof PATH [--quick] [--modules FOLDER] [MUTANT...]     (default: all)
--quick runs only the first of `breaks` and of `spares`.
A mutant's `lane` is deterministic where its claims can run in it (quick, and blind to the host's
load), else realtime.
Without --modules, scripts/build-mutants builds them (at once when nothing changed).
"""

import argparse
import fnmatch
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
KEYS = {"name", "lane", "guarantee", "how", "kernels", "breaks", "spares"}
RUN_TIMEOUT_S = 480  # of one nodeproof run; far beyond what its claims may take


def read_mutants(path):
    """The mutants by name; exits with one clear error when the file is not as it should be."""
    mutants = {}
    for i, mutant in enumerate(json.loads(path.read_text())["mutants"]):
        where = f"{path}: mutants[{i}]"
        if set(mutant) - {"always"} != KEYS:
            sys.exit(f"error: {where}: keys must be {sorted(KEYS)}, are {sorted(mutant)}")
        if mutant["name"] in mutants:
            sys.exit(f"error: {where}: '{mutant['name']}' is there twice; rename one")
        if not mutant["breaks"] or not mutant["spares"] or not mutant["kernels"]:
            sys.exit(f"error: {where}: kernels, breaks and spares must not be empty")
        if not (HERE / f"{mutant['name']}.c").exists():
            sys.exit(f"error: {where}: there is no {mutant['name']}.c in {HERE}")
        mutants[mutant["name"]] = mutant
    unlisted = {source.stem for source in HERE.glob("*.c")} - set(mutants)
    if unlisted:
        sys.exit(f"error: {path} does not list {', '.join(sorted(unlisted))}; add what it breaks")
    return mutants


def build(kernel):
    built = subprocess.run(
        [ROOT / "scripts" / "build-mutants", "--kernel", kernel], stdout=subprocess.PIPE, text=True
    )
    if built.returncode != 0:
        sys.exit(f"error: scripts/build-mutants --kernel {kernel} failed")
    return pathlib.Path(built.stdout.strip().splitlines()[-1])


def run_claims(nodeproof, claims, kernel, lane, module):
    """The run's exit status, its claims' results and what it said on stderr."""
    command = [nodeproof, "run", *claims, "--module", module, "--kernel", kernel]
    command += ["--lane", lane, "--json"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=RUN_TIMEOUT_S)
    results = json.loads(run.stdout)["claims"] if run.stdout.strip() else []
    return run.returncode, results, run.stderr


def complaints(mutant, status, results):
    """What is wrong with a run of the mutant, as lines; empty when the suite noticed it."""
    wrong = [] if status == 1 else [f"exit status {status}, expected 1"]
    for pattern in mutant["breaks"]:
        matching = [r for r in results if fnmatch.fnmatchcase(r["id"], pattern)]
        if not matching:
            wrong.append(f"{pattern}: no such claim ran")
        for result in matching:
            if result["verdict"] != "violated":
                wrong.append(f"{result['id']}: {result['verdict']}, expected violated")
    for pattern in mutant["spares"]:
        matching = [r for r in results if fnmatch.fnmatchcase(r["id"], pattern)]
        if not matching:
            wrong.append(f"{pattern}: no such claim ran")
        for result in matching:
            # A noisy machine may leave it inconclusive; it must have been measured, and not refuted.
            if result["verdict"] not in ("holds", "inconclusive"):
                wrong.append(f"{result['id']}: {result['verdict']}, but the mutant leaves it alone")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodeproof", required=True, type=pathlib.Path)
    parser.add_argument("--quick", action="store_true", help="the first claim of each list only")
    parser.add_argument("--modules", type=pathlib.Path, help="folder of built .ko files")
    parser.add_argument("names", nargs="*", metavar="MUTANT")
    args = parser.parse_args()

    mutants = read_mutants(HERE / "mutants.json")
    for name in args.names:
        if name not in mutants:
            parser.error(f"no mutant '{name}'; there are {', '.join(mutants)}")
    failed = 0
    for name in args.names or mutants:
        mutant = mutants[name]
        if args.quick:
            mutant = mutant | {key: mutant[key][:1] for key in ("breaks", "spares")}
        for kernel in mutant["kernels"]:
            module = (args.modules or build(kernel)) / f"{name}.ko"
            claims = mutant["breaks"] + mutant["spares"]
            status, results, said = run_claims(
                args.nodeproof, claims, kernel, mutant["lane"], module
            )
            wrong = complaints(mutant, status, results)
            failed += bool(wrong)
            print(f"{'FAIL' if wrong else 'ok  '} {name} on {kernel}: {mutant['how']}")
            for line in wrong:
                print(f"     {line}")
            print("".join(f"     | {line}\n" for line in said.splitlines()), end="", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
