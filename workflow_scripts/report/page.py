"""All results of a run -> one HTML page that needs no network, with its charts as files beside it.

In: the tables and summaries that the steps wrote; what a run did not make is simply not given.
Out: ``index.html`` (style, scripts and data inside; light and dark) and a folder of SVG and PNG figures.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import read_table, write_text
from workflow_scripts.report import efficiency, figures, paper, sections, tokenization
from workflow_scripts.report.audits import read_audits
from workflow_scripts.report.inputs import load, read_paths

TEMPLATES = Path(__file__).parent / "templates"
ABSENT = "not given"


def count(value: float | None) -> str:
    """12345 -> 12,345."""
    return ABSENT if value is None else f"{value:,.0f}"


def decimal(value: float | None, digits: int = 2) -> str:
    """A number with a fixed number of decimals and a true minus sign."""
    return ABSENT if value is None else f"{value:,.{digits}f}".replace("-", "−")


def signed(value: float | None, digits: int = 2) -> str:
    """A difference: always with its sign."""
    return ABSENT if value is None else f"{value:+.{digits}f}".replace("-", "−")


def number(text: str, digits: int = 2) -> str:
    """A number of a table, with thousands separated; nothing for an empty cell."""
    return f"{float(text):,.{digits}f}" if text else ""


def share(part: float | None, whole: float | None) -> str:
    """Part of a whole in per cent."""
    return ABSENT if part is None or not whole else f"{100 * part / whole:.2f}%"


def bases(value: float | None) -> str:
    """A number of bases with its unit: 32,490,000,000 -> 32.49 Gbp."""
    if value is None:
        return ABSENT
    for size, unit in ((1e9, "Gbp"), (1e6, "Mbp"), (1e3, "kbp")):
        if value >= size:
            return f"{value / size:,.2f} {unit}"
    return f"{value:,.0f} bp"


def probability(value: float | None) -> str:
    """A p-value to three decimals."""
    if value is None:
        return "too few"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def draw(charts: dict[str, Any], folder: Path, page: Path) -> dict[str, dict[str, Any]]:
    """Write each chart's files; give its specification and its files' addresses seen from the page."""
    drawn = {}
    for name, chart in charts.items():
        if chart is None:
            continue
        spec = figures.specification(chart)
        figures.write_figure(spec, folder, name)
        address = Path(os.path.relpath(folder, page.parent)).as_posix()
        drawn[name] = {"spec": spec, "svg": f"{address}/{name}.svg", "png": f"{address}/{name}.png"}
    return drawn


def gather(options: argparse.Namespace) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read every input: the template's variables, and the charts by name."""
    groups = sections.corpus_by_group(options.corpus) if options.corpus else []
    corpus = sections.total(groups) if groups else None
    models, curves = sections.pretraining(options.pretraining, options.logs)
    rows = sections.read_results(options.results)
    cells, quoted = paper.read_cells(options.paper)
    summary = load(options.summary)
    runs = [f"{run['model']}, {run['method']}" for run in summary["runs"]]
    stray = sorted({row["run"] for row in rows} - set(runs))
    if stray:
        raise UserError(f"{options.results}: {stray[0]} is not in {options.summary}; make both again, together")
    lines = sections.matrix(rows, runs, quoted)
    study = load(options.tokenization) if options.tokenization else None
    models_of_paper = sections.paper_models(cells, options.paper_models)
    sheets = read_paths(options.datasheets_list) if options.datasheets_list else options.datasheets
    dots = [
        {"run": cell["run"], "task": line["task"], "dataset": line["dataset"], "score": cell["mean"]}
        | {"paper": line["paper_dnabert2"] if line["comparable"] else None}
        for line in lines
        for cell in line["cells"]
        if cell
    ]
    costs = read_table(options.efficiency) if options.efficiency else []
    fates = sections.fates(corpus)
    labelled = [row | {"label": f"{row['group']}: {row['genomes']}, {bases(row['bases'])}"} for row in groups]
    charts = {
        "corpus": figures.corpus_chart(labelled, fates),
        "pretraining": figures.pretraining_chart(curves),
        "scores": figures.scores_chart(dots, list(dict.fromkeys(line["task"] for line in lines))),
        **(tokenization.charts(study) if study else {}),
    }
    content = {
        "title": options.title,
        "notice": options.notice,
        "groups": groups,
        "corpus": corpus,
        "corpus_note": options.corpus_note,
        "fates": fates,
        "tokenizers": sections.tokenizers(options.tokenizers, corpus["kept_bases"] if corpus else None),
        "tokenization": tokenization.section(study, models_of_paper) if study else None,
        "models": models,
        "lines": lines,
        "run_names": runs,
        "rows": rows,
        "summary": summary,
        "task_means": sections.task_means(lines, summary["runs"]),
        "paper_models": models_of_paper,
        "costs": costs,
        "cost_statements": efficiency.statements(costs, models_of_paper) if costs else [],
        "datasets": sections.datasets(sheets),
        "audits": read_audits(options.audits) if options.audits else [],
        "record": load(options.record) if options.record else None,
        "files": {
            "corpus": options.corpus,
            "tokenizers": options.tokenizers,
            "tokenization": options.tokenization,
            "pretraining": options.pretraining,
            "logs": options.logs,
            "results": options.results,
            "summary": options.summary,
            "efficiency": options.efficiency,
            "paper": options.paper,
            "paper_models": options.paper_models,
            "datasheets": sheets,
            "audits": options.audits,
            "record": options.record,
        },
    }
    return content, charts


