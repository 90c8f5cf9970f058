"""Data sets of the user's: their keys, what does not fit together, and their row beside those of the registry."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, WithJsonSchema

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.labelled_sources import ONE_FILE, custom_sources
from workflow_scripts.settings.fields import Count, Omittable, Plain, Positive, Section, UniqueList, key, matches
from workflow_scripts.settings.names import AREAS, METRICS, PROBLEM, TASKS, Problem

DatasetName = Annotated[
    str,
    matches(
        r"^[a-z0-9_]+/[A-Za-z0-9][A-Za-z0-9_.-]*$",
        "be task/name, the task of a-z, digits and _, the name of letters, digits, dots, dashes and underscores",
    ),
]
MEASURES = tuple(dict.fromkeys(measure for measures in METRICS.values() for measure in measures))
Metric = Annotated[
    str,
    matches(
        rf"^({'|'.join(MEASURES)}|({'|'.join(AREAS)}):[^{{}}\r\n]+)$",
        f"be one of {', '.join(MEASURES)}, or {' or '.join(AREAS)} of a class, such as auroc:enhancer",
    ),
]
NEGATIVES = ("matched", "shuffled", "none")
CENTRES = ("middle", "summit")
CUSTOM_SPLITS = ("random", "homology", "chromosome")
CENTRE, DISTANCE, RATIO = "middle", 1000, 1  # the defaults of keys that are left out
WAYS = {  # key that says where the rows come from -> the keys that go with it
    "folder": (),
    "file": ("split",),
    "intervals": ("genome", "width", "centre", "negatives", "distance", "ratio", "split", "chromosomes"),
    "fasta": ("genome", "negatives", "ratio", "split"),
}


def _by_class(value: Any) -> Any:
    """One file as the only one of a mapping."""
    return {ONE_FILE: value} if isinstance(value, str) else value


FastaFiles = Annotated[
    dict[str, Plain],
    BeforeValidator(_by_class),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": {"type": "string"}}]}),
]


class Chromosomes(Section):
    """The contigs of dev and test; all others are train."""

    dev: UniqueList[Plain] = key(meaning="Contigs of dev, such as [chr9].", min_length=1)
    test: UniqueList[Plain] = key(meaning="Contigs of test, such as [chr8, chr21].", min_length=1)


class Custom(Section):
    """A user's data set."""

    folder: Omittable[Plain] = key(
        None, "Where its train.csv, dev.csv and test.csv are (or .tsv), plain or gzipped.", min_length=1
    )
    file: Omittable[Plain] = key(
        None, "In place of folder: one file with all rows, which the workflow splits 8:1:1.", min_length=1
    )
    intervals: Omittable[Plain] = key(
        None,
        "In place of folder: a BED file (three columns or more) or narrowPeak, plain or gzipped. Its intervals are the "
        "positives, read along their strand.",
        min_length=1,
    )
    fasta: Omittable[FastaFiles] = key(
        None,
        "In place of folder: a FASTA file with the class in each header (>id label=NAME or >id|NAME), one file for "
        "each class, such as {enhancer: a.fa, other: b.fa}, or positives for which negatives are made.",
    )
    genome: Omittable[Plain] = key(
        None,
        "The genome of the intervals, and of matched negatives: FASTA, plain or compressed, or .2bit.",
        min_length=1,
    )
    width: Omittable[Positive] = key(
        None,
        "Bases of each row, around the centre of its interval. By default all intervals must have one width.",
        unit="bases",
    )
    centre: Omittable[Literal["middle", "summit"]] = key(
        None, f"The centre of an interval: its middle, or the summit in column 10 of narrowPeak. Default: {CENTRE}."
    )
    negatives: Omittable[Literal["matched", "shuffled", "none"]] = key(
        None,
        "matched: windows of the genome with the length, GC content, repeats (if it is soft-masked) and strand of a "
        "positive, away from all intervals (the default for intervals). shuffled: each positive with its dinucleotides "
        "in another order, which is easy to tell. none: the names in column 4 of the BED, or the labels of the FASTA, "
        "are the classes (the default for FASTA).",
    )
    distance: Omittable[Count] = key(
        None, f"Bases at least between a matched negative and any interval. Default: {DISTANCE}.", unit="bases"
    )
    ratio: Omittable[Positive] = key(None, f"Negatives for each positive. Default: {RATIO}.")
    split: Omittable[Literal["random", "homology", "chromosome"]] = key(
        None,
        "How rows are split: random, or homology, as gue.split; of intervals also chromosome. By default the column "
        "split of a file decides (train, dev, test); rows without one are split at random. Overlapping intervals are "
        "in one split, and negatives in that of their positive; by homology, matched ones go with relatives.",
    )
    chromosomes: Omittable[Chromosomes] = key(
        None, "For split: chromosome: the contigs of dev and test, such as {dev: [chr9], test: [chr8]}."
    )
    problem: Problem = key(
        PROBLEM, "What a label is: classification (a class), regression (a number), multilabel (0;1;1)."
    )
    metric: Omittable[Metric] = key(
        None,
        "Score by which models are compared; by default the first of those of the problem: "
        + "; ".join(f"{problem} {', '.join(metrics)}" for problem, metrics in METRICS.items())
        + ". auroc and auprc are of the second of two classes, else means over the classes; auprc:enhancer is that of "
        "one class against the others.",
    )

    @property
    def made_negatives(self) -> str:
        """How negatives are made, one of NEGATIVES."""
        return self.negatives or ("matched" if self.intervals else "none")

    def contigs(self) -> dict[str, list[str]]:
        """The contigs of dev and of test; empty for a split that is not by contig."""
        return {"dev": self.chromosomes.dev, "test": self.chromosomes.test} if self.chromosomes else {}

    def files(self) -> dict[str, Path]:
        """The files by their roles. Raises UserError with a line for each that is not there."""
        if self.folder or self.file:
            return custom_sources(self.folder, self.file)
        named = {"intervals": self.intervals, "genome": self.genome}
        named |= {f"fasta:{name}" if name else "fasta": path for name, path in sorted((self.fasta or {}).items())}
        given = {role: path for role, path in named.items() if path is not None}
        if lacking := [path for path in given.values() if not Path(path).is_file()]:
            raise UserError("\n".join(f"{path!r} is no file" for path in lacking))
        return {role: Path(path) for role, path in given.items()}


