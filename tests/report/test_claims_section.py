"""The table of the paper's claims on the page: verdicts with their reasons, and nothing without a study."""

import pytest

from tests.report.conftest import write_json
from tests.report.pages import Reader, make_page
from tests.report.test_write_report import ATTACK

pytestmark = [pytest.mark.usefixtures("few_resamples"), pytest.mark.slow]  # each makes a page, in seconds


def result(name: str, verdict: str, **more) -> dict:
    part = {"name": "a minus b", "verdict": verdict, "why": f"a minus b: {name} decides."}
    parts = [part, part | {"why": "A part of it.", "verdict": "not decided"}]
    claim = {"name": name, "question": f"Does {name} help?", "source": "the paper, table 10"}
    found = {"comparisons": parts, "verdict": verdict, "why": part["why"], "setting": {"scale": "laptop"}}
    return claim | found | more


def page_of(run, *results: dict) -> str:
    run.fit("ours", "full", "emp", "H3", 0, 0.5)
    files = [write_json(run.root / "studies" / found["name"] / "result.json", found) for found in results]
    return make_page(run, *(["--studies", *files] if files else [])).read_text()


def test_every_claim_has_its_verdict_why_and_files(run):
    html = page_of(run, result("length", "holds here"), result("corpus", "does not hold here"))
    text = Reader(html).text
    for words in ("Does length help?", "length decides.", "the paper, table 10", "laptop", "A part of it."):
        assert words in text, words
    assert '<span class="up">holds here</span>' in html and '<span class="down">does not hold here</span>' in html
    assert '<span class="even">not decided</span>' in html
    assert 'href="../studies/length/table.tsv"' in html and 'href="../studies/corpus/result.json"' in html


def test_without_studies_the_section_says_so(run):
    assert "No claim was studied." in Reader(page_of(run)).text


def test_words_of_a_result_are_escaped(run):
    html = page_of(run, result("length", "holds here", question=ATTACK, why=ATTACK))
    assert ATTACK not in html
