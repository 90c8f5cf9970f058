"""The page: complete, escaped, offline, and with messages for what a run did not make."""

import json
import re
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from tests.report.conftest import CONFIG
from tests.report.pages import Reader, all_inputs, fits, make_page, page_arguments
from workflow_scripts.common.files import read_table
from workflow_scripts.report import collect_audits, collect_results, count_costs, page_content, write_report
from workflow_scripts.report.verdicts import VERDICTS

pytestmark = [pytest.mark.usefixtures("few_resamples"), pytest.mark.slow]  # each makes a page, in seconds
ATTACK = "<img src='http://evil.example/x.png' onerror='alert(1)'>"


def test_the_page_needs_no_network_and_is_small(run):
    fits(run, "ours", "theirs")
    out = make_page(run, *all_inputs(run))
    reader = Reader(out.read_text())
    assert reader.loads == []
    assert not {"img", "link", "iframe", "object", "base"} & reader.tags
    assert "default-src 'none'" in out.read_text()
    assert "@import" not in out.read_text() and "url(http" not in out.read_text()
    assert out.stat().st_size < 5_000_000


def test_the_page_of_a_whole_benchmark_is_small(run):
    """36 data sets, 5 models, 3 seeds."""
    datasets = [f"{row['task']}/{row['dataset']}" for row in read_table(CONFIG / "gue.tsv")]
    for index, model in enumerate("abcde"):
        for name in datasets:
            for seed in (42, 43, 44):
                run.fit(model, "full", *name.split("/"), seed, 0.5 + 0.02 * index + 0.01 * (seed - 42))
    out = make_page(run)
    reader = Reader(out.read_text())
    assert out.stat().st_size < 5_000_000 and reader.loads == []
    assert reader.text.count(", 3 seeds") == 5 * 36 == 5 * len(datasets)


