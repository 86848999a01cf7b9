#!/usr/bin/env python3
"""Reads the golden reports as their consumers do: formats_test.py.

The schema accepts the real documents and refuses each of many small changes to them; expat reads the
JUnit files; a KTAP reader written from the kernel's ktap.rst and kunit_parser.py reads the KTAP; an
HTML reader finds every element closed, nothing that loads or runs, and every link's target. The
documents that are read beside results fit their schemas, and so do comparisons and KCIDB reports.
"""

import collections
import copy
import html.parser
import json
import pathlib
import re
import unittest
import xml.etree.ElementTree

import jsonschema

import validate

HERE = pathlib.Path(__file__).parent
TESTDATA = HERE / "testdata"
DOCUMENTS = ["mixed", "hostile"]
SCHEMA = validate.load(HERE / "results.schema.json")


def golden(name):
    return (TESTDATA / name).read_text(encoding="utf-8")


class Schema(unittest.TestCase):
    def setUp(self):
        self.document = json.loads(golden("mixed.json"))

    def test_is_a_schema(self):
        jsonschema.Draft202012Validator.check_schema(SCHEMA)

    def test_accepts_real_documents(self):
        for name in DOCUMENTS:
            self.assertEqual(list(validate.faults(SCHEMA, json.loads(golden(name + ".json")))), [])

    def test_accepts_a_run_cut_short_before_the_node_spoke(self):
        self.document["node"] = {"vm": {"accelerator": "tcg"}}
        self.document["run"]["complete"] = False
        self.document["claims"] = []
        self.assertEqual(list(validate.faults(SCHEMA, self.document)), [])

    def refuses(self, change, place):
        document = copy.deepcopy(self.document)
        change(document)
        found = list(validate.faults(SCHEMA, document))
        self.assertTrue(any(place in fault for fault in found), f"{place}: {found}")

    def test_refuses_changed_documents(self):
        def arm(document):
            return document["claims"][0]["arms"]["protected"]

        changes = {
            "schema": lambda d: d.update(schema="nodeproof.results/0"),
            "claims[0].verdict": lambda d: d["claims"][0].update(verdict="passed"),
            "claims[2].reason": lambda d: d["claims"][2].update(reason=""),
            "claims[0].id": lambda d: d["claims"][0].update(id="<script>"),
            "claims[0].iteration": lambda d: d["claims"][0].update(iteration=0),
            "claims[0].arms.protected.expected.relation": lambda d: arm(d)["expected"].update(
                relation="about"
            ),
            "claims[0].arms.protected.expected.tolerance": lambda d: arm(d)["expected"].update(
                tolerance=-1
            ),
            "claims[0].arms.protected.measured.samples[0]": lambda d: arm(d)["measured"][
                "samples"
            ].insert(0, "0.7"),
            "claims[0].arms.protected.measured.low": lambda d: arm(d)["measured"].update(low=None),
            "claims[0].arms.protected.finding": lambda d: arm(d).update(finding="ok"),
            "claims[0].arms.protected: 'expected' is a dep": lambda d: arm(d).pop("expected"),
            "claims[0].arms.protected.tree[1].knobs.cpu.weight": lambda d: arm(d)["tree"][1][
                "knobs"
            ].update({"cpu.weight": 137}),
            "run.seed": lambda d: d["run"].update(seed=-1),
            "run.complete": lambda d: d["run"].update(complete="yes"),
            "node.kind": lambda d: d["node"].update(kind="cloud"),
            "node: 'vm' is a required": lambda d: d["node"].pop("vm"),
            "node.cpu.topology[1]": lambda d: d["node"]["cpu"]["topology"][1].pop("core"),
            "node: 'kernel' is a required": lambda d: d["node"].pop("kernel"),
            "node.cpu.count": lambda d: d["node"]["cpu"].update(count=0),
            "node.memory.nodes[0]": lambda d: d["node"]["memory"]["nodes"][0].pop("id"),
            "benchmarks[0].better": lambda d: d["benchmarks"][0].update(better="faster"),
        }
        for place, change in changes.items():
            with self.subTest(place):
                self.refuses(change, place)

    def test_every_object_of_ours_is_closed_and_every_field_needed(self):
        optional = {"no_control_reason", "known", "protected", "control"}
        optional |= {"quantity", "expected", "measured", "finding"}

        def walk(value, change):
            if isinstance(value, dict) and "knobs" not in change:
                yield change
                for key, below in value.items():
                    yield from walk(below, change + [key])
            elif isinstance(value, list):
                for index, below in enumerate(value[:2]):
                    yield from walk(below, change + [index])

        claims = self.document["claims"]
        self.document["claims"] = [claims[0], next(c for c in claims if "known" in c)]
        places = [p for p in walk(self.document, []) if p[:1] not in (["node"], ["benchmarks"])]
        self.assertGreater(len(places), 30)
        for place in places:
            document = copy.deepcopy(self.document)
            target = document
            for step in place:
                target = target[step]
            target["extra"] = 1
            self.assertTrue(list(validate.faults(SCHEMA, document)), f"{place} takes any field")
            del target["extra"]
            for field in [f for f in target if f not in optional]:
                kept = target.pop(field)
                self.assertTrue(list(validate.faults(SCHEMA, document)), f"{place} without {field}")
                target[field] = kept


