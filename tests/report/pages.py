"""How the tests of the report make pages and read them."""

import json
from html.parser import HTMLParser
from pathlib import Path

from tests.report.conftest import MadeUpRun
from workflow_scripts.report import collect_audits, collect_results, write_report


class Reader(HTMLParser):
    """Collects what the tests ask about: loads, links, charts, text outside scripts."""

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


def fits(run: MadeUpRun, *models: str) -> None:
    """Fits of each model on every data set, with two seeds."""
    for model in models:
        for task, datasets in run.datasets.items():
            for index, dataset in enumerate(datasets):
                for seed in (0, 1):
                    run.fit(model, "full", task, dataset, seed, 0.5 + 0.05 * index + 0.01 * seed)


def page_arguments(run: MadeUpRun, title: str = "A made-up run") -> list[str]:
    """The command line of the page, as little of it as there must be."""
    command = ["--title", title, "--results", run.root / "results.tsv", "--summary", run.root / "summary.json"]
    command += ["--verdicts", run.root / "verdicts.tsv", "--pairs", run.root / "pairs.tsv", "--fits", run.root / "fits"]
    command += ["--paper", run.paper, "--paper-models", run.paper_models]
    command += ["--out", run.root / "report" / "index.html", "--figures", run.root / "report" / "figures"]
    return [str(word) for word in command]


def make(run: MadeUpRun, *more: object, title: str = "A made-up run") -> Path:
    """Make the tables of the results, and the page with whatever more is given."""
    assert collect_results.main(run.arguments()) == 0
    assert write_report.main([*page_arguments(run, title), *map(str, more)]) == 0
    return run.root / "report" / "index.html"


def whole(run: MadeUpRun) -> list[object]:
    """Everything that a page may be given but for the fits."""
    summary, log = run.pretraining()
    every = [(task, dataset) for task, names in run.datasets.items() for dataset in names]
    sheets = [run.datasheet(*name) for name in every]
    table = run.root / "gue_audit.tsv"
    files = [*map(str, sheets), "--audits", *(str(run.audit(*name)) for name in every)]
    assert collect_audits.main(["--datasheets", *files, "--out", str(table)]) == 0
    return [
        *("--corpus", run.corpus(), "--species", run.species(), "--tokenizers", run.tokenizer()),
        *("--pretraining", summary, "--logs", log),
        *("--datasheets", *sheets, "--audits", table, "--notice", "Simulated & made up."),
    ]
