"""Section ``gue``: the data sets of the benchmark, and custom ones."""

from typing import Annotated, Literal

from pydantic import Field

from workflow_scripts.settings.fields import Count, Patterns, Plain, Section, key, matches

DatasetName = matches(
    r"^[a-z_]+/[A-Za-z0-9][A-Za-z0-9_.-]*$",
    "be task/name, the task of a-z and _, the name of letters, digits, dots, dashes and underscores",
)


class Rows(Section):
    """Rows of each split at most."""

    train: Count = key(0)
    dev: Count = key(0)
    test: Count = key(0)


class Custom(Section):
    """A user's data set."""

    folder: Plain = key(min_length=1)
    problem: Literal["classification", "regression", "multilabel"] = key("classification")
    metric: Literal["mcc", "f1", "accuracy", "auroc", "spearman", "pearson"] | None = key(None)


class Gue(Section):
    """The data sets of the benchmark, and custom ones."""

    registry: Plain = key("config/gue.tsv", min_length=1)
    sources: Plain = key("config/gue_sources.tsv", min_length=1)
    calibrate: bool = key(False)
    candidates: Plain = key("config/gue_candidates.tsv", min_length=1)
    origin: Literal["primary", "published"] = key("primary")
    published: Plain = key("")
    published_md5: Annotated[str, Field(pattern=r"^([0-9a-f]{32})?$")] = key("")
    known_files: Plain = key("config/gue_published.tsv", min_length=1)
    datasets: Patterns = key(["*"])
    max_rows: Rows = key(Rows())
    length: dict[str, Annotated[int, Field(ge=20)]] = key({})
    split: Literal["random", "homology"] = key("random")
    fail_on_leak: bool = key(False)
    custom: dict[DatasetName, Custom] = key({})