class Junit(unittest.TestCase):
    def test_counts_agree(self):
        for name in DOCUMENTS:
            root = xml.etree.ElementTree.fromstring(golden(name + ".junit.xml").encode())
            claims = json.loads(golden(name + ".json"))["claims"]
            self.assertEqual(len(root.findall(".//testcase")), len(claims))
            for element in [root] + root.findall("testsuite"):
                for attribute, tag in [
                    ("tests", "testcase"),
                    ("failures", "failure"),
                    ("errors", "error"),
                    ("skipped", "skipped"),
                ]:
                    self.assertEqual(int(element.get(attribute)), len(element.findall(f".//{tag}")))
            names = [case.get("name") for case in root.iter("testcase")]
            self.assertEqual(len(names), len(set(names)))


class Ktap(unittest.TestCase):
    # As tools/testing/kunit/kunit_parser.py reads them.
    RESULT = re.compile(r"^((?:not )?ok) ([0-9]+) ?(- )?([^#]*)( # .*)?$")
    SKIP = re.compile(r"^((?:not )?ok) ([0-9]+) ?(- )?(.*) # SKIP ?(.*)$")

    def test_every_claim_has_its_result(self):
        wanted = {
            "holds": ("ok", False),
            "violated": ("not ok", False),
            "inconclusive": ("not ok", False),
            "unsupported": ("ok", True),
            "error": ("not ok", False),
        }
        for name in DOCUMENTS:
            lines = golden(name + ".ktap").splitlines()
            claims = json.loads(golden(name + ".json"))["claims"]
            self.assertEqual(lines[:2], ["KTAP version 1", f"1..{len(claims)}"])
            results = [line for line in lines[2:] if not line.startswith("# ")]
            self.assertEqual(len(results), len(claims))
            for number, (line, claim) in enumerate(zip(results, claims), 1):
                match = self.RESULT.match(line)
                self.assertIsNotNone(match, line)
                self.assertEqual(int(match.group(2)), number)
                self.assertTrue(match.group(4).startswith(claim["id"]), line)
                verdict = (match.group(1), self.SKIP.match(line) is not None)
                self.assertEqual(verdict, wanted[claim["verdict"]], line)
                if claim["verdict"] == "violated":
                    self.assertEqual(" # XFAIL " in line, "known" in claim, line)
                self.assertEqual(" # ERROR " in line, claim["verdict"] == "error", line)


class Page(html.parser.HTMLParser):
    VOID = {"meta", "rect", "line", "path", "circle", "wbr"}

    def __init__(self):
        super().__init__()
        self.open = []
        self.tags = collections.Counter()
        self.attributes = collections.Counter()
        self.ids = set()
        self.links = []

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        for name, value in attrs:
            self.attributes[name] += 1
            if name == "id":
                self.ids.add(value)
            if name == "href":
                self.links.append(value)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise AssertionError(f"</{tag}> closes nothing")


