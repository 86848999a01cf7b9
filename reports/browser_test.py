#!/usr/bin/env python3
"""Opens report.html in headless Chromium: browser_test.py REPORTS_TEST [unittest arguments]

REPORTS_TEST --pages FOLDER renders the pages. The filter works, charts are drawn, names with markup in them stay text, the console shows no error, and a page of ten
thousand claims filters without lag. Exit status 77 (skipped) when Chromium is not installed.
"""

import html.parser
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Dom(html.parser.HTMLParser):
    """The claims of a page with whether they are hidden, and what the filter bar says."""

    def __init__(self):
        super().__init__()
        self.claims = []
        self.bar = None
        self.images = 0
        self.scripts = 0
        self.charts = 0
        self.alerted = False

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        words = (attrs.get("class") or "").split()
        if tag == "details" and "claim" in words:
            self.claims.append("hidden" in attrs)
        if tag == "div" and "filter" in words:
            self.bar = attrs
        self.images += tag == "img"
        self.scripts += tag == "script"
        self.charts += tag == "canvas" and "style" in attrs  # Chart.js sizes what it draws on


def open_page(path, fragment=""):
    """The DOM after scripts have run, and what went to the console."""
    with tempfile.TemporaryDirectory(prefix="nodeproof-browser-") as profile:
        done = subprocess.run(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
             f"--user-data-dir={profile}", "--enable-logging=stderr", "--dump-dom",
             path.absolute().as_uri() + fragment],
            capture_output=True, text=True, timeout=300, check=True)
    dom = Dom()
    dom.feed(done.stdout)
    console = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    return dom, console


def many_claims(page, claims):
    """The page with its first claim repeated."""
    parts = re.findall(r'<details class="claim".*?</details>\n', page, re.S)
    # Nested details do not occur in a claim; the pattern would cut them.
    return page.replace(parts[0], parts[0] * (claims // len(parts)) + parts[0])


class Report(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="nodeproof-browser-")
        cls.addClassCleanup(folder.cleanup)
        cls.pages = pathlib.Path(folder.name)
        subprocess.run([sys.argv[1], "--pages", folder.name], check=True, timeout=60)

    def test_shows_everything_first(self):
        dom, console = open_page(self.pages / "mixed.html")
        self.assertEqual(console, [])
        self.assertEqual(len(dom.claims), 10)
        self.assertFalse(any(dom.claims))
        self.assertIsNotNone(dom.bar, "the script ran")

    def test_draws_a_chart_for_each_quantity_of_an_open_claim(self):
        dom, console = open_page(self.pages / "mixed.html")
        self.assertEqual(console, [])
        self.assertEqual(dom.charts, 2)

    def test_filters_by_text_and_verdict(self):
        dom, console = open_page(self.pages / "mixed.html", "#?q=cpu.max&verdict=violated")
        self.assertEqual(console, [])
        self.assertEqual(dom.claims.count(False), 1)
        dom, _ = open_page(self.pages / "mixed.html", "#?q=no+such+claim")
        self.assertEqual(dom.claims.count(False), 0)

    def test_hostile_names_are_inert(self):
        dom, console = open_page(self.pages / "hostile.html", "#?q=%3Cscript%3E")
        self.assertEqual(console, [])
        self.assertEqual((dom.images, dom.scripts), (0, 1))

    def test_ten_thousand_claims_filter_without_lag(self):
        with tempfile.TemporaryDirectory(prefix="nodeproof-browser-") as folder:
            path = pathlib.Path(folder) / "many.html"
            path.write_text(many_claims((self.pages / "mixed.html").read_text(encoding="utf-8"), 101_000), encoding="utf-8")
            begun = time.monotonic()
            dom, console = open_page(path, "#?q=cpu.weight&verdict=holds")
            took = time.monotonic() - begun
        self.assertEqual(console, [])
        self.assertGreater(len(dom.claims), 10_000)
        self.assertIsNotNone(dom.bar)
        print(f"{len(dom.claims)} claims: filtered in {dom.bar['data-milliseconds']} ms, page {took:.1f} s")
        self.assertLess(float(dom.bar["data-milliseconds"]), 1000)


if __name__ == "__main__":
    if CHROMIUM is None:
        print("skipped: chromium is not installed")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
