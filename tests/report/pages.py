"""Helpers of the report tests: making pages and reading them."""

import json
from html.parser import HTMLParser
from pathlib import Path

from tests.report.conftest import FictitiousRun
from workflow_scripts.report import collect_audits, collect_evidence, collect_results, score_by_similarity, write_report


class Reader(HTMLParser):
    """Collects tags, loaded resources, links, charts, and text outside of scripts."""

    def __init__(self, html: str):
        super().__init__()
        self.tags, self.loads, self.links, self.charts, self.text = set(), [], [], [], ""
        self.inside = None
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.add(tag)
        self.inside = (tag, attributes)
        if tag == "a":
            self.links.append(attributes["href"])
        elif tag not in ("th", "td"):
            self.loads += [attributes[name] for name in ("src", "href", "data", "srcset") if name in attributes]

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        tag, attributes = self.inside or ("", {})
        if tag == "script" and attributes.get("type") == "application/json":
            self.charts.append(json.loads(data))
        elif tag not in ("script", "style"):
            self.text += data + " "


def fits(run: FictitiousRun, *models: str) -> None:
    """Fits of each model on every data set, with two seeds."""
    for model in models:
        for task, datasets in run.datasets.items():
            for index, dataset in enumerate(datasets):
                for seed in (0, 1):
                    run.fit(model, "full", task, dataset, seed, 0.5 + 0.05 * index + 0.01 * seed)


def page_arguments(run: FictitiousRun, title: str = "A fictitious run") -> list[str]:
    """The required options of write_report."""
    command = ["--title", title, "--results", run.root / "results.tsv", "--summary", run.root / "summary.json"]
    command += ["--verdicts", run.root / "verdicts.tsv", "--pairs", run.root / "pairs.tsv", "--fits", run.root / "fits"]
    command += ["--paper", run.paper, "--paper-models", run.paper_models, "--reruns", run.reruns]
    command += ["--out", run.root / "report" / "index.html", "--figures", run.root / "report" / "figures"]
    return [str(word) for word in command]


def make_page(run: FictitiousRun, *more: object, title: str = "A fictitious run") -> Path:
    """Make the tables of results and the page, with more options of write_report; return the path of the page."""
    assert collect_results.main(run.arguments()) == 0
    assert write_report.main([*page_arguments(run, title), *map(str, more)]) == 0
    return run.root / "report" / "index.html"


def evidence_inputs(run: FictitiousRun) -> list[object]:
    """Options of write_report for what is behind the scores and for scores by similarity, made by their programs."""
    for name in {name for names in run.planned.values() for name in names}:
        run.dataset(*name.split("/"))
    folder, strata = run.root / "evidence", run.root / "gue_strata.tsv"
    folder.mkdir()
    data = [*run.fit_arguments(), "--data", str(run.root / "sheets")]
    tables = ("classes", "confusions", "curves", "errors", "learning")
    files = [word for table in tables for word in (f"--{table}", str(folder / f"{table}.tsv"))]
    assert collect_evidence.main([*data, *files]) == 0
    assert score_by_similarity.main([*data, "--out", str(strata)]) == 0
    return ["--evidence", folder, "--strata", strata]


def all_inputs(run: FictitiousRun) -> list[object]:
    """Options of write_report for all optional inputs except those of the tokenization study, costs and the record."""
    summary, log = run.pretraining()
    every = [(task, dataset) for task, names in run.datasets.items() for dataset in names]
    sheets = [run.datasheet(*name) for name in every]
    table = run.root / "gue_audit.tsv"
    files = [*map(str, sheets), "--audits", *(str(run.audit(*name)) for name in every)]
    assert collect_audits.main(["--datasheets", *files, "--out", str(table)]) == 0
    return [
        *("--corpus", run.corpus(), "--species", run.species(), "--tokenizers", run.tokenizer()),
        *("--pretraining", summary, "--logs", log),
        *("--datasheets", *sheets, "--audits", table, "--notice", "Simulated & invented."),
        *evidence_inputs(run),
    ]
