"""Write the results of a run as one HTML page that needs no network, and its charts as files.

In: the tables and summaries that the steps wrote; options for steps that a run leaves out are omitted.
Out: ``index.html``, with styles, scripts and data included, and a folder of SVG and PNG figures.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import altair as alt
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import read_table, write_text
from workflow_scripts.common.json_objects import read_object
from workflow_scripts.common.letters import NOTABLE
from workflow_scripts.report import count_costs, figures, overview, page_content, paper, tokenization_section
from workflow_scripts.report.applications_section import applications
from workflow_scripts.report.evidence_section import evidence
from workflow_scripts.report.floors_section import floors
from workflow_scripts.report.homology_section import homology
from workflow_scripts.report.line_panels import styles
from workflow_scripts.report.pretraining_section import pretraining
from workflow_scripts.report.strata_section import LEAST_ROWS, strata
from workflow_scripts.report.verdicts import MARGINS

TEMPLATES = Path(__file__).parent / "templates"
ABSENT = "not given"
FILES = (  # inputs that the page lists as its sources
    *("corpus", "species", "tokenizers", "tokenization", "studies", "pretraining", "logs", "datasheets", "results"),
    *("verdicts", "pairs", "summary", "efficiency", "paper", "paper_models", "reruns", "audits", "strata"),
    *("record", "evidence", "homology"),
)


def count(value: float | None) -> str:
    """12345 -> 12,345."""
    return ABSENT if value is None else f"{value:,.0f}"


def decimal(value: float | None, digits: int = 2) -> str:
    """A number with a fixed number of decimals and a typographic minus sign."""
    return ABSENT if value is None else f"{value:,.{digits}f}".replace("-", "−")


def signed(value: float | None, digits: int = 2) -> str:
    """A difference, always with its sign."""
    return ABSENT if value is None else f"{value:+.{digits}f}".replace("-", "−")


def number(text: str, digits: int = 2) -> str:
    """A number in a cell of a table, with thousands separated; an empty cell stays empty."""
    return f"{float(text):,.{digits}f}" if text else ""


def share(part: float | None, whole: float | None) -> str:
    """Part of a whole as a percentage."""
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
    """A time in the largest unit of which it has at least two."""
    if seconds is None:
        return "time not measured"
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:,.0f} seconds"


def link_target(path: str | os.PathLike, page: Path) -> str:
    """The relative URL of a file for a link on the page."""
    return quote(Path(os.path.relpath(path, page.parent)).as_posix())


def write_figures(charts: Mapping[str, alt.TopLevelMixin | None], folder: Path) -> dict[str, dict[str, Any]]:
    """Write the files of each chart; return its specification and their paths."""
    drawn = {}
    for name, chart in charts.items():
        if chart is None:
            continue
        spec = figures.specification(chart)
        figures.write_figure(spec, folder, name)
        drawn[name] = {"spec": spec, "svg": folder / f"{name}.svg", "png": folder / f"{name}.png"}
    return drawn


def read_content(options: argparse.Namespace) -> tuple[dict[str, Any], dict[str, alt.TopLevelMixin | None]]:
    """Read all inputs: the template's variables, and the charts by name."""
    groups = page_content.corpus_by_group(options.corpus) if options.corpus else []
    corpus = page_content.corpus_total(groups) if groups else None
    models, curves = pretraining(options.pretraining, options.logs)
    rows = page_content.read_results(options.results)
    paper_cells, _metrics = paper.read_cells(options.paper)
    summary = read_object(options.summary)
    runs = [f"{run['model']}, {run['method']}" for run in summary["runs"]]
    if unknown := sorted({row["run"] for row in rows} - set(runs)):
        raise UserError(f"{options.results}: {unknown[0]} is not in {options.summary}; make both again, together")
    page_content.add_fit_paths(rows, summary["runs"], options.fits)
    lines = page_content.score_lines(rows, runs)
    study = read_object(options.tokenization) if options.tokenization else None
    paper_models = page_content.paper_models(paper_cells, options.paper_models)
    dots = page_content.chart_dots(lines)
    means = page_content.task_means(lines, runs)
    costs = read_table(options.efficiency) if options.efficiency else []
    fates = page_content.occurring_fates(corpus)
    labelled = [row | {"label": f"{row['group']}: {row['genomes']}, {bases(row['bases'])}"} for row in groups]
    applied, pictures = applications(options.applied)
    charts = {
        "corpus": figures.corpus_chart(labelled, fates),
        "pretraining": figures.pretraining_chart(curves),
        "scores": figures.scores_chart(dots, runs),
        "tasks": figures.tasks_chart(dots, means, runs),
        "ranks": figures.ranks_chart(summary["ranks"]),
        **(tokenization_section.charts(study) if study else {}),
        **pictures,
    }
    datasets = page_content.datasets(options.datasheets)
    audits = page_content.read_audits(options.audits) if options.audits else []
    train_rows = {f"{row['task']}/{row['dataset']}": row["splits"][0] for row in datasets}
    reached = floors(rows, summary, audits, train_rows)
    files = {name: getattr(options, name) for name in FILES}
    content = {
        "title": options.title,
        "notice": options.notice,
        "groups": groups,
        "corpus": corpus,
        "corpus_note": options.corpus_note,
        "fates": fates,
        "tokenizers": page_content.tokenizers(options.tokenizers, corpus["kept_bases"] if corpus else None),
        "tokenization": tokenization_section.content(study, paper_models) if study else None,
        "claims": page_content.claims(options.studies),
        "models": models,
        "lines": lines,
        "run_names": runs,
        "rows": rows,
        "summary": summary,
        "comparison": overview.compare_with_paper(lines, runs, summary["verdicts"]),
        "total_costs": overview.total_costs(costs) if costs else None,
        "hardware": sorted({name for run in summary["runs"] for name in run["hardware"]}),
        "findings": overview.findings(rows, runs, summary, groups, files, reached),
        "floors": reached,
        "strata": strata(options.strata, runs) if options.strata else [],
        "styles": styles(runs),
        "task_means": means,
        "paper_models": paper_models,
        "costs": costs,
        "cost_claims": count_costs.cost_claims(costs, paper_models) if costs else [],
        "datasets": datasets,
        "sheets": {f"{row['task']}/{row['dataset']}": row["file"] for row in datasets},
        "audits": audits,
        "homology": homology(options.homology) if options.homology else [],
        "evidence": evidence(options.evidence, runs) if options.evidence else [],
        "applied": applied,
        "record": read_object(options.record) if options.record else None,
        "files": files,
    }
    return content, charts


