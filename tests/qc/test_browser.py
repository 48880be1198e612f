# SPDX-License-Identifier: BSD-3-Clause
"""The report in a browser that has no network: nothing is asked for, nothing is missing, nothing overlaps."""

import base64
import importlib.util
import re
from pathlib import Path

import pytest

import jobs
from qc import browser

pytestmark = [pytest.mark.long, pytest.mark.skipif(not browser.PROGRAM, reason="no Chromium (Debian: chromium)")]

# Deque's axe-core, as packages of PyPI bring it along; they need not be able to drive a browser.
AXE = next((path for name in ("axe_playwright_python", "axe_core_python", "axe_selenium_python")
            if (spec := importlib.util.find_spec(name)) and spec.origin
            for path in sorted(Path(spec.origin).parent.rglob("axe.min.js"))), None)

JOB = "input: {input}\noutput: {output}\nmode: both\nengine: cpu\nchain:\n  - mute: {{velocity: 2500}}\n  - dwt\n"

# Texts of one picture whose boxes share more than a sliver.
OVERLAPS = """[...document.querySelectorAll('svg')].flatMap(svg => {
  const boxes = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
  return boxes.flatMap(([a, p], i) => boxes.slice(i + 1).filter(([b, q]) =>
    Math.min(p.right, q.right) - Math.max(p.left, q.left) > 2 &&
    Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 4).map(([b]) => a + ' | ' + b));
})"""
LOADED = """Promise.all([...document.querySelectorAll('image')].map(i => {
  const image = new Image(); image.src = i.href.baseVal; return image.decode().then(() => image.naturalWidth > 0);
}))"""
OUTSIDE = """[...document.querySelectorAll('svg')].flatMap(svg => {
  const all = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter(t => {
    const r = t.getBoundingClientRect();
    return r.left < all.left - 1 || r.right > all.right + 1 || r.bottom > all.bottom + 1 || r.top < all.top - 1;
  }).map(t => t.textContent);
})"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    survey = jobs.make_survey(folder / "in.h5", gathers=40, traces=60, samples=500)
    job = jobs.Job(folder, survey, JOB)
    job.run(ranks=3)
    result = jobs.harness.run([jobs.harness.BINARY, "qc", job.output], tmp=folder)
    assert result.returncode == 0, str(result)
    return folder / "out.qc.html"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    page = browser.Browser(tmp_path_factory.mktemp("profile"))
    yield page
    page.close()


def test_the_page_needs_nothing_and_shows_all(report, page):
    page.open(report, 1280)
    assert {url.split(":")[0] for url in page.requests} <= {"file", "data"} and not page.complaints
    assert [url for url in page.requests if url.startswith("file")] == [report.as_uri()]
    assert page.evaluate("document.querySelectorAll('svg').length") > 15
    loaded = page.evaluate(LOADED)
    assert len(loaded) > 50 and all(loaded)
    assert page.evaluate("[...document.querySelectorAll('svg')].every(s => s.querySelector('title').textContent)")
    assert page.evaluate("[...document.querySelectorAll('a')].every(a => document.querySelector(a.hash))")
    assert page.evaluate(OVERLAPS) == [] and page.evaluate(OUTSIDE) == []


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_window(report, page, width):
    page.open(report, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_axes_have_units(report, page):
    page.open(report, 1280)
    labels = set(page.evaluate("[...document.querySelectorAll('svg text')].map(t => t.textContent)"))
    for quantity, unit in (("time", "s"), ("frequency", "Hz"), ("offset", "m"), ("wavenumber", r"1/(m|trace)")):
        found = [label for label in labels if label.startswith(quantity + ",")]
        assert found and all(re.fullmatch(rf"{quantity}, {unit}", label) for label in found)


def test_the_page_is_the_same_without_script_and_prints(report, page):
    page.open(report, 1280)
    with_script = page.evaluate("document.documentElement.outerHTML")
    page.open(report, 1280, scripts=False)
    root = page.call("DOM.getDocument")["root"]["nodeId"]
    assert page.call("DOM.getOuterHTML", nodeId=root)["outerHTML"].endswith(with_script)
    pdf = base64.b64decode(page.call("Page.printToPDF", printBackground=True, preferCSSPageSize=True)["data"])
    assert 3 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 30


def breaches(page):
    """Rules of WCAG 2.1, levels A and AA, that axe-core sees broken, with the places."""
    found = page.evaluate("""axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa']}).then(r => ({
      passed: r.passes.map(rule => rule.id),
      broken: r.violations.map(rule => [rule.id, rule.nodes.map(n => n.target.join(' ') + ': ' + n.failureSummary)])
    }))""")
    looked_at = set(found["passed"]) | {rule for rule, _ in found["broken"]}
    assert {"color-contrast", "document-title", "html-has-lang"} <= looked_at
    return found["broken"]


@pytest.mark.skipif(not AXE, reason="no axe-core (PyPI: axe-playwright-python, without what it depends on)")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_can_be_read(report, page, scheme):
    """Contrast of 4.5 at least, names, order, language: in both colour schemes."""
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    page.open(report, 1280)
    page.evaluate(AXE.read_text() + "; 1")
    assert page.evaluate(f"matchMedia('(prefers-color-scheme: {scheme})').matches")
    assert breaches(page) == []
    page.evaluate("document.body.style.cssText = 'color: #999; background: #aaa'; 1")
    assert "color-contrast" in [rule for rule, _ in breaches(page)], "what cannot be read is found"
