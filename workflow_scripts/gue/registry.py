"""The registry of the data sets (``config/gue.tsv``): names, classes, lengths, sizes and published files."""

from dataclasses import dataclass
from pathlib import Path

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_table
from workflow_scripts.gue.labelled_examples import Splits


@dataclass(frozen=True, slots=True)
class Dataset:
    """One row of the registry.

    ``classes`` is empty if the sources define the classes (species). ``length`` is in bp, ``rows`` are the sizes of
    the released train, dev and test files, ``paper_rows`` those in the paper's table, and ``columns`` the header of
    the CSV files.
    """

    task: str
    dataset: str
    name: str
    species: str
    classes: tuple[str, ...]
    length: int
    metric: str
    published_dir: str
    rows: tuple[int, int, int]
    paper_rows: tuple[int, int, int]
    columns: tuple[str, ...] = ("sequence", "label")


def read_dataset(path: str | Path, task: str, dataset: str) -> Dataset:
    """The registry's row for ``task/dataset``; UserError if there is none or a figure is not a number."""
    rows = [row for row in read_table(path) if (row.get("task"), row.get("dataset")) == (task, dataset)]
    if len(rows) != 1:
        raise UserError(f"{path}: {len(rows)} rows for {task}/{dataset}, expected one; see columns task and dataset")
    row = rows[0]
    try:
        return Dataset(
            task=task,
            dataset=dataset,
            name=row["name"],
            species=row["species"],
            classes=tuple(name for name in row["classes"].split(";") if name),
            length=int(row["length"]),
            metric=row["metric"],
            published_dir=row["published_dir"],
            rows=(int(row["train"]), int(row["dev"]), int(row["test"])),
            paper_rows=(int(row["paper_train"]), int(row["paper_dev"]), int(row["paper_test"])),
            columns=("enhancer", "promoter", "label") if task == "epi" else ("sequence", "label"),
        )
    except KeyError as error:
        raise UserError(f"{path}: no column {error.args[0]}; the registry needs it") from error
    except ValueError as error:
        raise UserError(
            f"{path}: {task}/{dataset}: length, train, dev and test must be whole numbers ({error})"
        ) from error


def custom_dataset(
    task: str, name: str, metric: str, classes: list[str], splits: Splits, columns: tuple[str, ...]
) -> Dataset:
    """A user's data set, as if the registry had it."""
    rows = (len(splits["train"]), len(splits["dev"]), len(splits["test"]))
    return Dataset(
        task=task,
        dataset=name,
        name=f"{task}/{name}",
        species="",
        classes=tuple(classes),
        length=0,
        metric=metric,
        published_dir="",
        rows=rows,
        paper_rows=rows,
        columns=columns,
    )
