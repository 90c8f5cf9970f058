"""Section ``gue``: the data sets of the benchmark, and custom ones."""

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from workflow_scripts.common.addresses import local_path
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_table
from workflow_scripts.settings.custom_datasets import Custom, DatasetName, custom_errors
from workflow_scripts.settings.fields import Count, Patterns, Plain, Section, key, matches
from workflow_scripts.settings.names import BINDING_TASKS, TASKS
from workflow_scripts.settings.patterns import matching

DRAWN = 5  # data sets of a binding task, which are drawn together
HUB = "hub"  # for gue.published: the data sets of the Hugging Face hub in the table of gue.hub_files

Md5 = Annotated[str, matches("^([0-9a-f]{32})?$", "be an md5, 32 digits and letters from a to f")]


class Rows(Section):
    """Rows of each split at most; 0 takes the published sizes."""

    train: Count = key(0, "Rows of train at most; 0 takes the published size.")
    dev: Count = key(0, "Rows of dev at most; 0 takes the published size.")
    test: Count = key(0, "Rows of test at most; 0 takes the published size.")


class Gue(Section):
    """The data sets of the benchmark, and custom ones."""

    registry: Plain = key("config/gue.tsv", "The registry of the 36 data sets.", min_length=1)
    sources: Plain = key(
        "config/gue_sources.tsv", "Addresses of the primary files that they are built from.", min_length=1
    )
    calibrate: bool = key(
        False,
        "true: draw the peaks of tf_human and tf_mouse, five of the candidates on which a simple model reaches an F1 "
        "of 0.50 to 0.95, and more than by guessing. false: take the peak files of the sources table.",
        paper="drawn: five of 690 (human) and of 78 (mouse), after those with an F1 below 0.50 or above 0.95 were "
        "dropped",
        source="appendix",
    )
    candidates: Plain = key("config/gue_candidates.tsv", "The candidates to draw from.", min_length=1)
    origin: Literal["primary", "published"] = key(
        "primary", "primary builds the data sets from primary files; published imports the authors' CSV files."
    )
    published: Plain = key(
        "",
        "For published: the folder or archive (.zip, .tar, .tar.gz) that holds EMP/H3/train.csv and so on, the "
        "https:// address of the archive, or hub to fetch them from the Hugging Face hub.",
    )
    published_md5: Md5 = key("", "The md5 of the archive; needed with an address.")
    hub_files: Plain = key(
        "config/gue_hub.tsv", "Where the published files are on the hub: id, commit and folder.", min_length=1
    )
    known_files: Plain = key(
        "config/gue_published.tsv",
        "Checksums of the published files, with which the given ones are compared.",
        min_length=1,
    )
    datasets: Patterns = key(["*"], "Data sets to make, as task/dataset; * and ? are wildcards.")
    max_rows: Rows = key(Rows(), "Rows of each split at most; 0 takes the published sizes.")
    length: dict[str, Annotated[int, Field(ge=20)]] = key(
        {}, "Length of the sequences per task, such as {epi: 600}, where it differs from the registry.", unit="bases"
    )
    split: Literal["paired", "random", "homology"] = key(
        "paired",
        "How rows that are built here are assigned to train, dev and test: random; paired, which is random but keeps a "
        "negative that was made from a positive (tf_mouse, promoters) in the split of the positive, as the one gives "
        "away the class of the other; or homology, which keeps all related rows (copies, near-duplicates, derived "
        "pairs, overlaps on the genome) in one split. Published rows keep their splits, but homology splits them "
        "again.",
        paper="mostly random, 8:1:1, also of such pairs",
        source="appendix",
    )
    homology_twins: bool = key(
        False,
        "true: give each data set of the benchmark a twin task/name.homology with the same rows, split so that related "
        "ones are in one split (as split: homology). Every fit to the data set is done on the twin too, and "
        "results/report/gue_homology.tsv has both scores: the difference is what related rows are worth. Twins are in "
        "no other table of scores.",
        paper="no second split",
        source="appendix",
    )
    fail_on_leak: bool = key(
        False,
        "true: stop before any fit to a data set whose dev or test rows are related to train rows. The audit counts "
        "them either way.",
        paper="not checked; the published files have such rows",
    )
    custom: dict[DatasetName, Custom] = key(
        {},
        "Your own data sets by task/name: folders with train.csv, dev.csv and test.csv (one sequence or two, and a "
        "label), such as {enhancers/fly: {folder: /data/fly}}, one file to split, {file: /data/fly.csv}, intervals of "
        "a genome, {intervals: peaks.bed, genome: hg38.2bit, width: 200}, or FASTA, {fasta: fly.fa}. The name of the "
        "task must be new. They are fitted and scored like the others.",
    )


