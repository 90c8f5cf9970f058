"""Charts of the report, as Vega-Lite specifications and as SVG and PNG files.

Text, axes and the paper's marks have the colour of the page's text (``currentColor``), so that a chart works on a light
and on a dark page. The series have the colours of Okabe and Ito, which colour-blind readers can distinguish.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert

from workflow_scripts.common.files import atomic, write_text

PALETTE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#7f7f7f"]
SHAPES = ["circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "triangle-right", "triangle-left"]
SCORE = "Test score × 100"
FATES = {  # column of corpus.tsv -> label
    "kept_bases": "kept",
    "dropped_N": "N",
    "dropped_other": "other letters",
    "dropped_short_contig": "short contigs",
    "dropped_organelle": "organelles",
    "dropped_plasmid": "plasmids",
    "dropped_tail": "ends of contigs",
    "dropped_repeat": "repeats",
    "dropped_border": "next to validation",
    "dropped_duplicate": "duplicates",
    "dropped_cap": "above a cap",
}
VEGA_LITE = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])


def pretraining_chart(curves: list[dict[str, Any]]) -> alt.TopLevelMixin | None:
    """Loss of [MASK] places by step, in training and on held-out chunks, with that of token frequencies dashed.

    ``curves``: ``model``, ``train`` and ``validation`` (points with ``step`` and ``loss``), ``unigram`` or ``None``.
    """
    curves = [curve for curve in curves if curve["train"] or curve["validation"]]
    if not curves:
        return None
    models = [curve["model"] for curve in curves]
    colour = alt.Color("model:N", scale=alt.Scale(domain=models, range=assign(models)), title=None)
    x = alt.X("step:Q", title="Step", axis=alt.Axis(format="~s"))
    y = alt.Y("loss:Q", title="Loss (nats per [MASK])", scale=alt.Scale(zero=False))

    def points(kind: str) -> alt.InlineData:
        return inline_data({"model": c["model"], "kind": kind} | row for c in curves for row in c[kind])

    tooltip = ["model:N", alt.Tooltip("step:Q", format=",.0f"), alt.Tooltip("loss:Q", format=".4f")]
    train = alt.Chart(points("train")).mark_line(opacity=0.6, strokeWidth=1.5).encode(x, y, colour)
    validation = alt.Chart(points("validation")).mark_line(point={"size": 40, "filled": True}, strokeWidth=2)
    layers = [train, validation.encode(x, y, colour, tooltip=tooltip)]
    unigrams = [{"model": c["model"], "loss": c["unigram"]} for c in curves if c["unigram"] is not None]
    if unigrams:
        rule = alt.Chart(inline_data(unigrams)).mark_rule(strokeDash=[5, 4], strokeWidth=1.5)
        layers.append(rule.encode(y=y, color=colour, tooltip=["model:N", alt.Tooltip("loss:Q", format=".4f")]))
    return alt.layer(*layers).properties(width="container", height=300)


class RunEncoding:
    """How a chart distinguishes runs: by colour and shape, with a selection in the legend.

    A click on a run in the legend adds it to the selection or removes it; without a selection all runs look alike.
    """

    def __init__(self, runs: list[str], name: str):
        """``name``: of the selection, unique on the page."""
        self.colour = alt.Color("run:N", scale=alt.Scale(domain=runs, range=assign(runs)), title=None, sort=runs)
        shapes = alt.Scale(domain=runs, range=assign(runs, SHAPES))
        self.shape = alt.Shape("run:N", scale=shapes, title=None, sort=runs)
        self.selection = alt.selection_point(fields=["run"], bind="legend", toggle="true", name=name)

    def opacity(self, selected: float) -> Any:
        """The opacity channel: ``selected`` for selected runs, faint for the others."""
        return alt.when(self.selection).then(alt.value(selected)).otherwise(alt.value(0.08))


def scores_chart(dots: list[dict[str, Any]], runs: list[str]) -> alt.TopLevelMixin | None:
    """The score of each run on each data set with its interval, and the paper's score as a tick.

    ``dots``: ``run``, ``task``, ``dataset``, ``seeds``, and ``score``, ``low``, ``high`` and ``paper`` (DNABERT-2 on
    the data set, or ``None``) x 100. Every other task has a grey background.
    """
    if not dots:
        return None
    datasets = {dot["dataset"]: dot for dot in dots}
    tasks = list(dict.fromkeys(dot["task"] for dot in dots))
    encoding = RunEncoding(runs, "run_of_scores")
    x = alt.X("score:Q", title=SCORE)
    y = alt.Y(
        "dataset:N",
        title=None,
        sort=list(datasets),
        scale=alt.Scale(paddingInner=0),
        axis=alt.Axis(ticks=False, labelPadding=8),
    )
    offset = alt.YOffset("run:N", sort=runs, scale=alt.Scale(paddingOuter=1))
    tooltip = [
        alt.Tooltip("dataset:N", title="data set"),
        "run:N",
        *(alt.Tooltip(f"{name}:Q", format=".2f") for name in ("score", "low", "high")),
        alt.Tooltip("seeds:Q"),
        alt.Tooltip("paper:Q", format=".2f", title="DNABERT-2 in the paper"),
    ]
    shaded = [{"dataset": name} for name, dot in datasets.items() if tasks.index(dot["task"]) % 2]
    layers = [alt.Chart(inline_data(shaded)).mark_rect(color="currentColor", opacity=0.05).encode(y)] if shaded else []
    data = alt.Chart(inline_data(dots))
    low = alt.X("low:Q", title=SCORE)
    with_interval = alt.Chart(inline_data(dot for dot in dots if dot["low"] is not None))
    intervals = with_interval.mark_rule(strokeWidth=1.5).encode(
        low, y, offset, encoding.colour, x2="high:Q", opacity=encoding.opacity(0.7), tooltip=tooltip
    )
    points = data.mark_point(filled=True, size=45).encode(
        x, y, offset, encoding.colour, encoding.shape, opacity=encoding.opacity(1), tooltip=tooltip
    )
    layers += [intervals, points.add_params(encoding.selection)]
    quoted = [{"dataset": name, "score": dot["paper"]} for name, dot in datasets.items() if dot["paper"] is not None]
    if quoted:
        mark = alt.Chart(inline_data(quoted)).mark_tick(
            color="currentColor", thickness=2, height=alt.RelativeBandSize(0.7)
        )
        tooltip = ["dataset:N", alt.Tooltip("score:Q", format=".2f", title="DNABERT-2 in the paper")]
        layers.append(mark.encode(x, y, tooltip=tooltip))
    height = (max(7 * len(runs), 12) + 6) * len(datasets)
    return alt.layer(*layers).properties(width="container", height=height)


def tasks_chart(dots: list[dict[str, Any]], means: list[dict[str, Any]], runs: list[str]) -> alt.TopLevelMixin | None:
    """Scores by task and run: a dot for each data set, a bar for their mean, and the paper's mean as a tick.

    ``dots`` are those of :func:`scores_chart`, ``means`` those of :func:`page_content.task_means`: a run or the paper
    has a mean only if it has all data sets of the task.
    """
    if not dots:
        return None
    tasks = list(dict.fromkeys(dot["task"] for dot in dots))
    encoding = RunEncoding(runs, "run_of_tasks")
    y = alt.Y("task:N", title=None, sort=tasks, scale=alt.Scale(paddingInner=0.25))
    x = alt.X("score:Q", title=SCORE)
    offset = alt.YOffset("run:N", sort=runs)
    found = [row for row in means if row["task"] in tasks]
    mean_of_run = [
        {"task": row["task"], "run": run, "score": mean["mean"]}
        for row in found
        for run, mean in zip(runs, row["runs"], strict=True)
        if mean["mean"] is not None
    ]
    tooltip = ["task:N", "run:N", alt.Tooltip("score:Q", format=".2f", title="mean")]
    bars = alt.Chart(inline_data(mean_of_run)).mark_bar()
    layers = [bars.encode(x, y, offset, encoding.colour, opacity=encoding.opacity(0.35), tooltip=tooltip)]
    tooltip = [alt.Tooltip("dataset:N", title="data set"), "run:N", alt.Tooltip("score:Q", format=".2f")]
    points = alt.Chart(inline_data(dots)).mark_point(filled=True, size=40)
    points = points.encode(x, y, offset, encoding.colour, encoding.shape, opacity=encoding.opacity(1), tooltip=tooltip)
    layers.append(points.add_params(encoding.selection))
    quoted = [{"task": row["task"], "score": row["paper"][0]["mean"]} for row in found if row["paper"][0]["mean"]]
    if quoted:
        mark = alt.Chart(inline_data(quoted)).mark_tick(
            color="currentColor", thickness=2.5, height=alt.RelativeBandSize(1)
        )
        tooltip = ["task:N", alt.Tooltip("score:Q", format=".2f", title="DNABERT-2 in the paper")]
        layers.append(mark.encode(x, y, tooltip=tooltip))
    thickness = max(14 * len(runs), 30) + 8  # pixels of one task
    return alt.layer(*layers).properties(width="container", height=thickness * len(tasks))


def ranks_chart(ranks: dict[str, Any] | None) -> alt.TopLevelMixin | None:
    """Mean ranks with the critical difference (Demsar 2006): a dot for each run, best first.

    Below the runs a bar joins the runs of each group between which no difference is shown; the bar above them is as
    long as the critical difference. ``ranks``: see :func:`score_statistics.rank_runs`.
    """
    if ranks is None or ranks["critical_difference"] is None:
        return None
    runs = sorted(ranks["runs"], key=lambda row: row["rank"])
    rank = {row["run"]: row["rank"] for row in runs}
    bars = [{"row": "critical difference", "from": 1.0, "to": 1 + ranks["critical_difference"], "runs": ""}]
    bars += [
        {
            "row": f"no difference ({number})",
            "from": rank[group[0]],
            "to": rank[group[-1]],
            "runs": "; ".join(group),
        }
        for number, group in enumerate(ranks["groups"], 1)
    ]
    order = [bars[0]["row"], *rank, *(bar["row"] for bar in bars[1:])]
    y = alt.Y("row:N", title=None, sort=order, axis=alt.Axis(ticks=False, grid=True, labelPadding=8))
    scale = alt.Scale(domain=[1, max(len(runs), bars[0]["to"])], nice=False, padding=8)
    spans = alt.Chart(inline_data(bars)).mark_bar(color="currentColor", opacity=0.45, height=6)
    spans = spans.encode(alt.X("from:Q", title="Mean rank", scale=scale), y, x2="to:Q", tooltip=["row:N", "runs:N"])
    rows = [{"row": row["run"], "rank": row["rank"]} for row in runs]
    dots = alt.Chart(inline_data(rows)).mark_point(filled=True, size=70, color=PALETTE[0], opacity=1)
    dots = dots.encode(alt.X("rank:Q"), y, tooltip=["row:N", alt.Tooltip("rank:Q", format=".2f")])
    return alt.layer(spans, dots).properties(width="container", height=22 * len(order))


def corpus_chart(groups: list[dict[str, Any]], fates: dict[str, str]) -> alt.TopLevelMixin | None:
    """The share of each group's raw bases that is in the corpus, and the shares dropped by reason.

    ``groups``: ``label``, and a number of bases for each key of ``fates``, a subset of :data:`FATES`.
    """
    if not groups:
        return None
    rows = [
        {
            "group": row["label"],
            "fate": label,
            "bases": row[column],
            "share": row[column] / row["bases"],
            "order": order,
        }
        for row in groups
        for order, (column, label) in enumerate(fates.items())
        if row["bases"]
    ]
    colours = dict(zip(FATES, ["#0072b2", "#999999", *PALETTE[1:7], *["#f0e442", "#000000", "#4d4d4d"]], strict=True))
    scale = alt.Scale(domain=list(fates.values()), range=[colours[fate] for fate in fates])
    chart = alt.Chart(inline_data(rows)).mark_bar()
    return chart.encode(
        alt.X("share:Q", title="Share of bases", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
        alt.Y("group:N", title=None, sort=[row["label"] for row in groups], axis=alt.Axis(labelLimit=400)),
        alt.Color("fate:N", title=None, scale=scale, legend=legend_columns(150)),
        order="order:Q",
        tooltip=["group:N", "fate:N", alt.Tooltip("bases:Q", format=",.0f"), alt.Tooltip("share:Q", format=".3%")],
    ).properties(width="container", height=26 * len(groups))


def legend_columns(width: int) -> alt.Legend:
    """A legend with as many columns of ``width`` pixels as fit next to the axis labels; an SVG file is 800 wide."""
    return alt.Legend(columns=alt.ExprRef(f"max(1, floor(((containerSize()[0] || 800) - 150) / {width}))"))


def inline_data(rows: Iterable[dict[str, Any]]) -> alt.InlineData:
    """The data of a chart."""
    return alt.InlineData(values=list(rows))


def assign(names: list[str], values: list[str] = PALETTE) -> list[str]:
    """A colour, or another of ``values``, for each name; they repeat if there are more names."""
    return [values[index % len(values)] for index in range(len(names))]


def specification(chart: alt.TopLevelMixin) -> dict[str, Any]:
    """The Vega-Lite specification of a chart, in the style of the page."""
    return (
        chart.configure(background="transparent", font="sans-serif")
        .configure_view(stroke=None)
        .configure_axis(
            labelColor="currentColor",
            titleColor="currentColor",
            domainColor="currentColor",
            tickColor="currentColor",
            gridColor="currentColor",
            gridOpacity=0.15,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            labelLimit=220,
            tickCount=8,
        )
        .configure_legend(
            labelColor="currentColor",
            titleColor="currentColor",
            orient="top",
            columns=legend_columns(240).columns,
            symbolOpacity=1,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            labelLimit=260,
        )
        .to_dict()
    )


def write_figure(spec: dict[str, Any], folder: Path, name: str) -> None:
    """Write a chart as ``name.svg`` and ``name.png``, 800 points wide, on a white background."""
    spec = spec | {"width": 800, "config": spec["config"] | {"background": "white"}}
    svg = vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE)
    write_text(folder / f"{name}.svg", svg)
    with atomic(folder / f"{name}.png") as temporary:
        temporary.write_bytes(vl_convert.svg_to_png(svg, scale=2))


def javascript() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script that defines ``vegaEmbed``, so that the page needs no network."""
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", VEGA_LITE)
