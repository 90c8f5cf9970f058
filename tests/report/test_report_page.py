"""The page: complete, escaped, offline, and speaking words where a run made nothing."""

import json
import re
from functools import partial
from html.parser import HTMLParser

import pytest

from tests.report.conftest import CONFIG
from workflow_scripts.common.files import read_table
from workflow_scripts.report import audits, efficiency, page, results, sections
from workflow_scripts.report import fits as read_fits
from workflow_scripts.report.figures import thin
from workflow_scripts.report.resampling import resampled_scores
from workflow_scripts.report.verdicts import VERDICTS

ATTACK = "<img src='http://evil.example/x.png' onerror='alert(1)'>"


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    """The number of resamples changes nothing that the page shows but digits of intervals."""
    monkeypatch.setattr(read_fits, "resampled_scores", partial(resampled_scores, resamples=100))


class Reader(HTMLParser):
    """Collects what the tests ask about: loads, charts, text outside scripts."""

    def __init__(self, html: str):
        super().__init__()
        self.tags, self.loads, self.charts, self.text = set(), [], [], ""
        self.inside = None
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.add(tag)
        self.inside = (tag, attributes)
        if tag not in ("a", "th", "td"):
            self.loads += [attributes[name] for name in ("src", "href", "data", "srcset") if name in attributes]

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        tag, attributes = self.inside or ("", {})
        if tag == "script" and attributes.get("type") == "application/json":
            self.charts.append(json.loads(data))
        elif tag not in ("script", "style"):
            self.text += data + " "


def fits(run, *models):
    for model in models:
        for task, datasets in run.datasets.items():
            for index, dataset in enumerate(datasets):
                for seed in (0, 1):
                    run.fit(model, "full", task, dataset, seed, 0.5 + 0.05 * index + 0.01 * seed)


def page_arguments(run, title="A made-up run"):
    command = ["--title", title, "--results", run.root / "results.tsv", "--summary", run.root / "summary.json"]
    command += ["--paper", run.paper, "--paper-models", run.paper_models]
    command += ["--out", run.root / "report" / "index.html", "--figures", run.root / "report" / "figures"]
    return [str(word) for word in command]


def make(run, *more, title="A made-up run"):
    assert results.main(run.arguments()) == 0
    assert page.main([*page_arguments(run, title), *map(str, more)]) == 0
    return run.root / "report" / "index.html"


def whole(run):
    summary, log = run.pretraining()
    every = [(task, dataset) for task, names in run.datasets.items() for dataset in names]
    sheets = [run.datasheet(*name) for name in every]
    table = run.root / "gue_audit.tsv"
    files = [*map(str, sheets), "--audits", *(str(run.audit(*name)) for name in every)]
    assert audits.main(["--datasheets", *files, "--out", str(table)]) == 0
    return [
        *("--corpus", run.corpus(), "--tokenizers", run.tokenizer(), "--pretraining", summary, "--logs", log),
        *("--datasheets", *sheets, "--audits", table, "--notice", "Simulated & made up."),
    ]


def test_page_needs_no_network_and_is_small(run):
    fits(run, "ours", "theirs")
    out = make(run, *whole(run))
    reader = Reader(out.read_text())
    assert reader.loads == []
    assert not {"img", "link", "iframe", "object", "base"} & reader.tags
    assert "default-src 'none'" in out.read_text()
    assert "@import" not in out.read_text() and "url(http" not in out.read_text()
    assert out.stat().st_size < 5_000_000


def test_page_of_a_whole_benchmark_is_small(run):
    """36 data sets, 5 models, 3 seeds."""
    datasets = [f"{row['task']}/{row['dataset']}" for row in read_table(CONFIG / "gue.tsv")]
    for index, model in enumerate("abcde"):
        for name in datasets:
            for seed in (42, 43, 44):
                run.fit(model, "full", *name.split("/"), seed, 0.5 + 0.02 * index + 0.01 * (seed - 42))
    out = make(run)
    reader = Reader(out.read_text())
    assert out.stat().st_size < 5_000_000 and reader.loads == []
    assert reader.text.count(", 3 seeds") == 5 * 36 == 5 * len(datasets)