def custom_row(name: str, custom: dict[str, Any]) -> dict[str, str]:
    """The row of a user's data set, as the registry has one for each data set of the benchmark."""
    task, dataset = name.split("/")
    problem = custom.get("problem", PROBLEM)
    metric = custom.get("metric", METRICS[problem][0])
    row = {"task": task, "dataset": dataset, "metric": metric, "problem": problem}
    return row | {key: str(custom[key]) for key in ("folder", "file", "split") if key in custom}


def custom_errors(entries: dict[str, Custom]) -> Iterator[str]:
    """Custom data sets that take the name of a task of the benchmark, lack a file, or have keys that do not fit."""
    for name, custom in entries.items():
        place = f"config gue.custom.{name}"
        if (task := name.split("/")[0]) in TASKS:
            yield f"{place}: task {task!r} is one of GUE's; choose another name"
        yield from entry_errors(place, custom)


def entry_errors(place: str, custom: Custom) -> Iterator[str]:
    """What is wrong with one entry; ``place`` is what each line names."""
    yield from _metric_errors(place, custom)
    ways = [way for way in WAYS if getattr(custom, way) is not None]
    if len(ways) != 1:
        yield f"{place}: name a folder with three files, one file to split, intervals, or fasta"
        return
    unfit = list(_unfit_keys(place, ways[0], custom))
    yield from unfit
    if not unfit:
        try:
            custom.files()
        except UserError as error:
            yield from (f"{place}.{ways[0]}: {line}" for line in str(error).splitlines())


def _metric_errors(place: str, custom: Custom) -> Iterator[str]:
    """A metric that is not for the problem."""
    if custom.metric is not None:
        measure, _, of_class = custom.metric.partition(":")
        if measure not in METRICS[custom.problem]:
            known = ", ".join(METRICS[custom.problem])
            yield f"{place}.metric: {measure} is not for {custom.problem}, which has {known}"
        elif of_class and custom.problem != "classification":
            yield f"{place}.metric: {custom.metric} is of a class, but {custom.problem} has none; take {measure}"


def _unfit_keys(place: str, way: str, custom: Custom) -> Iterator[str]:
    """Keys without meaning for this kind of data set, and those that are missing."""
    if custom.folder and custom.split:
        yield f"{place}.split: {custom.split!r} is for a file; the three files of a folder are split already"
        return
    for other in dict.fromkeys(name for names in WAYS.values() for name in names):
        if getattr(custom, other) is not None and other not in WAYS[way]:
            yield f"{place}.{other}: has no meaning beside {way}; leave it out"
    if custom.intervals or custom.fasta:
        yield from _made_errors(place, custom)
    elif custom.split == "chromosome":
        yield f"{place}.split: chromosome is for intervals; a file has no places"


def _made_errors(place: str, custom: Custom) -> Iterator[str]:
    """What does not fit together in a data set from intervals or FASTA."""
    negatives = custom.made_negatives
    if custom.problem != "classification":
        yield f"{place}.problem: {custom.problem} is for a folder or file; intervals and FASTA have classes"
    if custom.genome is None and (custom.intervals or negatives == "matched"):
        yield f"{place}: genome missing; name the FASTA or .2bit file of the genome"
    if custom.genome is not None and not custom.intervals and negatives != "matched":
        yield f"{place}.genome: is read for matched negatives only; set negatives: matched, or leave it out"
    if negatives != "matched" and custom.distance is not None:
        yield f"{place}.distance: is for matched negatives only; leave it out"
    if negatives == "none" and custom.ratio is not None:
        yield f"{place}.ratio: no negatives are made; leave it out"
    if custom.fasta is not None and ONE_FILE not in custom.fasta:
        classes = len(custom.fasta)
        if negatives != "none" and classes != 1:
            yield f"{place}.negatives: {negatives} is for one class of positives, and fasta has {classes}; leave it out"
        if negatives == "none" and classes < 2:
            yield f"{place}.fasta: one class; name a file for each of two classes, or set negatives"
    if custom.split == "chromosome" and not custom.intervals:
        yield f"{place}.split: chromosome is for intervals; sequences have no places"
    if custom.intervals and (custom.split == "chromosome") != (custom.chromosomes is not None):
        yield f"{place}: split: chromosome and chromosomes: {{dev: [...], test: [...]}} need each other"
    if custom.chromosomes and (both := set(custom.chromosomes.dev) & set(custom.chromosomes.test)):
        yield f"{place}.chromosomes: {sorted(both)[0]!r} is in dev and in test; leave it in one"