def render(content: dict[str, Any]) -> str:
    """The page; every value is escaped but for the project's own style and scripts."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": count,
        "decimal": decimal,
        "signed": signed,
        "number": number,
        "share": share,
        "bases": bases,
        "probability": probability,
    }
    parts = {name: Markup((TEMPLATES / name).read_text(encoding="utf-8")) for name in ("report.css", "report.js")}
    return environment.get_template("report.html.j2").render(
        **content, css=parts["report.css"], script=parts["report.js"], vega=Markup(figures.javascript())
    )


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)

    def files(name: str, text: str) -> None:
        parser.add_argument(name, nargs="*", type=Path, default=[], metavar="FILE", help=text)

    parser.add_argument("--title", required=True, help="title of the page")
    parser.add_argument("--notice", help="text of a banner on top, e.g. that the data are simulated")
    parser.add_argument("--corpus", type=Path, help="corpus.tsv: one row a genome")
    parser.add_argument("--corpus-note", help="what the corpus is, in a sentence")
    files("--tokenizers", "stats.json of each tokenizer")
    parser.add_argument("--tokenization", type=Path, help="tokenization.json, the study of tokenizers")
    files("--pretraining", "summary.json of each pre-trained model")
    files("--logs", "log.jsonl of each pre-trained model, in the folder of its summary")
    files("--datasheets", "datasheet.json of each data set")
    parser.add_argument("--datasheets-list", type=Path, metavar="FILE", help="text file with one such path a line")
    parser.add_argument("--audits", type=Path, help="table of the data sets' audits (gue_audit.tsv)")
    parser.add_argument("--results", type=Path, required=True, help="table of the results (gue_results.tsv)")
    parser.add_argument("--summary", type=Path, required=True, help="summary of the results (gue_summary.json)")
    parser.add_argument("--efficiency", type=Path, help="table of costs (efficiency.tsv)")
    parser.add_argument("--record", type=Path, help="record of the run (run.json)")
    parser.add_argument("--paper", type=Path, required=True, help="the paper's cells (config/paper_results.tsv)")
    parser.add_argument("--paper-models", type=Path, required=True, help="its models (config/paper_models.tsv)")
    parser.add_argument("--out", type=Path, required=True, help="page to write (HTML)")
    parser.add_argument("--figures", type=Path, required=True, help="folder for the charts (SVG and PNG)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    """Write the page and its figures."""
    options = build_parser().parse_args(argv)
    content, charts = gather(options)
    content["charts"] = draw(charts, options.figures, options.out)
    write_text(options.out, render(content))


if __name__ == "__main__":
    sys.exit(main())