class Html(unittest.TestCase):
    TAGS = set(
        "html head meta title style body header main section h1 h2 h3 h4 p div span b a ul li dl dt dd"
        " table tr th td details summary code svg rect line path circle text script figure figcaption pre wbr".split()
    )
    ATTRIBUTES = set(
        "lang charset name content http-equiv class id href scope style open aria-hidden aria-label role"
        " viewbox x y x1 y1 x2 y2 cx cy r d width height text-anchor data-series data-unit".split()
    )

    def test_is_closed_inert_and_linked(self):
        for name in DOCUMENTS:
            page = Page()
            page.feed(golden(name + ".html"))
            page.close()
            self.assertEqual(page.open, [])
            self.assertEqual(set(page.tags) - self.TAGS, set())
            self.assertEqual(set(page.attributes) - self.ATTRIBUTES, set())
            self.assertEqual(page.tags["script"], 1)
            self.assertGreater(len(page.links), 5)
            for link in page.links:
                self.assertIn(link.removeprefix("#"), page.ids)

    def test_a_comparison_is_closed_and_inert(self):
        page = Page()
        page.feed(golden("compare.html"))
        page.close()
        self.assertEqual(page.open, [])
        self.assertEqual(set(page.tags) - self.TAGS, set())
        self.assertEqual(set(page.attributes) - self.ATTRIBUTES, set())
        self.assertEqual(page.tags["script"], 0)

    def test_has_the_same_elements_whatever_the_text(self):
        mixed, hostile = Page(), Page()
        mixed.feed(golden("mixed.html"))
        hostile.feed(golden("hostile.html"))
        for tag in ["details", "svg", "section", "h2", "ul", "li", "style"]:
            self.assertEqual(mixed.tags[tag], hostile.tags[tag], tag)


class OtherDocuments(unittest.TestCase):
    def fits(self, schema, document):
        jsonschema.Draft202012Validator.check_schema(schema)
        self.assertEqual(list(validate.faults(schema, document)), [])

    def test_comparisons(self):
        schema = validate.load(HERE / "compare/comparison.schema.json")
        document = json.loads(golden("compare.json"))
        self.fits(schema, document)
        self.assertEqual(document["exit_status"], 1)
        document["claims"][0]["quantities"][0].pop("effect")
        self.assertTrue(list(validate.faults(schema, document)))

    def test_kcidb(self):
        schema = validate.load(HERE / "export/kcidb.schema.json")
        for name in DOCUMENTS:
            document = json.loads(golden(name + ".kcidb.json"))
            self.fits(schema, document)
            ids = [test["id"] for test in document["tests"]]
            self.assertEqual(len(ids), len(set(ids)))
            self.assertEqual(len(ids), len(json.loads(golden(name + ".json"))["claims"]))

    def test_known_violations(self):
        schema = validate.load(HERE / "known/known_violations.schema.json")
        self.fits(schema, validate.load(HERE / "known/known_violations.json"))
        document = json.loads(golden("known.json"))
        self.fits(schema, document)
        for field in ["claim", "evidence", "reference"]:
            broken = copy.deepcopy(document)
            broken["violations"][0].pop(field)
            self.assertTrue(list(validate.faults(schema, broken)), field)
        document["violations"][0].pop("kernel")
        self.fits(schema, document)
        document["violations"][0].pop("probe")
        self.assertTrue(list(validate.faults(schema, document)), "neither kernel nor probe")

    def test_profiles(self):
        schema = validate.load(HERE / "judge/profile.schema.json")
        for name in ["general", "low-latency"]:
            document = validate.load(HERE / f"judge/profiles/{name}.json")
            self.fits(schema, document)
            for change in [{"at_most": "9"}, {"verdicts": ["ok"]}, {"extra": 1}, {"why": ""}]:
                broken = copy.deepcopy(document)
                broken["rules"][0].update(change)
                self.assertTrue(list(validate.faults(schema, broken)), change)


if __name__ == "__main__":
    unittest.main()