def test_the_page_has_the_notice_the_charts_and_the_numbers_of_each_step(run):
    fits(run, "ours")
    out = make_page(run, *all_inputs(run))
    reader = Reader(out.read_text())
    assert "Simulated & invented." in reader.text
    assert len(reader.charts) == 4 and all("vega-lite" in spec["$schema"] for spec in reader.charts)
    assert "The counts add up" in reader.text
    for words in ("6.9000", "7.4000", "7.1000", "+0.2000", "1.9300", "4.710", "Invented H3K14ac", "23 of 28", "+5.97"):
        assert words in reader.text, words
    assert "Loss of [MASK] places by step" in reader.text
    for name in ("corpus", "pretraining", "scores", "tasks"):
        assert f'href="figures/{name}.svg"' in out.read_text()
        assert (out.parent / "figures" / f"{name}.svg").read_text().startswith("<svg")
        assert (out.parent / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_every_input_is_listed_as_a_source(run):
    fits(run, "ours")
    more = all_inputs(run)
    text = Reader(make_page(run, *more).read_text()).text
    for path in [value for value in more if not isinstance(value, str)]:
        assert str(path) in text


def test_leaks_are_counted_and_unknown_figures_are_words(run):
    run.fit("ours", "full", "emp", "H3", 0, 0.5)
    sheets = [run.datasheet("emp", name) for name in ("H3", "H4")]
    found = [run.audit("emp", "H3", gc={"auroc": None}), run.audit("emp", "H4", leaks={"dev": 0, "test": 0})]
    table = run.root / "gue_audit.tsv"
    assert (
        collect_audits.main(["--datasheets", *map(str, sheets), "--audits", *map(str, found), "--out", str(table)]) == 0
    )
    html = make_page(run, "--audits", table).read_text()
    text = " ".join(Reader(html).text.split())
    assert "In 1 of 2 data sets test rows are related to train rows" in text and "7 7.00%" in text
    assert html.count(">places unknown<") == 2 and html.count(">one class<") == 1
    assert ">0.765<" in html and html.count(">0.432<") == 2


def test_missing_fits_are_distinguished_from_unplanned_ones(run):
    fits(run, "ours")
    run.fit("theirs", "lora", "emp", "H3", 0, 0.6)
    run.plan("theirs", "lora", "emp/H4", 0)
    html = make_page(run).read_text()
    assert html.count(">not run<") == 1 and 'title="no fit of theirs, lora on emp/H4">not run<' in html
    datasets = sum(map(len, run.datasets.values()))
    assert html.count(">not planned<") == datasets - 2
    assert html.count("<small>0 of ") == len(run.datasets) - 1, "means of tasks"
    assert "<small>1 of 3 data sets<" in html
    assert "promoter/tata" in json.loads((run.root / "summary.json").read_text())["runs"][1]["missing"]


def test_every_link_leads_to_a_file(run):
    """Including tables outside of the results, and names that URLs must escape."""
    folder = run.root / "my tables # 1"
    folder.mkdir()
    for name in ("paper", "paper_models"):
        copy = folder / getattr(run, name).name
        copy.write_bytes(getattr(run, name).read_bytes())
        setattr(run, name, copy)
    fits(run, "ours", "theirs")
    out = make_page(run, *all_inputs(run))
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


def test_verdicts_are_shown_and_counted(run):
    for seed in range(3):
        run.fit("ours", "full", "emp", "H3", seed, 0.78, rows=6000)
        run.fit("ours", "full", "emp", "H4", seed, 0.98)
        run.fit("ours", "full", "promoter", "all", seed, 0.5)
        run.fit("ours", "full", "promoter", "tata", seed, 0.7)
    run.datasheet("promoter", "tata", origin="primary")
    html = make_page(run).read_text()
    shown = re.findall(r'class="verdict ([\w-]+)" title="([^"]+)">([\w: -]+)<', html)
    words = ["reproduced", "above", "below", "re-run: below", "not comparable"]
    assert [words for _class, _why, words in shown] == words, "a single re-run, as on H3, has no verdict"
    assert shown[0][1].startswith("90% interval of the difference -") and shown[4][1].startswith("built from primary")
    assert "built from primary sources, not the published rows: promoter/tata" in Reader(html).text
    counts = json.loads((run.root / "summary.json").read_text())["verdicts"]
    ours = next(row for row in counts if (row["source"], row["published_model"]) == ("paper", "DNABERT-2"))
    assert [ours[name] for name in VERDICTS] == [1, 1, 1, 0, 0, 1, 0]


def test_scores_that_are_not_comparable_have_a_table_without_the_papers(run):
    run.fit("ours", "full", "promoter", "all", 0, 0.8)
    run.fit("ours", "full", "promoter", "tata", 0, 0.7)
    run.datasheet("promoter", "tata", origin="primary")
    html = make_page(run).read_text()
    first, second = re.findall(r"<h3>(Test scores[^<]*)</h3>(.*?)</table>", html, re.S)
    assert "compared with published ones" in first[0] and "promoter/all" in first[1] and "promoter/tata" not in first[1]
    assert "not comparable" in second[0] and "promoter/tata" in second[1] and "promoter/all" not in second[1]
    assert "86.77" in first[1] and "84.71" in first[1] and "sd 1.37, 10 seeds" in first[1], "paper and re-run"
    assert "Paper:" in first[1] and not re.search("Paper:|Re-run|71.59", second[1])
    first, second = re.findall(r"<h3>(Mean scores[^<]*)</h3>(.*?)</table>", html, re.S)
    assert "not comparable" not in first[0] and "comparable with the paper" in first[1] and "86.77" in first[1]
    assert "not comparable" in second[0] and "all data sets" in second[1] and "Paper:" not in second[1]
    run.simulated = True
    html = make_page(run).read_text()
    assert "Paper: DNABERT" not in html and "Mean scores × 100 by task" in html


def test_seeds_and_collapsed_fits_are_next_to_the_mean(run):
    """A mixture of collapsed and other fits has no interval: its mean says little."""
    for seed, score in enumerate((0.5, 0.02, 0.6)):
        collapse = "loss at chance" if seed == 1 else None
        run.fit("ours", "full", "covid", "variants", seed, score, collapse=collapse)
    html = make_page(run).read_text()
    text = " ".join(Reader(html).text.split())
    assert "no interval, 3 seeds 50.00 · 2.00 · 60.00 1 of 3 collapsed; 55.00 without" in text
    assert "10 seeds 4 of 10 collapsed" in text, "of the re-run"


def test_costs_are_shown_with_the_papers(run):
    run.fit("ours", "lora", "emp", "H3", 0, 0.7, seconds=90.0, gpu_seconds=72.0, memory_mb=900)
    assert collect_results.main(run.arguments()) == 0
    assert count_costs.main(run.cost_arguments({"ours": {"config": None}})) == 0
    text = Reader(make_page(run, "--efficiency", run.root / "efficiency.tsv").read_text()).text
    for words in ("0.76%", "0.0200", "900", "NT-2500M-multi in the paper", "32.0 times", "92.8 times", "not counted"):
        assert words in text, words


def test_the_record_of_the_run_is_summarized(run):
    fits(run, "ours")
    record = run.root / "run.json"
    facts = {"snakemake": "9.27.1", "python": "3.11.7", "software_deployment": ["conda"]}
    state = {"commit": "0123abcd", "dirty": True, "changed": ["a", "b"]}
    record.write_text(json.dumps({**facts, "git": state}))
    text = " ".join(Reader(make_page(run, "--record", record).read_text()).text.split())
    assert "Made with commit 0123abcd and 2 changed or new files, Snakemake 9.27.1 and Python 3.11.7" in text
    assert "each rule in its own environment" in text and "run.json" in text
    record.write_text(json.dumps({**facts, "git": None, "software_deployment": []}))
    text = " ".join(Reader(make_page(run, "--record", record).read_text()).text.split())
    assert "Made with code without a known commit, Snakemake 9.27.1" in text and "own environment" not in text


def test_differences_in_a_table_are_over_the_same_data_sets(run):
    for model, names in (("a", ("H3", "H4")), ("b", ("H3", "H4")), ("c", ("H3",))):
        for name in names:
            run.fit(model, "full", "emp", name, 0, 0.5)
    run.simulated = True
    html = make_page(run).read_text()
    tables = re.findall(r"<h3>First minus second, in points, over ([^<]*)</h3>(.*?)</table>", html, re.S)
    pairs = {over: re.findall(r'<th scope="row">(\w), full</th><td>(\w)', text) for over, text in tables}
    assert pairs == {"emp/H3": [("a", "c"), ("b", "c")], "emp/H3, emp/H4": [("a", "b")]}


def test_ranks_and_better_runs_are_shown(run):
    names = [("emp", name) for name in ("H3", "H3K14ac", "H4")] + [("tf_human", name) for name in "012"]
    for model, score in (("a", 0.9), ("b", 0.5), ("c", 0.2)):
        for task, dataset in names:
            for seed in range(3):
                run.fit(model, "full", task, dataset, seed, score)
    out = make_page(run)
    reader = Reader(out.read_text())
    assert "95.00" in reader.text and "All metrics" in reader.text, "accuracy of the fit with MCC 0.9"
    assert "Mean rank over the data sets that all runs have" in reader.text and "First better" in reader.text
    assert "differ by less than 1.35" in reader.text, "2.343 x (3 x 4 / 36) ^ 1/2"
    ranks = next(chart for chart in reader.charts if "critical difference" in json.dumps(chart))
    assert "no difference (1)" in json.dumps(ranks)
    assert (out.parent / "figures" / "ranks.svg").read_text().startswith("<svg")


def test_many_unknown_tokens_and_letters_are_shown(run):
    run.fit("ours", "full", "emp", "H3", 0, 0.5, unknown_tokens={"train": 0.0, "dev": 0.0, "test": 0.051})
    run.datasheet("emp", "H3")
    run.audit("emp", "H3")
    text = Reader(make_page(run).read_text()).text
    assert "5.1% of the tokens unknown to the model" in text


def test_fits_that_did_not_count_unknown_tokens_are_still_shown(run):
    run.fit("ours", "full", "emp", "H3", 0, 0.5, unknown_tokens={})
    assert "unknown to the model" not in Reader(make_page(run).read_text()).text


def test_collapsed_fits_and_truncated_sequences_are_shown(run):
    run.fit("ours", "full", "covid", "variants", 0, 0.02, collapse="loss at chance")
    text = Reader(make_page(run).read_text()).text
    assert "3.0% of the sequences truncated" in text and "unknown to the model" not in text, "0.4% is not worth a word"
    assert "1 of 1 collapsed" in text


def test_names_are_escaped(run):
    run.fit(ATTACK, "full", "emp", "H3", 0, 0.5)
    reader = Reader(make_page(run, "--notice", ATTACK, title=ATTACK).read_text())
    assert "img" not in reader.tags and reader.loads == []
    assert ATTACK in reader.text


def test_a_script_end_tag_in_a_name_is_escaped_in_charts(run):
    run.fit("</script><script>alert(1)</script>", "full", "emp", "H3", 0, 0.5)
    reader = Reader(make_page(run).read_text())
    assert "</script>" in json.dumps(reader.charts)


def test_a_run_with_only_an_imported_model_has_messages_for_the_rest(run):
    run.fit("imported", "full", "emp", "H3", 0, 0.5)
    text = Reader(make_page(run).read_text()).text
    for words in ("built no corpus", "trained no tokenizer", "pre-trained no model", "No datasheets were given"):
        assert words in text, words
    assert "audited no data set" in text


def test_a_log_without_validation_or_with_nan_has_a_chart(run):
    run.fit("ours", "full", "emp", "H3", 0, 0.5)
    summary, log = run.pretraining(validation=False)
    log.write_text(log.read_text() + '{"step": 2010, "loss": NaN}\n')
    reader = Reader(make_page(run, "--pretraining", summary, "--logs", log).read_text())
    assert len(reader.charts) == 3 and "NaN" not in json.dumps(reader.charts)


def test_a_summary_without_validation_shows_not_given(run):
    run.fit("ours", "full", "emp", "H3", 0, 0.5)
    path = run.root / "bare" / "summary.json"
    path.parent.mkdir()
    path.write_text('{"model": "bare", "steps": 3}')
    text = Reader(make_page(run, "--pretraining", path).read_text()).text
    assert "not given" in text and "No training log was given" in text


def test_groups_sum_to_the_corpus(run):
    groups = page_content.corpus_by_group(run.corpus())
    corpus = page_content.corpus_total(groups)
    assert [group["genomes"] for group in groups] == [2, 1, 1] and corpus["genomes"] == 4
    assert corpus["bases"] == sum(group["bases"] for group in groups)
    assert corpus["unaccounted"] == 0


def test_genomes_without_a_chunk_are_named_on_the_page(run):
    run.fit("ours", "full", "emp", "H3", 0, 0.5)
    path = run.corpus()
    assert "without a chunk" not in Reader(make_page(run, "--corpus", path).read_text()).text
    path.write_text(path.read_text().replace("\t4000\t3960\t40\t", "\t0\t0\t0\t"))
    assert (
        "Genomes without a chunk, which add nothing to the corpus: GCF_0."
        in Reader(make_page(run, "--corpus", path).read_text()).text
    )


def test_the_same_input_gives_the_same_bytes(run):
    fits(run, "ours")
    more = all_inputs(run)
    first = make_page(run, *more).read_bytes()
    assert make_page(run, *more).read_bytes() == first


@pytest.mark.parametrize(
    ("option", "name", "text", "words"),
    [
        ("--logs", "log.jsonl", '{"step": 1}\n{"loss": 2}\n', "log.jsonl:2"),
        ("--pretraining", "summary.json", "{", "summary.json:1"),
        ("--audits", "gue_audit.tsv", "task\tdataset\nemp\tH3\n", "gue_audit.tsv:2: no column rows"),
        ("--corpus", "corpus.tsv", "accession\tgroup\tbases\nG1\tfungi\tmany\n", "bases of G1"),
        ("--datasheets", "datasheet.json", "[]", "datasheet.json: contains a list, expected a JSON object"),
    ],
)
def test_bad_input_is_one_line_and_writes_no_page(run, capsys, option, name, text, words):
    run.fit("ours", "full", "emp", "H3", 0, 0.5)
    make_page(run).unlink()
    path = run.root / "bad" / name
    path.parent.mkdir()
    path.write_text(text)
    assert write_report.main([*page_arguments(run), option, str(path)]) == 1
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1
    assert not (run.root / "report" / "index.html").exists()


def test_an_edit_of_any_template_reruns_the_page():
    rule = (CONFIG.parent / "rules/report.smk").read_text().partition("rule write_report:")[2]
    patterns = re.findall(r'"(report/templates/[^"]+)"', rule)
    scripts = write_report.TEMPLATES.parents[1]
    assert {path for pattern in patterns for path in scripts.glob(pattern)} == set(write_report.TEMPLATES.iterdir())


def test_a_table_and_a_summary_of_different_runs_are_an_error(run, capsys):
    run.fit("ours", "full", "emp", "H3", 0, 0.5)
    make_page(run)
    table = run.root / "results.tsv"
    table.write_text(table.read_text().replace("ours", "others"))
    assert write_report.main(page_arguments(run)) == 1
    assert "others, full" in capsys.readouterr().err


def test_number_formats():
    assert write_report.bases(32_490_000_000) == "32.49 Gbp" and write_report.bases(870) == "870 bp"
    assert write_report.signed(-1.234) == "−1.23" and write_report.signed(None) == "not given"
    assert write_report.share(1, 0) == "not given" and write_report.probability(0.0004) == "< 0.001"
