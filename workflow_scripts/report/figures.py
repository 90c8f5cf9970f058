"""Charts of the report, as Vega-Lite specifications and as SVG and PNG files.

Text, axes and the paper's marks take the colour of the page (``currentColor``), so that one chart serves a light
and a dark page. The colours of the series are those of Okabe and Ito, told apart with impaired colour vision.
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
POINTS = 400  # points of a training curve; more than a page is wide in dots serve nobody
FATES = {  # column of corpus.tsv -> words
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


def thin(rows: list[dict[str, Any]], points: int = POINTS) -> list[dict[str, float]]:
    """Mean step and loss of equal runs of consecutive rows, at most ``points`` of them."""
    size = -(-len(rows) // points)
    bins = [rows[start : start + size] for start in range(0, len(rows), max(size, 1))]
    return [{name: sum(row[name] for row in rows) / len(rows) for name in ("step", "loss")} for rows in bins]


def pretraining_chart(curves: list[dict[str, Any]]) -> alt.TopLevelMixin | None:
    """Training and validation loss by step, the unigram entropy as a dashed line, what others report as a band.

    ``curves``: ``model``, ``train`` and ``validation`` (rows with ``step`` and ``loss``), ``entropy`` or ``None``, and
    ``reference``, the lowest and highest loss of the band, or ``None``.
    """
    curves = [curve for curve in curves if curve["train"] or curve["validation"]]
    if not curves:
        return None
    models = [curve["model"] for curve in curves]
    colour = alt.Color("model:N", scale=alt.Scale(domain=models, range=cycle(models)), title=None)
    x = alt.X("step:Q", title="Step", axis=alt.Axis(format="~s"))
    y = alt.Y("loss:Q", title="Loss (nats per masked token)", scale=alt.Scale(zero=False))

    def rows(kind: str) -> alt.InlineData:
        return values({"model": c["model"], "kind": kind} | row for c in curves for row in c[kind])

    tooltip = ["model:N", alt.Tooltip("step:Q", format=",.0f"), alt.Tooltip("loss:Q", format=".4f")]
    train = alt.Chart(rows("train")).mark_line(opacity=0.6, strokeWidth=1.5).encode(x, y, colour)
    validation = alt.Chart(rows("validation")).mark_line(point={"size": 40, "filled": True}, strokeWidth=2)
    layers = [train, validation.encode(x, y, colour, tooltip=tooltip)]
    entropies = [{"model": c["model"], "loss": c["entropy"]} for c in curves if c["entropy"] is not None]
    if entropies:
        rule = alt.Chart(values(entropies)).mark_rule(strokeDash=[5, 4], strokeWidth=1.5)
        layers.append(rule.encode(y=y, color=colour, tooltip=["model:N", alt.Tooltip("loss:Q", format=".4f")]))
    if bands := {tuple(c["reference"]) for c in curves if c["reference"]}:
        ends = values({"low": low, "high": high} for low, high in sorted(bands))
        band = alt.Chart(ends).mark_rect(opacity=0.15, color="currentColor")
        layers.append(band.encode(alt.Y("low:Q"), alt.Y2("high:Q"), tooltip=["low:Q", "high:Q"]))
    return alt.layer(*layers).properties(width="container", height=300)


def runs_of(runs: list[str], name: str) -> tuple[dict[str, Any], alt.Parameter, Any]:
    """How a chart tells runs apart: by colour and shape, a choice in its legend, and opacities that heed the choice.

    A click on a run in the legend adds it to the choice, or takes it out; without a choice all are shown alike.
    ``name`` is that of the choice; each chart of a page has its own.
    """
    legend = {"title": None, "sort": runs}
    channels = {
        "color": alt.Color("run:N", scale=alt.Scale(domain=runs, range=cycle(runs)), **legend),
        "shape": alt.Shape("run:N", scale=alt.Scale(domain=runs, range=cycle(runs, SHAPES)), **legend),
    }
    chosen = alt.selection_point(fields=["run"], bind="legend", toggle="true", name=name)
    return channels, chosen, lambda most: alt.when(chosen).then(alt.value(most)).otherwise(alt.value(0.08))


def scores_chart(dots: list[dict[str, Any]], runs: list[str]) -> alt.TopLevelMixin | None:
    """Each run on each data set with its interval, the paper's score as a tick; every other task on a grey ground.

    ``dots``: ``run``, ``task``, ``dataset``, ``score``, ``low``, ``high`` and ``paper`` (DNABERT-2 on the data set, or
    ``None``) x 100, and ``seeds``.
    """
    if not dots:
        return None
    datasets = {dot["dataset"]: dot for dot in dots}
    tasks = list(dict.fromkeys(dot["task"] for dot in dots))
    channels, chosen, opacity = runs_of(runs, "run_of_scores")
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
    ground = [{"dataset": name} for name, dot in datasets.items() if tasks.index(dot["task"]) % 2]
    layers = [alt.Chart(values(ground)).mark_rect(color="currentColor", opacity=0.05).encode(y)] if ground else []
    data = alt.Chart(values(dots))
    colour = channels["color"]
    layers.append(
        data.mark_rule(strokeWidth=1.5).encode(
            alt.X("low:Q", title=SCORE), y, offset, colour, x2="high:Q", opacity=opacity(0.7), tooltip=tooltip
        )
    )
    points = data.mark_point(filled=True, size=45).encode(x, y, offset, **channels, opacity=opacity(1), tooltip=tooltip)
    layers.append(points.add_params(chosen))
    quoted = [{"dataset": name, "score": dot["paper"]} for name, dot in datasets.items() if dot["paper"] is not None]
    if quoted:
        mark = alt.Chart(values(quoted)).mark_tick(color="currentColor", thickness=2, height=alt.RelativeBandSize(0.7))
        said = ["dataset:N", alt.Tooltip("score:Q", format=".2f", title="DNABERT-2 in the paper")]
        layers.append(mark.encode(x, y, tooltip=said))
    height = (max(7 * len(runs), 12) + 6) * len(datasets)
    return alt.layer(*layers).properties(width="container", height=height)


def tasks_chart(dots: list[dict[str, Any]], runs: list[str]) -> alt.TopLevelMixin | None:
    """Scores by task and run: a dot for each data set, a bar for their mean, the paper's mean as a tick.

    ``dots`` are those of :func:`scores_chart`.
    """
    if not dots:
        return None
    tasks = list(dict.fromkeys(dot["task"] for dot in dots))
    channels, chosen, opacity = runs_of(runs, "run_of_tasks")
    y = alt.Y("task:N", title=None, sort=tasks, scale=alt.Scale(paddingInner=0.25))
    offset = alt.YOffset("run:N", sort=runs)
    data = alt.Chart(values(dots))
    mean = alt.Tooltip("mean(score):Q", format=".2f", title="mean")
    bars = data.mark_bar().encode(
        alt.X("mean(score):Q", title=SCORE),
        y,
        offset,
        channels["color"],
        opacity=opacity(0.35),
        tooltip=["task:N", "run:N", mean],
    )
    points = data.mark_point(filled=True, size=40).encode(
        alt.X("score:Q", title=SCORE),
        y,
        offset,
        **channels,
        opacity=opacity(1),
        tooltip=[alt.Tooltip("dataset:N", title="data set"), "run:N", alt.Tooltip("score:Q", format=".2f")],
    )
    layers = [bars, points.add_params(chosen)]
    quoted = {dot["dataset"]: dot for dot in dots if dot["paper"] is not None}
    if quoted:
        cells = [{"task": dot["task"], "score": dot["paper"]} for dot in quoted.values()]
        mark = alt.Chart(values(cells)).mark_tick(color="currentColor", thickness=2.5, height=alt.RelativeBandSize(1))
        tooltip = ["task:N", alt.Tooltip("mean(score):Q", format=".2f", title="DNABERT-2 in the paper")]
        layers.append(mark.encode(alt.X("mean(score):Q", title=SCORE), y, tooltip=tooltip))
    thickness = max(14 * len(runs), 30) + 8  # pixels of one task
    return alt.layer(*layers).properties(width="container", height=thickness * len(tasks))


def corpus_chart(groups: list[dict[str, Any]], fates: dict[str, str]) -> alt.TopLevelMixin | None:
    """What share of each group's raw bases reached the corpus, and why the others did not.

    ``groups``: ``label``, and a number of bases under each key of ``fates``, a part of :data:`FATES`.
    """
    if not groups:
        return None
    rows = [
        {
            "group": row["label"],
            "fate": words,
            "bases": row[column],
            "share": row[column] / row["bases"],
            "order": order,
        }
        for row in groups
        for order, (column, words) in enumerate(fates.items())
        if row["bases"]
    ]
    colours = dict(zip(FATES, ["#0072b2", "#999999", *PALETTE[1:7], *["#f0e442", "#000000", "#4d4d4d"]], strict=True))
    scale = alt.Scale(domain=list(fates.values()), range=[colours[fate] for fate in fates])
    chart = alt.Chart(values(rows)).mark_bar()
    return chart.encode(
        alt.X("share:Q", title="Share of bases", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
        alt.Y("group:N", title=None, sort=[row["label"] for row in groups], axis=alt.Axis(labelLimit=400)),
        alt.Color("fate:N", title=None, scale=scale, legend=columns(150)),
        order="order:Q",
        tooltip=["group:N", "fate:N", alt.Tooltip("bases:Q", format=",.0f"), alt.Tooltip("share:Q", format=".3%")],
    ).properties(width="container", height=26 * len(groups))


def columns(width: int) -> alt.Legend:
    """A legend with as many columns of ``width`` pixels as there is room beside the axis; a file is 800 wide."""
    return alt.Legend(columns=alt.ExprRef(f"max(1, floor(((containerSize()[0] || 800) - 150) / {width}))"))


def values(rows: Iterable[dict[str, Any]]) -> alt.InlineData:
    """Rows as the data of a chart."""
    return alt.InlineData(values=list(rows))


def cycle(names: list[str], looks: list[str] = PALETTE) -> list[str]:
    """A colour, or another look, for each name."""
    return [looks[index % len(looks)] for index in range(len(names))]


def specification(chart: alt.TopLevelMixin) -> dict[str, Any]:
    """The chart as a Vega-Lite specification in the style of the page."""
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
            columns=columns(240).columns,
            symbolOpacity=1,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            labelLimit=260,
        )
        .to_dict()
    )


def write_figure(spec: dict[str, Any], folder: Path, name: str) -> None:
    """Write a chart as ``name.svg`` and ``name.png``, 800 points wide, on white."""
    spec = spec | {"width": 800, "config": spec["config"] | {"background": "white"}}
    svg = vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE)
    write_text(folder / f"{name}.svg", svg)
    with atomic(folder / f"{name}.png") as temporary:
        temporary.write_bytes(vl_convert.svg_to_png(svg, scale=2))


def javascript() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script that needs no network."""
    return vl_convert.javascript_bundle(vl_version=VEGA_LITE)
