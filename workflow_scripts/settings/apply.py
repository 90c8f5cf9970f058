"""Section ``apply``: what is done with models once they are there."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from workflow_scripts.settings.fields import Count, Omittable, Plain, Positive, Section, UniqueList, key, matches
from workflow_scripts.settings.fitted_models import Model
from workflow_scripts.settings.names import METHODS

Do = Literal["predict", "embed", "variants", "explain", "motifs"]
FitName = Annotated[
    str,
    matches(
        rf"^[A-Za-z0-9][A-Za-z0-9_.-]*/({'|'.join(METHODS)})/[a-z0-9_]+/[A-Za-z0-9][A-Za-z0-9_.-]*$",
        "be a fit, model/method/task/dataset as in results/finetune, such as dnabert2/full/promoter/tata",
    ),
]


class Application(Section):
    """A model, an input, and what is done with them; the results are in results/apply/{name}."""

    do: Do = key(
        ...,
        "predict: classes, numbers or labels. embed: vectors of sequences, tokens or bases. variants: zero-shot scores "
        "of a pre-trained model, or the change of a fit's prediction. explain: what each base does to the prediction "
        "of a fit. motifs: the tokens and motifs that carry the predictions of a set of sequences.",
    )
    fit: Omittable[FitName] = key(
        None,
        "The fits of a model to a data set, as model/method/task/dataset; they are made if they are missing. The fits "
        "with several seeds are an ensemble.",
    )
    seeds: UniqueList[Count] = key([], "Which seeds of fit; by default all of finetune.seeds.")
    model: Omittable[str] = key(None, "In place of fit: a model as it is before fits, of pretrain or finetune.models.")
    directory: Omittable[Plain] = key(
        None,
        "In place of fit: a model folder on this machine, such as that of a fit of another run.",
        min_length=1,
    )
    input: Plain = key(
        ...,
        "Sequences (FASTA, .2bit, CSV, TSV, parquet; further columns are kept), or intervals (BED) with a genome; for "
        "variants a VCF, plain or compressed, or BCF, with a genome.",
        min_length=1,
    )
    genome: Omittable[Plain] = key(None, "The genome of intervals: FASTA, plain or gzipped, or .2bit.", min_length=1)
    window: Omittable[Count] = key(
        None,
        "Bases that the model reads at once; longer sequences are read in windows that overlap. 0: any sequence whole. "
        "By default the longest training sequence of a fit; of a model without one 1,000, for variants 512.",
        unit="bases",
    )
    step: Omittable[Positive] = key(
        None, "Bases from one window to the next; by default half of a window.", unit="bases"
    )
    both_strands: bool = key(
        False, "true: the mean over both strands; predictions of a fit with both_strands always are."
    )
    parts: Positive = key(1, "Jobs that share the work; the results are the same bytes for any number.", reruns=False)
    layers: Annotated[UniqueList[int], Field(min_length=1)] = key(
        [-1],
        "For embed and variants: the layer, 0 the output of the embedding, -1 the last; of several the mean for embed, "
        "and a score each for variants.",
    )
    pooling: Literal["mean", "first", "token", "base"] = key(
        "mean",
        "For embed: one vector a sequence, the mean over its tokens or that of the first one ([CLS]); or one for every "
        "token, or for every base.",
    )
    formats: Annotated[UniqueList[Literal["parquet", "npy", "h5ad"]], Field(min_length=1)] = key(
        ["parquet"], "For embed: parquet; npy with an index.tsv; h5ad, which AnnData and scanpy read."
    )
    scores: UniqueList[Literal["likelihood", "embedding", "prediction"]] = key(
        [],
        "For variants: the log-likelihood ratio of both alleles, the distance of their embeddings, the change of the "
        "prediction. By default the first two of a model without a fit, and the last of a fit.",
    )
    mismatches: Literal["refuse", "skip"] = key(
        "refuse", "For variants: a REF that is not what the genome has ends the run, or is counted and gets no score."
    )
    labels: Omittable[Plain] = key(
        None,
        "For variants: the INFO field with labels, to evaluate the scores: a Flag, KEY=POSITIVE, or "
        "KEY=POSITIVE,...:NEGATIVE,....",
        min_length=1,
    )
    explained: Omittable[Plain] = key(
        None,
        "For explain and motifs: the class or label; by default the one that is predicted.",
        alias="class",
        min_length=1,
    )
    steps: Count = key(50, "For explain: steps of integrated gradients; 0 for mutagenesis only.")
    pictures: Count = key(10, "For explain: how many sequences are drawn, the first ones.")
    matrices: Omittable[Plain] = key(
        None, "For motifs: known motifs, as matrices of JASPAR or MEME, which tokens are compared with.", min_length=1
    )


MEANINGFUL: dict[str, set[str]] = {
    "predict": {"step"},
    "embed": {"step", "layers", "pooling", "formats"},
    "variants": {"layers", "scores", "mismatches", "labels"},
    "explain": {"step", "explained", "steps", "pictures"},
    "motifs": {"step", "explained", "matrices"},
}
"""The keys that have a meaning for each value of ``do``, beside those of all."""
KINDS = ("fit", "model", "directory")
ENCODERS = ("embed", "variants")
"""What a model without a fit can do."""


def apply_errors(
    apply: Mapping[str, Application],
    pretrained: Collection[str],
    models: Mapping[str, Model],
    datasets: Collection[str],
    simulated: bool,
) -> Iterator[str]:
    """Entries without a model or with several, names that nothing has, keys without a meaning, missing files."""
    special = set().union(*MEANINGFUL.values())
    for name, entry in apply.items():
        place = f"config apply.{name}"
        kinds = [kind for kind in KINDS if getattr(entry, kind) is not None]
        if len(kinds) != 1:
            yield f"{place}: {' and '.join(kinds) or 'nothing'} where one of {', '.join(KINDS)} belongs"
            continue
        for vain in sorted(entry.model_fields_set & (special - MEANINGFUL[entry.do])):
            named = Application.model_fields[vain].alias or vain
            yield f"{place}.{named}: has no meaning for do: {entry.do}; leave it out"
        yield from _model_errors(place, entry, [*pretrained, *models], models, datasets)
        if entry.seeds and entry.fit is None:
            yield f"{place}.seeds: has no meaning without fit; leave it out"
        if entry.window and entry.step and entry.step > entry.window:
            yield f"{place}.step: {entry.step} leaves bases between windows of {entry.window} out; lower it"
        for file in ("input", "genome", "matrices"):
            path = getattr(entry, file)
            if path is not None and not simulated and not Path(path).is_file():
                yield f"{place}.{file}: no file {path!r}"


def _model_errors(
    place: str, entry: Application, known: list[str], models: Mapping[str, Model], datasets: Collection[str]
) -> Iterator[str]:
    """What is wrong with the model of an entry."""
    if entry.fit is not None:
        model, _, dataset = entry.fit.split("/", 2)
        if model not in known:
            yield f"{place}.fit: no model {model!r}; defined are {', '.join(known)}"
        if dataset not in datasets:
            yield f"{place}.fit: no data set {dataset!r} in gue"
    if entry.model is not None:
        if entry.model not in known:
            yield f"{place}.model: no model {entry.model!r}; defined are {', '.join(known)}"
        elif entry.model in models and models[entry.model].baseline:
            yield f"{place}.model: {entry.model} is a baseline, which is nothing before its fit; name a fit"
        elif entry.do not in ENCODERS and entry.model in pretrained_only(models, known):
            yield f"{place}.model: {entry.model} has no fitted head, so it cannot {entry.do}; name a fit"
    if entry.directory is not None and not Path(entry.directory).is_dir():
        yield f"{place}.directory: no folder {entry.directory!r}"


def pretrained_only(models: Mapping[str, Model], known: list[str]) -> list[str]:
    """The models that are trained here and so have no head before a fit."""
    return [name for name in known if name not in models or models[name].pretrained]