def test_page_shows_notice_charts_and_the_numbers_of_each_step(run):
    fits(run, "ours")
    out = make(run, *whole(run))
    reader = Reader(out.read_text())
    assert "Simulated & made up." in reader.text
    assert len(reader.charts) == 3 and all("vega-lite" in spec["$schema"] for spec in reader.charts)
    assert "The counts add up" in reader.text
    for words in ("6.9000", "7.4000", "−0.5000", "1.9300", "4.710", "Made-up H3K14ac", "23 of 28", "+5.97"):
        assert words in reader.text, words
    assert "The grey band reaches from" in reader.text
    for name in ("corpus", "pretraining", "scores"):
        assert f'href="figures/{name}.svg"' in out.read_text()
        assert (out.parent / "figures" / f"{name}.svg").read_text().startswith("<svg")
        assert (out.parent / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_every_file_is_named_as_a_source(run):
    fits(run, "ours")
    more = whole(run)
    text = Reader(make(run, *more).read_text()).text
    for path in [value for value in more if not isinstance(value, str)]:
        assert str(path) in text


def test_leaks_are_counted_and_what_is_not_known_is_said_in_words(run):
    run.fit("ours", "full", "emp", "H3", 0, 0.5)
    sheets = [run.datasheet("emp", name) for name in ("H3", "H4")]
    found = [run.audit("emp", "H3", gc={"auroc": None}), run.audit("emp", "H4", leaks={"dev": 0, "test": 0})]
    table = run.root / "gue_audit.tsv"
    assert audits.main(["--datasheets", *map(str, sheets), "--audits", *map(str, found), "--out", str(table)]) == 0
    html = make(run, "--audits", table).read_text()
    text = " ".join(Reader(html).text.split())
    assert "In 1 of 2 data sets test rows are related to train rows" in text and "7 7.00%" in text
    assert html.count(">places unknown<") == 2 and html.count(">one class<") == 1
    assert ">0.765<" in html and html.count(">0.432<") == 2


def test_missing_fit_shows_by_name(run):
    fits(run, "ours")
    run.fit("theirs", "lora", "emp", "H3", 0, 0.6)
    html = make(run).read_text()
    assert 'title="no fit of theirs, lora on promoter/tata">not run<' in html
    lacking = sum(map(len, run.datasets.values())) - 1
    assert html.count(">not run<") == lacking + len(run.datasets) - 1, "cells of data sets, and means of tasks"
    assert "promoter/tata" in json.loads((run.root / "summary.json").read_text())["runs"][1]["missing"]


def test_a_data_set_and_seeds_without_fits_show_by_name(run):
    for seed in (0, 1):
        run.fit("ours", "full", "emp", "H3", seed, 0.5)
    run.fit("ours", "full", "emp", "H4", 1, 0.5)
    run.plan("ours", "full", "tf_human/0", 0)
    html = make(run).read_text()
    assert 'title="no fit of ours, full on tf_human/0">not run<' in html
    assert "not run: seed 0" in html and "emp/H4 (seed 0)" in html


def test_verdicts_are_words_and_counted(run):
    run.fit("ours", "full", "emp", "H3", 0, 0.78)
    run.fit("ours", "full", "emp", "H4", 0, 0.98)
    run.fit("ours", "full", "promoter", "all", 0, 0.5)
    run.datasheet("promoter", "tata", origin="primary")
    run.fit("ours", "full", "promoter", "tata", 0, 0.7)
    html = make(run).read_text()
    shown = re.findall(r'class="verdict ([\w-]+)" title="([^"]+)">([\w ]+)<', html)
    assert [words for _class, _why, words in shown] == ["reproduced", "above", "below", "not comparable"]
    assert shown[0][1] == "95% interval over rows" and shown[3][1].startswith("built from primary sources")
    assert "built from primary sources, not the published rows: promoter/tata" in Reader(html).text
    counts = json.loads((run.root / "summary.json").read_text())["verdicts"]
    ours = next(row for row in counts if row["paper_model"] == "DNABERT-2")
    assert [ours[name] for name in VERDICTS] == [1, 1, 1, 1, 0] and len(counts) == 10
    assert all(sum(row[name] for name in VERDICTS) == 4 for row in counts)


def test_costs_stand_beside_the_papers(run):
    run.fit("ours", "lora", "emp", "H3", 0, 0.7, seconds=90.0, gpu_seconds=72.0, memory_mb=900)
    assert results.main(run.arguments()) == 0
    assert efficiency.main(run.cost_arguments({"ours": {"config": None}})) == 0
    text = Reader(make(run, "--efficiency", run.root / "efficiency.tsv").read_text()).text
    for words in ("0.76%", "0.0200", "900", "NT-2500M-multi in the paper", "32.0 times", "92.8 times", "not counted"):
        assert words in text, words


def test_the_record_of_the_run_is_told_shortly(run):
    fits(run, "ours")
    record = run.root / "run.json"
    told = {"snakemake": "9.27.1", "python": "3.11.7", "software_deployment": ["conda"]}
    state = {"commit": "0123abcd", "dirty": True, "changed": ["a", "b"]}
    record.write_text(json.dumps({**told, "git": state}))
    text = " ".join(Reader(make(run, "--record", record).read_text()).text.split())
    assert "Made with commit 0123abcd and 2 changed or new files, Snakemake 9.27.1 and Python 3.11.7" in text
    assert "each rule in its own environment" in text and "run.json" in text
    record.write_text(json.dumps({**told, "git": None, "software_deployment": []}))
    text = " ".join(Reader(make(run, "--record", record).read_text()).text.split())
    assert "Made with code of no known commit, Snakemake 9.27.1" in text and "own environment" not in text


def test_ranks_and_clear_differences_are_shown(run):
    for model, score in (("a", 0.9), ("b", 0.5), ("c", 0.2)):
        run.fit(model, "full", "emp", "H3", 0, score)
    text = Reader(make(run).read_text()).text
    assert "95.00" in text and "All metrics" in text, "accuracy of the fit with MCC 0.9"
    assert "Mean rank over the data sets that all runs have" in text and "sets or more: too few" in text
    assert "Clear wins" in text


def test_collapsed_fits_and_cut_sequences_are_said(run):
    run.fit("ours", "full", "covid", "variants", 0, 0.02, collapse="loss at chance")
    text = Reader(make(run).read_text()).text
    assert "3.0% of the sequences cut" in text
    assert "1 of 1 collapsed" in text and "covid/variants (seed 0: loss at chance)" in text


def test_names_are_escaped(run):
    run.fit(ATTACK, "full", "emp", "H3", 0, 0.5)
    reader = Reader(make(run, "--notice", ATTACK, title=ATTACK).read_text())
    assert "img" not in reader.tags and reader.loads == []
    assert ATTACK in reader.text


def test_a_script_end_in_a_name_does_not_end_the_chart(run):
    run.fit("</script><script>alert(1)</script>", "full", "emp", "H3", 0, 0.5)
    reader = Reader(make(run).read_text())
    assert "</script>" in json.dumps(reader.charts)


def test_a_run_that_only_imports_a_model_says_so(run):
    run.fit("imported", "full", "emp", "H3", 0, 0.5)
    text = Reader(make(run).read_text()).text
    for words in ("built no corpus", "trained no tokenizer", "pre-trained no model", "No datasheets were given"):
        assert words in text, words
    assert "audited no data set" in text


def test_log_without_validation_or_with_nan_still_draws(run):
    run.fit("ours", "full", "emp", "H3", 0, 0.5)
    summary, log = run.pretraining(validation=False)
    log.write_text(log.read_text() + '{"step": 2010, "loss": NaN}\n')
    reader = Reader(make(run, "--pretraining", summary, "--logs", log).read_text())
    assert len(reader.charts) == 2 and "NaN" not in json.dumps(reader.charts)


def test_summary_without_validation_says_not_given(run):
    run.fit("ours", "full", "emp", "H3", 0, 0.5)
    path = run.root / "bare" / "summary.json"
    path.parent.mkdir()
    path.write_text('{"model": "bare", "steps": 3}')
    text = Reader(make(run, "--pretraining", path).read_text()).text
    assert "not given" in text and "No training log was given" in text


def test_counts_that_do_not_add_up_are_said(run):
    path = run.corpus()
    lines = path.read_text().splitlines()
    cells = lines[3].split("\t")
    cells[lines[0].split("\t").index("bases")] = str(10**9)
    path.write_text("\n".join([*lines[:3], "\t".join(cells), *lines[4:]]) + "\n")
    run.fit("ours", "full", "emp", "H3", 0, 0.5)
    assert re.search(r"do not add up: fungi has [\d,]+ bases", Reader(make(run, "--corpus", path).read_text()).text)


def test_groups_sum_to_the_corpus(run):
    groups = sections.corpus_by_group(run.corpus())
    corpus = sections.total(groups)
    assert [group["genomes"] for group in groups] == [2, 1, 1] and corpus["genomes"] == 4
    assert corpus["bases"] == sum(group["bases"] for group in groups)
    assert corpus["unaccounted"] == 0


def test_same_input_gives_the_same_bytes(run):
    fits(run, "ours")
    more = whole(run)
    first = make(run, *more).read_bytes()
    assert make(run, *more).read_bytes() == first


def test_thinned_curve_keeps_the_mean():
    rows = [{"step": n, "loss": float(n % 7)} for n in range(10_000)]
    thinned = thin(rows, 400)
    assert len(thinned) == 400
    assert sum(row["loss"] for row in thinned) / 400 == pytest.approx(sum(r["loss"] for r in rows) / 10_000)
    assert thin([], 400) == []


@pytest.mark.parametrize(
    ("option", "name", "text", "words"),
    [
        ("--logs", "log.jsonl", '{"step": 1}\n{"loss": 2}\n', "log.jsonl:2"),
        ("--pretraining", "summary.json", "{", "summary.json:1"),
        ("--audits", "gue_audit.tsv", "task\tdataset\nemp\tH3\n", "gue_audit.tsv: emp/H3"),
        ("--corpus", "corpus.tsv", "accession\tgroup\tbases\nG1\tfungi\tmany\n", "bases of G1"),
        ("--datasheets-list", "list.txt", "nowhere/datasheet.json\n", "nowhere/datasheet.json"),
    ],
)
def test_bad_input_is_one_line(run, capsys, option, name, text, words):
    run.fit("ours", "full", "emp", "H3", 0, 0.5)
    make(run).unlink()
    path = run.root / "bad" / name
    path.parent.mkdir()
    path.write_text(text)
    assert page.main([*page_arguments(run), option, str(path)]) == 1
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1
    assert not (run.root / "report" / "index.html").exists()


def test_table_and_summary_of_different_runs_do_not_mix(run, capsys):
    run.fit("ours", "full", "emp", "H3", 0, 0.5)
    make(run)
    table = run.root / "results.tsv"
    table.write_text(table.read_text().replace("ours", "others"))
    assert page.main(page_arguments(run)) == 1
    assert "others, full" in capsys.readouterr().err


def test_formats():
    assert page.bases(32_490_000_000) == "32.49 Gbp" and page.bases(870) == "870 bp"
    assert page.signed(-1.234) == "−1.23" and page.signed(None) == "not given"
    assert page.share(1, 0) == "not given" and page.probability(0.0004) == "< 0.001"
