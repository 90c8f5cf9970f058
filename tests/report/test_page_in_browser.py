"""The page in a real browser: charts, sorting, tooltips and legends without a network, and accessibility."""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.report.conftest import CONFIG, FictitiousRun
from tests.report.pages import all_inputs, make_page
from workflow_scripts.common import fit_results
from workflow_scripts.common.bootstrap import resampled_scores
from workflow_scripts.common.files import read_table

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WIDTHS = (360, 768, 1280)
SCHEMES = ("light", "dark")
MODELS = "abcde"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a whole benchmark: 36 data sets, 5 models, 3 seeds, with one collapsed and one missing fit."""
    run = FictitiousRun(tmp_path_factory.mktemp("report"))
    run.datasets = {}
    for row in read_table(CONFIG / "gue.tsv"):
        run.datasets.setdefault(row["task"], []).append(row["dataset"])
    names = [(task, dataset) for task, datasets in run.datasets.items() for dataset in datasets]
    for number, model in enumerate(MODELS):
        for place, (task, dataset) in enumerate(names):
            for seed in (42, 43, 44):
                score = ((17 * place + 7 * number) % 96 + seed - 40) / 100
                collapse = "constant prediction" if (model, place, seed) == ("b", 0, 42) else None
                if (model, place, seed) == ("c", 0, 44):
                    run.plan(model, "full", f"{task}/{dataset}", seed)
                else:
                    run.fit(model, "full", task, dataset, seed, score, collapse=collapse)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit_results, "resampled_scores", partial(resampled_scores, resamples=20))
        return make_page(run, *all_inputs(run))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # the sandbox needs privileges that root in a container lacks; the page is trusted
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def visit(
    browser: Browser, report: Path, width: int = 1280, scheme: str = "light"
) -> tuple[Page, list[str], list[str]]:
    """The page with its charts drawn, the messages of the console, and the requested URLs."""
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce")
    messages, requests = [], []
    page.on("console", lambda message: messages.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(report.as_uri())
    for chart in page.locator(".chart").all():
        chart.locator("svg .role-mark path").first.wait_for(state="attached")
    return page, messages, requests


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits_every_width_without_errors_or_requests(browser, report, width, scheme):
    page, messages, requests = visit(browser, report, width, scheme)
    assert messages == []
    assert requests == [report.as_uri()]
    assert page.locator(".chart svg").count() == 5
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ends = "(parts) => parts.map((part) => part.getBoundingClientRect().right)"
    assert max(page.locator(".chart svg, .chart svg text").evaluate_all(ends)) <= width
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 24, 28)"}[scheme]
    page.close()


def numbers(page: Page, column: int) -> list[float]:
    """The numbers in a column of the table of scores, from top to bottom."""
    cells = page.locator(f"#gue table >> nth=0 >> tbody tr td:nth-child({column}) b")
    return [float(text) for text in cells.all_inner_texts()]


def test_a_click_on_a_column_head_sorts_numbers_in_both_directions(browser, report):
    page, *_ = visit(browser, report)
    head = page.locator("#gue table >> nth=0 >> thead th:nth-child(3)")
    before = numbers(page, 3)
    assert len(before) == 28 and before != sorted(before) and min(before) < 10 <= max(before)
    head.get_by_role("button").click()
    assert numbers(page, 3) == sorted(before) and head.get_attribute("aria-sort") == "ascending"
    head.get_by_role("button").press("Enter")
    assert numbers(page, 3) == sorted(before, reverse=True) and head.get_attribute("aria-sort") == "descending"
    page.close()


def test_only_tables_of_three_or_more_rows_have_sort_buttons(browser, report):
    page, *_ = visit(browser, report)
    for table in page.locator("table").all():
        rows, heads = table.locator("tbody tr").count(), table.locator("thead th").count()
        assert table.locator("thead button").count() == (heads if rows >= 3 else 0)
    page.close()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_hovering_over_a_mark_shows_its_numbers(browser, report, scheme):
    page, *_ = visit(browser, report, scheme=scheme)
    page.locator("#chart-scores .mark-symbol.role-mark path").first.hover()
    tip = page.locator("#vg-tooltip-element.visible")
    tip.wait_for()
    shown = dict(zip(*(tip.locator(f"td.{part}").all_inner_texts() for part in ("key", "value")), strict=True))
    assert shown["data set"] == "emp/H3" and shown["run"] == "a, full" and shown["seeds"] == "3"
    low, score, high = (float(shown[name].replace("−", "-")) for name in ("low", "score", "high"))
    assert low <= score <= high
    page.close()


@pytest.mark.parametrize("chart", ["scores", "tasks"])
def test_a_click_in_the_legend_highlights_a_run(browser, report, chart):
    page, *_ = visit(browser, report)
    shown = f"""[...document.querySelectorAll('#chart-{chart} .mark-symbol.role-mark path')]
        .filter((path) => path.getAttribute('opacity') !== '0.08').length"""
    assert page.evaluate(shown) == 36 * len(MODELS)
    label = page.locator(f"#chart-{chart} .role-legend-label text").nth(1)
    assert label.text_content() == "b, full"
    label.click()
    page.wait_for_function(f"{shown} === 36")
    label.click()
    page.wait_for_function(f"{shown} === {36 * len(MODELS)}")
    page.close()


def test_axe_finds_nothing_serious(browser, report):
    page, *_ = visit(browser, report)
    page.evaluate("document.querySelectorAll('details').forEach((part) => (part.open = true))")
    # all rows of a table have the same structure, and axe is slow for each
    page.evaluate("document.querySelectorAll('tbody tr:nth-child(n + 4)').forEach((row) => row.remove())")
    found = Axe().run(page).response["violations"]
    page.emulate_media(color_scheme="dark")  # which changes only colours
    found += Axe().run(page, options={"runOnly": ["cat.color"]}).response["violations"]
    serious = [rule for rule in found if rule["impact"] in ("serious", "critical")]
    assert serious == [], [(rule["id"], rule["nodes"][0]["html"]) for rule in serious]
    page.close()


def test_folded_lists_are_opened_for_printing(browser, report):
    page, *_ = visit(browser, report)
    lists = page.locator("td details")
    assert lists.count() > 0 and not any(lists.evaluate_all("(lists) => lists.map((list) => list.open)"))
    page.pdf()
    assert all(lists.evaluate_all("(lists) => lists.map((list) => list.open)"))
    page.close()


def test_the_page_is_small(report):
    assert report.stat().st_size < 5_000_000
