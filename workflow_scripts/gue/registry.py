"""The registry of the data sets (``config/gue.tsv``): what each is called, how long, how large, and where it lies."""

from dataclasses import dataclass
from pathlib import Path

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_table


@dataclass(frozen=True, slots=True)
class Dataset:
    """One row of the registry. ``classes`` is empty where the sources name the classes (species).

    ``rows`` are the sizes of the released train, dev and test file, ``paper_rows`` those of the paper's table.
    ``columns``: the header of its CSV files.
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
    """The registry's row for ``task/dataset``; UserError where there is none or a figure is not a number."""
    rows = [row for row in read_table(path) if (row.get("task"), row.get("dataset")) == (task, dataset)]
    if len(rows) != 1:
        raise UserError(
            f"{path}: {len(rows)} rows for {task}/{dataset} where one belongs; see its columns task and dataset"
        )
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
