"""The page: complete, escaped, offline, and speaking words where a run made nothing."""

import json
import re
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from tests.report.conftest import CONFIG
from tests.report.pages import Reader, fits, make, page_arguments, whole
from workflow_scripts.common.files import read_table
from workflow_scripts.report import collect_audits, collect_results, count_costs, sections, write_report
from workflow_scripts.report.figures import thin
from workflow_scripts.report.verdicts import VERDICTS

pytestmark = pytest.mark.usefixtures("few_resamples")
ATTACK = "<img src='http://evil.example/x.png' onerror='alert(1)'>"


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
    assert len(reader.charts) == 4 and all("vega-lite" in spec["$schema"] for spec in reader.charts)
    assert "The counts add up" in reader.text
    for words in ("6.9000", "7.4000", "−0.5000", "1.9300", "4.710", "Made-up H3K14ac", "23 of 28", "+5.97"):
        assert words in reader.text, words
    assert "The grey band reaches from" in reader.text
    for name in ("corpus", "pretraining", "scores", "tasks"):
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
    assert (
        collect_audits.main(["--datasheets", *map(str, sheets), "--audits", *map(str, found), "--out", str(table)]) == 0
    )
    html = make(run, "--audits", table).read_text()
    text = " ".join(Reader(html).text.split())
    assert "In 1 of 2 data sets test rows are related to train rows" in text and "7 7.00%" in text
    assert html.count(">places unknown<") == 2 and html.count(">one class<") == 1
    assert ">0.765<" in html and html.count(">0.432<") == 2


def test_a_fit_that_is_not_there_is_told_from_one_that_nobody_asked_for(run):
    fits(run, "ours")
    run.fit("theirs", "lora", "emp", "H3", 0, 0.6)
    run.plan("theirs", "lora", "emp/H4", 0)
    html = make(run).read_text()
    assert html.count(">not run<") == 1 and 'title="no fit of theirs, lora on emp/H4">not run<' in html
    datasets = sum(map(len, run.datasets.values()))
    assert html.count(">not asked for<") == datasets - 2
    assert html.count("<small>no fit<") == len(run.datasets) - 1, "means of tasks"
    assert "promoter/tata" in json.loads((run.root / "summary.json").read_text())["runs"][1]["missing"]


def test_every_link_leads_to_a_file(run):
    """Also to tables outside of the results, and through names that addresses must escape."""
    folder = run.root / "my tables # 1"
    folder.mkdir()
    for name in ("paper", "paper_models"):
        copy = folder / getattr(run, name).name
        copy.write_bytes(getattr(run, name).read_bytes())
        setattr(run, name, copy)
    fits(run, "ours", "theirs")
    out = make(run, *whole(run))
    html = out.read_text()
    links = Reader(html).links
    anchors = {link for link in links if link.startswith("#")}
    assert {f'id="{anchor[1:]}"' in html for anchor in anchors} == {True}
    files = [link for link in links if link not in anchors]
    assert all("://" not in link and not link.startswith("/") for link in files)
    found = {Path(unquote(urlsplit(urljoin(out.as_uri(), link)).path)) for link in files}
    assert [path for path in found if not path.exists()] == []
    assert set(run.metrics) <= found, "every seed of every fit"
    assert {folder / run.paper.name, folder / run.paper_models.name} <= found


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
    assert collect_results.main(run.arguments()) == 0
    assert count_costs.main(run.cost_arguments({"ours": {"config": None}})) == 0
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
    assert "1 of 1 collapsed" in text


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
    assert len(reader.charts) == 3 and "NaN" not in json.dumps(reader.charts)


def test_summary_without_validation_says_not_given(run):
    run.fit("ours", "full", "emp", "H3", 0, 0.5)
    path = run.root / "bare" / "summary.json"
    path.parent.mkdir()
    path.write_text('{"model": "bare", "steps": 3}')
    text = Reader(make(run, "--pretraining", path).read_text()).text
    assert "not given" in text and "No training log was given" in text


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
    assert write_report.main([*page_arguments(run), option, str(path)]) == 1
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1
    assert not (run.root / "report" / "index.html").exists()


def test_an_edit_of_any_template_reruns_the_page():
    rule = (CONFIG.parent / "rules/report.smk").read_text()
    assert all(f'"report/templates/{path.name}"' in rule for path in write_report.TEMPLATES.iterdir())


def test_table_and_summary_of_different_runs_do_not_mix(run, capsys):
    run.fit("ours", "full", "emp", "H3", 0, 0.5)
    make(run)
    table = run.root / "results.tsv"
    table.write_text(table.read_text().replace("ours", "others"))
    assert write_report.main(page_arguments(run)) == 1
    assert "others, full" in capsys.readouterr().err


def test_formats():
    assert write_report.bases(32_490_000_000) == "32.49 Gbp" and write_report.bases(870) == "870 bp"
    assert write_report.signed(-1.234) == "−1.23" and write_report.signed(None) == "not given"
    assert write_report.share(1, 0) == "not given" and write_report.probability(0.0004) == "< 0.001"
