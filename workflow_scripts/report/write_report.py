"""All results of a run -> one HTML page that needs no network, with its charts as files beside it.

In: the tables and summaries that the steps wrote; what a run did not make is simply not given.
Out: ``index.html`` (style, scripts and data inside; light and dark) and a folder of SVG and PNG figures.
"""

import argparse
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import read_table, write_text
from workflow_scripts.report import count_costs, figures, overview, paper, sections, tokenization
from workflow_scripts.report.collect_audits import read_audits
from workflow_scripts.report.inputs import load, read_paths

TEMPLATES = Path(__file__).parent / "templates"
ABSENT = "not given"
FILES = (  # inputs that the page names as its sources, beside the datasheets
    *("corpus", "species", "tokenizers", "tokenization", "pretraining", "logs", "results", "verdicts", "pairs"),
    *("summary", "efficiency", "paper", "paper_models", "audits", "record"),
)


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


def duration(seconds: float | None) -> str:
    """A time in the unit that it is commonly told in."""
    if seconds is None:
        return "time not measured"
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:,.0f} seconds"


def address(path: str | os.PathLike, page: Path) -> str:
    """The address of a file as a link on the page has it."""
    return quote(Path(os.path.relpath(path, page.parent)).as_posix())


def draw(charts: dict[str, Any], folder: Path) -> dict[str, dict[str, Any]]:
    """Write each chart's files; give its specification and where they lie."""
    drawn = {}
    for name, chart in charts.items():
        if chart is None:
            continue
        spec = figures.specification(chart)
        figures.write_figure(spec, folder, name)
        drawn[name] = {"spec": spec, "svg": folder / f"{name}.svg", "png": folder / f"{name}.png"}
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
    sections.locate(rows, summary["runs"], options.fits)
    lines = sections.matrix(rows, runs, quoted)
    study = load(options.tokenization) if options.tokenization else None
    models_of_paper = sections.paper_models(cells, options.paper_models)
    sheets = read_paths(options.datasheets_list) if options.datasheets_list else options.datasheets
    dots = sections.dots(lines)
    costs = read_table(options.efficiency) if options.efficiency else []
    fates = sections.fates(corpus)
    labelled = [row | {"label": f"{row['group']}: {row['genomes']}, {bases(row['bases'])}"} for row in groups]
    charts = {
        "corpus": figures.corpus_chart(labelled, fates),
        "pretraining": figures.pretraining_chart(curves),
        "scores": figures.scores_chart(dots, runs),
        "tasks": figures.tasks_chart(dots, runs),
        **(tokenization.charts(study) if study else {}),
    }
    datasets = sections.datasets(sheets)
    files = {name: getattr(options, name) for name in FILES} | {"datasheets": sheets}
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
        "beside_paper": overview.beside_paper(lines, runs, summary["verdicts"]),
        "spent": overview.spent(costs) if costs else None,
        "hardware": sorted({name for run in summary["runs"] for name in run["hardware"]}),
        "findings": overview.findings(rows, runs, summary, groups, files),
        "task_means": sections.task_means(lines, summary["runs"]),
        "paper_models": models_of_paper,
        "costs": costs,
        "cost_statements": count_costs.statements(costs, models_of_paper) if costs else [],
        "datasets": datasets,
        "sheets": {f"{row['task']}/{row['dataset']}": row["file"] for row in datasets},
        "audits": read_audits(options.audits) if options.audits else [],
        "record": load(options.record) if options.record else None,
        "files": files,
    }
    return content, charts


def render(content: dict[str, Any], page: Path) -> str:
    """The page that lies at ``page``; every value is escaped but for the project's own style and scripts."""
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
        "duration": duration,
        "address": partial(address, page=page),
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
    parser.add_argument("--species", type=Path, help="table of species, to name those without an assembly")
    parser.add_argument("--corpus-note", help="what the corpus is, in a sentence")
    files("--tokenizers", "stats.json of each tokenizer")
    parser.add_argument("--tokenization", type=Path, help="tokenization.json, the study of tokenizers")
    files("--pretraining", "summary.json of each pre-trained model")
    files("--logs", "log.jsonl of each pre-trained model, in the folder of its summary")
    files("--datasheets", "datasheet.json of each data set")
    parser.add_argument("--datasheets-list", type=Path, metavar="FILE", help="text file with one such path a line")
    parser.add_argument("--audits", type=Path, help="table of the data sets' audits (gue_audit.tsv)")
    parser.add_argument("--results", type=Path, required=True, help="table of the results (gue_results.tsv)")
    parser.add_argument("--fits", type=Path, required=True, metavar="FOLDER", help="folder of all fits")
    parser.add_argument("--verdicts", type=Path, required=True, help="table of verdicts (gue_verdicts.tsv)")
    parser.add_argument("--pairs", type=Path, required=True, help="table of every two runs (gue_pairs.tsv)")
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
    content["charts"] = draw(charts, options.figures)
    write_text(options.out, render(content, options.out))


if __name__ == "__main__":
    sys.exit(main())