def render(content: dict[str, Any], page: Path) -> str:
    """The HTML of the page at ``page``; all values are escaped except the project's own styles and scripts."""
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
        "link_target": partial(link_target, page=page),
    }
    parts = {name: Markup((TEMPLATES / name).read_text(encoding="utf-8")) for name in ("report.css", "report.js")}
    return environment.get_template("report.html.j2").render(
        **content,
        css=parts["report.css"],
        script=parts["report.js"],
        vega=Markup(figures.javascript()),
        notable=NOTABLE,
        margins=MARGINS,
        least_rows=LEAST_ROWS,
    )


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)

    def add_files(name: str, text: str) -> None:
        parser.add_argument(name, nargs="*", type=Path, default=[], metavar="FILE", help=text)

    parser.add_argument("--title", required=True, help="title of the page")
    parser.add_argument("--notice", help="text of a banner at the top, such as that the data are simulated")
    parser.add_argument("--corpus", type=Path, help="corpus.tsv: one row for each genome")
    parser.add_argument("--species", type=Path, help="table of species, to list those without an assembly")
    parser.add_argument("--corpus-note", help="a sentence that describes the corpus")
    add_files("--tokenizers", "stats.json of each tokenizer")
    parser.add_argument("--tokenization", type=Path, help="tokenization.json, the tokenization study")
    add_files("--studies", "result.json of each claim, with its table.tsv")
    add_files("--pretraining", "summary.json of each pre-trained model")
    add_files("--logs", "log.jsonl of each pre-trained model, in the folder of its summary")
    add_files("--datasheets", "datasheet.json of each data set")
    parser.add_argument("--audits", type=Path, help="table of the data sets' audits (gue_audit.tsv)")
    parser.add_argument("--strata", type=Path, help="table of scores by similarity (gue_strata.tsv)")
    parser.add_argument("--results", type=Path, required=True, help="table of the results (gue_results.tsv)")
    parser.add_argument("--fits", type=Path, required=True, metavar="FOLDER", help="folder of all fits")
    parser.add_argument("--verdicts", type=Path, required=True, help="table of verdicts (gue_verdicts.tsv)")
    parser.add_argument("--pairs", type=Path, required=True, help="table of pairs of runs (gue_pairs.tsv)")
    parser.add_argument("--summary", type=Path, required=True, help="summary of the results (gue_summary.json)")
    parser.add_argument("--efficiency", type=Path, help="table of costs (efficiency.tsv)")
    parser.add_argument("--evidence", type=Path, metavar="FOLDER", help="tables of collect_evidence")
    parser.add_argument("--homology", type=Path, help="scores on the homology twins (gue_homology.tsv)")
    parser.add_argument(
        "--applied", nargs="*", type=Path, default=[], metavar="FOLDER", help="results of each application"
    )
    parser.add_argument("--record", type=Path, help="record of the run (run.json)")
    parser.add_argument("--paper", type=Path, required=True, help="the paper's scores (config/paper_results.tsv)")
    parser.add_argument("--paper-models", type=Path, required=True, help="its models (config/paper_models.tsv)")
    parser.add_argument("--reruns", type=Path, required=True, help="scores of independent re-runs (config/reruns.tsv)")
    parser.add_argument("--out", type=Path, required=True, help="page to write (HTML)")
    parser.add_argument("--figures", type=Path, required=True, help="folder for the charts (SVG and PNG)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    """Write the page and its figures."""
    options = build_parser().parse_args(argv)
    content, charts = read_content(options)
    content["charts"] = write_figures(charts, options.figures)
    write_text(options.out, render(content, options.out))


if __name__ == "__main__":
    sys.exit(main())