def gue_errors(gue: Gue, names: list[str]) -> Iterator[str]:
    """Values that do not fit together, or to the data sets that there are: ``names``, each task/dataset."""
    yield from custom_errors(gue.custom)
    yield from dataset_errors("gue.datasets", gue.datasets, names, gue.registry)
    yield from task_errors("gue.length", gue.length, TASKS)
    if gue.origin == "published" and gue.published == HUB:
        yield from _hub_errors(gue, matching(names, gue.datasets))
    elif gue.origin == "published":
        yield from _published_errors(gue)
    if gue.homology_twins and gue.split == "homology":
        yield "config gue.homology_twins: true, but gue.split is homology already; set one of the two"
    if gue.calibrate:
        yield from _calibration_errors(gue, matching(names, gue.datasets))


def dataset_errors(place: str, patterns: Iterable[str], names: list[str], registry: str) -> Iterator[str]:
    """Patterns that no data set matches."""
    for pattern in patterns:
        if not matching(names, [pattern]):
            close = difflib.get_close_matches(pattern, names, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"{registry} lists them"
            yield f"config {place}: no data set {pattern!r}; {hint}"


def task_errors(place: str, tasks: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    """Names of tasks that nothing defines."""
    for task in tasks:
        if task not in known:
            yield f"config {place}: no task {task!r}; known are {', '.join(known)}"


def _published_errors(gue: Gue) -> Iterator[str]:
    """A place of the published files where there is nothing, or an address that cannot be trusted."""
    place = local_path(gue.published)
    if place is None:
        if not gue.published.startswith("https://"):
            yield f"config gue.published: {gue.published!r} is neither a path nor an https:// address"
        if not gue.published_md5:
            yield f"config gue.published_md5: empty; give the md5 of {gue.published}"
    elif not (place and Path(place).exists()):
        yield f"config gue.published: {gue.published!r} is not there; name the folder or archive of the GUE files"


def _hub_errors(gue: Gue, names: Iterable[str]) -> Iterator[str]:
    """Data sets of the benchmark for which the table of the hub has no row."""
    try:
        known = {f"{row['task']}/{row['dataset']}" for row in read_table(gue.hub_files)}
    except (UserError, KeyError):
        return  # reported with the table
    if missing := [name for name in names if name not in known and name not in gue.custom]:
        yield f"config gue.hub_files: {gue.hub_files} has no row for {', '.join(missing)}; add them, or leave them out"


def _calibration_errors(gue: Gue, names: Iterable[str]) -> Iterator[str]:
    """A draw of peaks that has nothing to draw for, or too little to draw from."""
    if gue.origin == "published":
        yield "config gue.calibrate: true, but gue.origin is published; peaks are drawn for primary sources only"
    try:
        counts = Counter(row["task"] for row in read_table(gue.candidates))
    except (UserError, KeyError):
        return  # reported with the table
    tasks = Counter(name.split("/")[0] for name in names)
    for task in BINDING_TASKS:
        if tasks[task] and counts[task] < DRAWN:
            yield (
                f"config gue.candidates: {counts[task]} of {task} in {gue.candidates}, where {DRAWN} are drawn for "
                f"{tasks[task]} data sets; add some, or set gue.calibrate to false"
            )
