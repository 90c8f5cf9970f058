"""The tokenization section: the numbers of the study, and messages if there is nothing to show."""

import json

import pytest

from tests.report.pages import Reader, make_page
from tests.report.test_write_report import ATTACK
from workflow_scripts.report import tokenization_section
from workflow_scripts.report.figures import specification

pytestmark = pytest.mark.slow  # each makes a page, in seconds

LEAKS = {"independent": {"tokens": 0.997, "bases": 0.999}, "contiguous": {"tokens": 0.0, "bases": 0.768}}
MODELS = [{"model": "DNABERT (6-mer)", "relative_flops_500bp": "3.25"}]


def entry(name: str, kind: str, size: int, bases: float, flops: float, changed: float, leak: float) -> dict:
    return {
        **{"name": name, "kind": kind, "vocab_size": size, "bases_per_token": bases, "tokens_per_base": 1 / bases},
        **{"tokens_per_base_by_group": {"fungi": 1 / bases, "viral": 2 / bases}, "token_lengths": {"4": 0.6, "6": 0.4}},
        **{"window_tokens": 500 / bases + 2, "relative_flops": flops / 100},
        "flops": {"attention": 0.4e9 * flops, "mlp": 0.6e9 * flops, "total": 1e9 * flops},
        "flops_plain_mlp": {"attention": 0.4e9 * flops, "mlp": 0.4e9 * flops, "total": 0.8e9 * flops},
        "changed": {edit: {"share": changed, "tokens": 100 * changed} for edit in tokenization_section.EDITS},
        "given_away": {"independent": {"tokens": leak, "bases": leak}, "contiguous": None},
    }


def token(text: str, count: int, labels: list[str]) -> dict:
    share = 0.25 if count else None
    return {"word": text, "length": len(text), "count": count, "labels": labels} | {
        "soft_masked": share,
        "soft_masked_genome": share,
    }


@pytest.fixture
def study() -> dict:
    """A study with invented numbers."""
    motif = {"label": "Alu", "rule": "of the consensus", "words": 30, "words_shuffled": 0.05, "share_of_tokens": 0.001}
    return {
        "sample": {"chunks": 77, "bases": 77_000, "genomes": 3, "soft_masked": 0.1, "seed": 1, "window_bases": 500}
        | {"chunks_by_group": {"viral": 7, "fungi": 70}},
        "masked": 0.15,
        "flops_formula": {"attention": "8 T d^2", "mlp": "6 T d f", "symbols": "T tokens"},
        "reference": "overlapping 6-mer",
        "tokenizers": [
            entry("ours", "bpe", 4096, 4.9, 20, 0.02, 0),
            entry("overlapping 6-mer", "kmer_overlapping", 4101, 1.01, 100, 0.01, 0.997) | {"given_away": LEAKS},
            entry("6-mer", "kmer", 4105, 5.9, 17, 0.5, 0),
        ],
        "sweep": [entry(f"ours, first {2**n}", "bpe", 2**n, n / 2, 200 / n, 0.02, 0) for n in (8, 10, 12)],
        "words": {
            "name": "ours",
            "vocab_size": 4096,
            "motifs": [motif | {"soft_masked": None, "soft_masked_genome": 0.3}],
            "longest": [token("TATATATATATATATA", 0, ["dinucleotide repeat"])],
            "most_frequent": [token("TTTT", 54_321, ["homopolymer"])],
        },
    }


def page_of(run, study: dict) -> str:
    """The page of a run with this study."""
    run.fit("ours", "full", "emp", "H3", 0, 0.5)
    path = run.root / "tokenization.json"
    path.write_text(json.dumps(study))
    return make_page(run, "--tokenization", path).read_text()


def test_numbers_of_the_study_are_on_the_page(run, study):
    html = page_of(run, study)
    reader = Reader(html)
    for words in ("4.900", "4,105", "5.00", "50.00%", "99.70%", "54,321", "none seen", "TATATATATATATATA", "77"):
        assert words in reader.text, words
    assert str(run.root / "tokenization.json") in reader.text
    assert len(reader.charts) == 5 and reader.loads == []
    for name in ("tokenization_sizes", "tokenization_lengths", "tokenization_edits"):
        assert f'href="figures/{name}.svg"' in html
        assert (run.root / "report/figures" / f"{name}.png").is_file()


def test_claims_are_compared_with_the_measured_values(study):
    here = [row["here"] for row in tokenization_section.claims(study, "3.25")]
    assert here == [
        "4.90 bases per token (ours)",
        "5.00 times fewer at 500 bases",  # 100 against 20
        "4.00 times at 500 bases, counting DNABERT's plain feed-forward layer",  # 80 against 20
        "leaked: 99.7% (overlapping 6-mer), 0.0% (ours); masked in runs of k, as DNABERT does, overlapping 6-mer leaks "
        "0.0% of tokens and 76.8% of their bases",
        "changed by one insertion and one deletion: 50.0% and 50.0% (6-mer), 2.0% and 2.0% (ours)",
        "1.50 times fewer with 4,096 entries than with 256",
    ]
    assert "3.25 times" in tokenization_section.content(study, MODELS)["claims"][2]["paper"]


def test_charts_have_every_value(study):
    drawn = [specification(chart)["datasets"].values() for chart in tokenization_section.charts(study).values()]
    sizes, lengths, edits = ([row for rows in data for row in rows] for data in drawn)
    assert [row["value"] for row in sizes if row["measure"] == "bases per token"] == [4, 5, 6]
    assert [row["value"] for row in sizes if row["measure"] != "bases per token"] == pytest.approx([4, 5, 6])
    assert len(lengths) == 3 * 2
    assert {(row["tokenizer"], row["share"]) for row in edits} == {
        ("ours", 0.02),
        ("overlapping 6-mer", 0.01),
        ("6-mer", 0.5),
    }


def test_a_page_without_bpe_or_without_a_study_says_so(run, study):
    study |= {"tokenizers": study["tokenizers"][1:], "sweep": [], "words": None}
    html = page_of(run, study)
    text = Reader(html).text
    assert "needs at least two BPE vocabularies" in text
    assert "Measured here" not in text and "50.00%" in text
    assert len(Reader(html).charts) == 3
    assert "The tokenizers were not studied" in Reader(make_page(run).read_text()).text


def test_one_vocabulary_size_has_no_chart(run, study):
    study["sweep"] = study["sweep"][:1]
    assert "needs at least two BPE vocabularies" in Reader(page_of(run, study)).text


def test_names_are_escaped(run, study):
    study["tokenizers"][2]["name"] = ATTACK
    reader = Reader(page_of(run, study))
    assert "img" not in reader.tags and ATTACK in reader.text
