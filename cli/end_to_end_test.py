#!/usr/bin/env python3
"""The program as a user meets it: every claim on two kernels, both lanes, bad input, sudden death.

usage: end_to_end_test.py BIN_DIR SOURCE_DIR [unittest arguments]
"""

import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BIN = pathlib.Path(sys.argv[1])
SOURCE = pathlib.Path(sys.argv[2])
NODEPROOF = str(BIN / "nodeproof")
SCHEMA = str(SOURCE / "reports/results.schema.json")
VALIDATE = str(SOURCE / "reports/validate.py")


def run(*args, timeout=600, env=None, **kwargs):
    return subprocess.run([NODEPROOF, *args], capture_output=True, text=True, timeout=timeout,
                          env={**os.environ, **(env or {})}, **kwargs)


def living_processes_of(pid):
    """Pids of living processes whose ancestor is `pid`, zombies left out."""
    parents, states = {}, {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents[int(entry.name)] = int(fields[1])
        states[int(entry.name)] = fields[0]
    family = {pid}
    grown = True
    while grown:
        more = {p for p, parent in parents.items() if parent in family and p not in family}
        family |= more
        grown = bool(more)
    return {p for p in family if p != pid and states.get(p, "Z") != "Z"}


class Scratch(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="nodeproof-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.out = str(self.folder / "out")

    def results(self, out=None):
        return json.loads((pathlib.Path(out or self.out) / "results.json").read_text())

    def assert_one_error_line(self, done, *words):
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        errors = [line for line in done.stderr.splitlines() if line]
        self.assertEqual(len(errors), 1, done.stderr)
        self.assertTrue(errors[0].startswith("error: "), done.stderr)
        for word in words:
            self.assertIn(word, errors[0])


# A claim or two of each kind of load; `scripts/qualify` runs them all, which takes too long here.
SPINE = ("cpu.weight.siblings", "cpu.weight.slices", "cpu.weight.pods", "cpu.max.ceiling",
         "cpuset.pinned", "memory.max.oom", "memory.min.anon-hog")


class Spine(Scratch):
    def check(self, kernel, *options):
        done = run("run", *SPINE, "--kernel", kernel, "--out", self.out, *options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        results = self.results()
        verdicts = {claim["id"]: claim["verdict"] for claim in results["claims"]}
        self.assertEqual(set(verdicts.values()), {"holds"}, verdicts)
        self.assertEqual(sorted(verdicts), sorted(SPINE))
        for claim in results["claims"]:
            self.assertEqual(set(claim["arms"]), {"protected", "control"}, claim["id"])
            self.assertEqual(claim["arms"]["control"]["finding"], "outside", claim["id"])
        for report in ("results.json", "junit.xml", "results.ktap", "report.html"):
            self.assertTrue((pathlib.Path(self.out) / report).stat().st_size > 0, report)
        subprocess.run(["/usr/bin/python3", VALIDATE, SCHEMA, self.out + "/results.json"], check=True)
        self.assertEqual(sorted(os.listdir(self.out)),
                         ["junit.xml", "report.html", "results.json", "results.ktap"])

    def test_holds_on_6_12(self):
        self.check("6.12")

    def test_holds_on_6_1_with_cgroupfs_names(self):
        self.check("6.1", "--driver", "cgroupfs")


class Shapes(Scratch):
    def test_claims_share_a_boot_of_the_shape_that_they_need(self):
        done = run("run", "cpuset.pinned", "cpuset.full-cores", "cpuset.no-escape", "--no-control",
                   "--out", self.out)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        results = self.results()
        self.assertEqual({claim["id"]: claim["shape"] for claim in results["claims"]},
                         {"cpuset.pinned": "default", "cpuset.no-escape": "default",
                          "cpuset.full-cores": "smt-four"})
        shapes = results["node"]["shapes"]
        self.assertEqual({name: shape["cpu"]["count"] for name, shape in shapes.items()},
                         {"default": 2, "smt-four": 4})
        self.assertEqual({name: shape["vm"]["shape"]["name"] for name, shape in shapes.items()},
                         {"default": "default", "smt-four": "smt-four"})
        self.assertEqual(results["node"]["cpu"]["count"], 2)  # of the first one
        self.assertEqual(done.stdout.count("the next claims run on the shape"), 1)
        subprocess.run(["/usr/bin/python3", VALIDATE, SCHEMA, self.out + "/results.json"], check=True)

    def test_a_fixed_shape_leaves_out_what_it_cannot_do_by_name(self):
        done = run("run", "cpuset.full-cores", "cpuset.single-numa", "cpuset.pinned", "--cpus", "1",
                   "--out", self.out)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual({claim["id"]: claim["reason"] for claim in self.results()["claims"]},
                         {"cpuset.full-cores": "it needs 4 CPUs, the node has 1",
                          "cpuset.single-numa": "it needs 4 CPUs, the node has 1",
                          "cpuset.pinned": "it needs 2 CPUs, the node has 1"})
        self.assertEqual(list(self.results()["node"]["shapes"]), ["default"])


class DeterministicLane(Scratch):
    def test_repeats_bit_for_bit_also_beside_busy_loops(self):
        first, second = str(self.folder / "a"), str(self.folder / "b")
        # The last ones sleep and fork much: what a host's time could still get at.
        claims = [claim for claim in SPINE if claim.startswith("cpu.")]
        claims += ["cpu.max.short-period", "cpu.max.throttle-counters", "cpu.wakeup.protected"]
        command = ("run", *claims, "--kernel", "6.12", "--lane", "deterministic", "--seed", "7",
                   "--out")
        self.assertEqual(run(*command, first).returncode, 0)
        loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
        try:
            self.assertEqual(run(*command, second).returncode, 0)
        finally:
            for loop in loops:
                loop.kill()
                loop.wait()
        self.assertEqual(self.results(first)["claims"], self.results(second)["claims"])
        self.assertEqual(list(self.results(first)["node"]["shapes"]), ["one"])

    def test_what_the_lane_cannot_do_is_unsupported_by_name(self):
        done = run("run", "memory.min.anon-hog", "--lane", "deterministic", "--out", self.out)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        claim = self.results()["claims"][0]
        self.assertEqual(claim["verdict"], "unsupported")
        self.assertIn("disk", claim["reason"])


class Bench(Scratch):
    def rows(self):
        return {row["name"]: row for row in self.results()["benchmarks"]}

    def test_on_this_machine_what_needs_no_group_is_measured(self):
        done = run("bench", "cpu.birth.fork", "cpu.switch.inside.depth-1", "--node", "host",
                   "--out", self.out)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        rows = self.rows()
        fork = rows["cpu.birth.fork"]
        self.assertEqual(fork["status"], "measured")
        self.assertGreater(fork["real_time"], 0)
        self.assertLessEqual(fork["percentiles"]["p50"], fork["percentiles"]["p99"])
        inside = rows["cpu.switch.inside.depth-1"]
        if inside["status"] != "measured":
            self.assertEqual(inside["status"], "unsupported")
            self.assertIn("cgroup", inside["reason"])
        subprocess.run(["/usr/bin/python3", VALIDATE, SCHEMA, self.out + "/results.json"], check=True)

    def test_in_a_vm_and_a_cell_of_the_matrix(self):
        done = run("bench", "cpu.switch.across.depth-6", "io.randread.4k.qd8",
                   "interference.isolation.compute.cpu-hog", "--node", "vm", "--out", self.out)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        rows = self.rows()
        self.assertEqual({row["status"] for row in rows.values()}, {"measured"}, done.stdout)
        cell = rows["interference.isolation.compute.cpu-hog"]["quantities"]
        # A CPU of its own against half of two: the mechanism is a cpuset, the margin is wide.
        self.assertGreater(cell["mean"]["value"], cell["unprotected mean"]["value"])
        subprocess.run(["/usr/bin/python3", VALIDATE, SCHEMA, self.out + "/results.json"], check=True)
        self.assertIn("What is left of a victim",
                      (pathlib.Path(self.out) / "report.html").read_text())

    def test_patterns(self):
        listed = run("bench", "--list", "--json")
        ids = [row["id"] for row in json.loads(listed.stdout)["benchmarks"]]
        self.assertGreaterEqual(len(ids), 60)
        matrix = run("bench", "interference", "--victim", "fork", "--list").stdout.splitlines()
        self.assertEqual(len(matrix), 8)
        self.assert_one_error_line(run("bench", "cpu.birth.frok"), "no benchmark",
                                   "did you mean cpu.birth.fork?")


class BadInput(Scratch):
    def test_unknown_claim(self):
        self.assert_one_error_line(run("run", "cpu.wieght.pods", "--out", self.out),
                                   "cpu.wieght.pods", "did you mean cpu.weight.pods?")
        self.assertFalse(os.path.exists(self.out))

    def test_kernels_that_are_none(self):
        text = self.folder / "text"
        text.write_text("not a kernel")
        self.assert_one_error_line(run("run", "--kernel", str(text)), str(text), "bzImage")
        self.assert_one_error_line(run("run", "--kernel", "/no/such/vmlinuz"), "/no/such/vmlinuz")
        self.assert_one_error_line(run("run", "--kernel", "2.4"), "2.4", "fetch-kernels")

    def test_sizes_that_cannot_be(self):
        self.assert_one_error_line(run("run", "--memory", "16M"), "16", "256")
        self.assert_one_error_line(run("run", "--memory", "lots"), "--memory", "lots")
        self.assert_one_error_line(run("run", "--cpus", "0"), "0")
        self.assert_one_error_line(run("run", "--repeat", "0"), "--repeat")

    def test_an_out_folder_that_cannot_be_written(self):
        self.assert_one_error_line(run("run", "--out", "/proc/nodeproof"), "--out /proc/nodeproof")
        a_file = self.folder / "file"
        a_file.write_text("")
        self.assert_one_error_line(run("run", "--out", str(a_file)), "--out", str(a_file))

    def test_no_qemu(self):
        self.assert_one_error_line(run("run", "--node", "vm", env={"PATH": "/nowhere"}),
                                   "qemu-system-x86_64", "apt-get install")

    def test_a_module_that_is_none(self):
        module = self.folder / "bad.ko"
        module.write_text("not a module")
        self.assert_one_error_line(run("run", "--module", str(module)), str(module))

    def test_this_host_says_what_is_missing(self):
        findings = json.loads(run("doctor", "--json").stdout)["findings"]
        host = next(finding for finding in findings if finding["name"] == "host")
        if host["ok"] or "turn on with" in host["detail"]:
            self.skipTest("this machine has a usable unified hierarchy")
        self.assert_one_error_line(run("run", "--node", "host"), "cgroup")
        self.assert_one_error_line(run("run", "--node", "host", "--lane", "deterministic"))

    def test_reports_of_files_that_are_none(self):
        cut = self.folder / "cut.json"
        cut.write_text('{"schema": "nodeproof.results/1", "run": {')
        self.assert_one_error_line(run("report", str(cut)), str(cut))
        self.assert_one_error_line(run("report", "/no/such/results.json"), "/no/such/results.json")

    def test_numbers_that_are_none(self):
        for command in (("run",), ("bench",), ("gate", "--baseline", "6.12", "--aa")):
            for seed in ("-1", "18446744073709551616", "0x10"):
                self.assert_one_error_line(run(*command, "--seed", seed), "--seed", seed, "decimal")
        self.assert_one_error_line(run("run", "--cpus", "-2"), "--cpus", "-2")

    def test_it_loses_nothing(self):
        os.makedirs(self.out)
        files = ("results.json", "junit.xml", "results.ktap", "report.html", "evidence.txt", "console.txt")
        for name in files:
            (pathlib.Path(self.out) / name).write_text("of yesterday")
        self.assert_one_error_line(run("run", "--out", self.out, "--lane", "fast"), "fast")
        self.assert_one_error_line(run("run", "--out", self.out, "--kernel", "2.4"), "2.4")
        self.assertEqual(sorted(os.listdir(self.out)), sorted(files))

    def test_usage(self):
        self.assert_one_error_line(run("run", "--frobnicate"), "--frobnicate")
        self.assert_one_error_line(run("frobnicate"), "frobnicate")
        self.assert_one_error_line(run())


class Comparisons(Scratch):
    MIXED = str(SOURCE / "reports/testdata/mixed.json")

    def changed(self, change):
        document = json.loads(pathlib.Path(self.MIXED).read_text())
        change(document)
        path = self.folder / "changed.json"
        path.write_text(json.dumps(document))
        return str(path)

    def test_compare(self):
        self.assertEqual(run("compare", self.MIXED, self.MIXED).returncode, 3)  # it has open verdicts
        def holding(document):
            document["claims"] = [c for c in document["claims"] if c["verdict"] == "holds"]
        held = self.changed(holding)
        same = run("compare", held, held)
        self.assertEqual(same.returncode, 0, same.stdout + same.stderr)
        broken = self.changed(lambda d: d["claims"][0].update(verdict="violated", reason="it broke"))
        worse = run("compare", self.MIXED, broken)
        self.assertEqual(worse.returncode, 1, worse.stderr)
        self.assertIn("holds → violated", worse.stdout)
        for form in ("markdown", "json", "html"):
            self.assertEqual(run("compare", self.MIXED, broken, "--format", form).returncode, 1)

    def test_runs_that_are_not_comparable(self):
        other = self.changed(lambda d: d["run"].update(lane="deterministic"))
        self.assert_one_error_line(run("compare", self.MIXED, other), "lane", "--force")
        forced = run("compare", self.MIXED, other, "--force")
        self.assertIn("forced: lane: A has realtime, B has deterministic", forced.stdout)
        self.assert_one_error_line(run("compare", self.MIXED, "/no/such.json"), "/no/such.json")

    def test_judge(self):
        judged = run("judge", self.MIXED, "--profile", "general")
        self.assertEqual(judged.returncode, 1, judged.stderr)
        self.assertIn("does not meet the profile general", judged.stdout)
        self.assert_one_error_line(run("judge", self.MIXED, "--profile", "generel"), "low-latency")
        self.assert_one_error_line(run("judge", self.MIXED, "--profile", self.MIXED), "nodeproof.profile/1")

    def test_exports(self):
        done = run("report", self.MIXED, "--npd", "cpu.max.ceiling")
        self.assertEqual(done.returncode, 1)
        self.assertLessEqual(len(done.stdout.rstrip("\n")), 80)
        self.assertEqual(run("report", self.MIXED, "--npd", "cpu.weight.siblings").returncode, 0)
        self.assertEqual(run("report", self.MIXED, "--npd", "no.such").returncode, 2)
        self.assertIn("<LAVA_SIGNAL_TESTCASE", run("report", self.MIXED, "--format", "lava").stdout)
        folder = self.folder / "sonobuoy"
        self.assertEqual(run("report", self.MIXED, "--sonobuoy", str(folder)).returncode, 0)
        self.assertEqual((folder / "done").read_text(), str(folder / "junit.xml"))

    def test_known_violations(self):
        known = str(SOURCE / "reports/testdata/known.json")
        marked = run("report", self.MIXED, "--known", known, "--format", "ktap")
        self.assertIn("# XFAIL", marked.stdout)
        strict = run("report", self.MIXED, "--known", known, "--format", "ktap", "--strict")
        self.assertNotIn("# XFAIL", strict.stdout)
        self.assert_one_error_line(run("report", self.MIXED, "--known", self.MIXED), "nodeproof.known/1")
        self.assert_one_error_line(run("run", "--known", "/no/such.json"), "/no/such.json")


class Gate(Scratch):
    COMMAND = ("gate", "cpu.weight.siblings", "--lane", "deterministic", "--baseline", "6.12")

    def test_the_same_kernel_is_no_worse(self):
        done = run(*self.COMMAND, "--candidate", "6.12", "--out", self.out)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        report = json.loads((pathlib.Path(self.out) / "gate.json").read_text())
        self.assertEqual([claim["change"] for claim in report["claims"]], ["same"])
        self.assertEqual(sorted(os.listdir(self.out)),
                         ["boots", "gate.html", "gate.json", "gate.md", "gate.txt"])

    def test_against_itself(self):
        done = run(*self.COMMAND, "--aa", "--repeat", "1", "--out", self.out)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        floor = str(pathlib.Path(self.out) / "noise-floor.json")
        self.assertEqual(json.loads(pathlib.Path(floor).read_text())["boots"], 2)
        done = run("compare", f"{self.out}/boots/01-baseline/results.json",
                   f"{self.out}/boots/02-baseline/results.json", "--noise-floor", floor)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_bad_input(self):
        self.assert_one_error_line(run("gate", "--baseline", "6.12"), "--candidate")
        self.assert_one_error_line(run("gate", "cpu.wieght.pods", "--baseline", "6.12", "--aa"), "cpu.wieght")
        bad = run("gate", "cpu.weight.siblings", "--baseline", "2.4", "--candidate", "6.12")
        self.assertEqual(bad.returncode, 2)
        self.assertIn("error: baseline: ", bad.stderr)
        # An option takes one module, and what it is comes before any boot.
        bad = run("gate", "--baseline", "6.12", "--candidate-module", "/no/such.ko", "cpu.weight.siblings")
        self.assert_one_error_line(bad, "candidate: open /no/such.ko")
        self.assertNotIn("boot 1", bad.stdout)


class SuddenDeath(Scratch):
    def start(self):
        return subprocess.Popen([NODEPROOF, "run", "cpu.weight.*", "--out", self.out],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                start_new_session=True)

    def test_interrupt_is_one_line_and_keeps_what_is_finished(self):
        os.makedirs(self.out)
        (pathlib.Path(self.out) / "report.html").write_text("of yesterday")
        process = self.start()
        for line in process.stdout:
            if line.startswith("holds"):
                break
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 2)
        self.assertIn("error: interrupted after 1 finished claim", errors)
        self.assertEqual(living_processes_of(process.pid), set())
        results = self.results()
        self.assertEqual(len(results["claims"]), 1)
        self.assertFalse(results["run"]["complete"])
        self.assertEqual(os.listdir(self.out), ["results.json"])

    def test_interrupt_says_that_nothing_could_be_kept(self):
        os.makedirs(self.out + "/results.json/in-the-way")
        process = self.start()
        for line in process.stdout:
            if line.startswith("holds"):
                break
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 2)
        self.assertIn("error: interrupted after 1 finished claim; the last results are not saved: rename",
                      errors)
        self.assertNotIn("are kept in", errors)

    def test_kill_9_at_random_moments_leaves_nothing_after_clean(self):
        pick = random.Random(20261121)
        before = set(os.listdir(tempfile.gettempdir()))
        for _ in range(20):
            process = self.start()
            deadline = time.monotonic() + pick.uniform(0, 8)
            children = set()
            while time.monotonic() < deadline:
                children |= living_processes_of(process.pid)
                time.sleep(0.05)
            process.kill()
            process.communicate(timeout=60)
            gone = time.monotonic() + 30
            while any(self.alive(child) for child in children):
                self.assertLess(time.monotonic(), gone, f"still alive: {children}")
                time.sleep(0.05)
            clean = run("clean")
            self.assertEqual(clean.returncode, 0, clean.stderr)
            if os.path.isdir(self.out):
                self.assertEqual([f for f in os.listdir(self.out) if f.endswith(".partial")], [])
        after = set(os.listdir(tempfile.gettempdir()))
        self.assertEqual({name for name in after - before if "nodeproof" in name or "qemu" in name}, set())
        self.assertEqual(run("clean").stdout, "nothing to clean\n")

    @staticmethod
    def alive(pid):
        try:
            return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except (FileNotFoundError, ProcessLookupError):
            return False


class Listings(unittest.TestCase):
    def test_list_doc_and_doctor(self):
        listed = json.loads(run("list", "--json").stdout)["claims"]
        self.assertIn("cpu.max.ceiling", [claim["id"] for claim in listed])
        for claim in listed:
            for part in ("tree", "load", "expected", "tolerance", "control"):
                if part == "control" and claim.get("no_control_reason"):
                    continue
                self.assertTrue(claim["explanation"][part], f"{claim['id']}: {part}")
        doc = run("doc", "cpu.max.ceiling").stdout
        for section in ("STATEMENT", "SOURCE", "TREE", "LOAD", "EXPECTED", "TOLERANCE", "CONTROL ARM"):
            self.assertIn(section, doc)
        self.assertEqual(run("list", "cpu.*").stdout.count("\n"),
                         sum(claim["id"].startswith("cpu.") for claim in listed))
        doctor = json.loads(run("doctor", "--json").stdout)
        self.assertTrue(doctor["vm"])
        self.assertTrue(next(finding for finding in doctor["findings"] if finding["name"] == "lane")["ok"])
        self.assertEqual(run("--version").stdout.split()[0], "nodeproof")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
