"""Import one data set of GUE from the published files (github.com/MAGICS-LAB/DNABERT_2).

In: the folder or the archive (.zip, .tar, .tar.gz) that holds EMP/H3/train.csv and so on, at its top or one folder
down; files may be gzipped (.csv.gz) and end lines in LF or CRLF. Out: train.csv, dev.csv, test.csv,
places.tsv (its header alone: their places are not known) and datasheet.json in the --out folder. Rows, their order and
their letters stay as they are; only line ends and the header are unified.
"""

import argparse
import csv
import gzip
import hashlib
import io
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.gue.datasheet import Splits, write_dataset
from workflow_scripts.gue.examples import Example
from workflow_scripts.gue.registry import SPLITS, Dataset, read_dataset

Member = tuple[str, bytes]  # name within the folder or archive, content as stored


def wanted_names(dataset: Dataset) -> dict[str, str]:
    """File name within GUE -> split."""
    suffixes = (".csv", ".csv.gz")
    return {f"{dataset.published_dir}/{split}{suffix}": split for split in SPLITS for suffix in suffixes}


def split_of(name: str, wanted: dict[str, str]) -> str | None:
    """The split that a file is, if it is wanted: its path as such or below one folder."""
    parts = PurePosixPath(name).parts
    return wanted.get("/".join(parts)) or wanted.get("/".join(parts[1:]))


def check_names(names: Iterable[str], archive: Path) -> None:
    """Refuse an archive with a member that points outside of it."""
    for name in names:
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts:
            raise UserError(f"{archive}: member {name!r} points outside the archive; this is not the published file")


def from_zip(archive: Path, wanted: dict[str, str]) -> list[Member]:
    """The wanted members of a zip archive, read as streams."""
    with zipfile.ZipFile(archive) as handle:
        names = handle.namelist()
        check_names(names, archive)
        return [(name, handle.read(name)) for name in names if split_of(name, wanted)]


def from_tar(archive: Path, wanted: dict[str, str]) -> list[Member]:
    """The wanted regular files of a tar archive, plain or compressed, read as streams."""
    found = []
    with tarfile.open(archive) as handle:
        for member in handle:
            check_names([member.name], archive)
            if member.isfile() and split_of(member.name.removeprefix("./"), wanted):
                found.append((member.name.removeprefix("./"), handle.extractfile(member).read()))
    return found


def from_folder(folder: Path, wanted: dict[str, str]) -> list[Member]:
    """The wanted files of a folder or of the folders right below it."""
    roots = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    paths = [root / name for root in roots for name in wanted if (root / name).is_file()]
    return [(path.relative_to(folder).as_posix(), path.read_bytes()) for path in paths]


def find_files(origin: Path, dataset: Dataset) -> dict[str, Member]:
    """Split -> its one file; UserError where the origin is unreadable or a split is missing or there twice."""
    wanted = wanted_names(dataset)
    try:
        if origin.is_dir():
            members = from_folder(origin, wanted)
        elif origin.is_file() and zipfile.is_zipfile(origin):
            members = from_zip(origin, wanted)
        elif origin.is_file() and tarfile.is_tarfile(origin):
            members = from_tar(origin, wanted)
        else:
            raise UserError(f"{origin}: neither a folder nor a zip or tar archive; give the published GUE")
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error) as error:
        raise UserError(f"{origin}: damaged archive ({error}); download it again") from error
    files: dict[str, Member] = {}
    for name, content in members:
        split = split_of(name, wanted)
        if split in files:
            raise UserError(f"{origin}: both {files[split][0]} and {name} are the {split} set; remove one")
        files[split] = (name, content)
    if missing := [split for split in SPLITS if split not in files]:
        raise UserError(
            f"{origin}: no {dataset.published_dir}/{missing[0]}.csv (or .csv.gz), at the top or one folder down"
        )
    return files


def decode(content: bytes, where: str) -> str:
    """The text of a plain or gzipped CSV file."""
    try:
        return (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise UserError(f"{where}: damaged file ({error}); download it again") from error


def read_rows(text: str, where: str, dataset: Dataset) -> list[Example]:
    """The rows of a CSV file with a header; the label is the last column.

    Raises UserError with file and row (the header is row 1) for another number of columns, a sequence that is empty or
    holds anything but letters, and a label that is no integer or not one of the classes.
    """
    width = len(dataset.columns)
    found = []
    for number, fields in enumerate(csv.reader(io.StringIO(text, newline="")), start=1):
        place = f"{where}:{number}"
        if not fields:
            continue
        if len(fields) != width:
            raise UserError(f"{place}: {len(fields)} columns where {width} belong ({','.join(dataset.columns)})")
        *sequences, label = fields
        if number == 1:
            if label != "label":
                raise UserError(f"{place}: the header must end in label; it is {','.join(fields)[:60]!r}")
            continue
        if not all(sequence.isascii() and sequence.isalpha() for sequence in sequences):
            raise UserError(f"{place}: a sequence is empty or holds more than letters; check the file")
        if not (label.isascii() and label.isdigit()):
            raise UserError(f"{place}: label {label!r} is not an integer from 0 on")
        if dataset.classes and int(label) >= len(dataset.classes):
            raise UserError(
                f"{place}: label {label} outside 0..{len(dataset.classes) - 1}; see classes in the registry"
            )
        found.append(Example(tuple(sequences), int(label)))
    if not found:
        raise UserError(f"{where}: no rows")
    return found


def class_names(dataset: Dataset, splits: Splits) -> list[str]:
    """The registry's class names; where it has none (species), the integers that the files use."""
    if dataset.classes:
        return list(dataset.classes)
    used = {row.label for rows in splits.values() for row in rows}
    if used != set(range(len(used))):
        raise UserError(f"{dataset.published_dir}: labels {min(used)}..{max(used)} have gaps; they must run from 0 on")
    return [str(label) for label in sorted(used)]


def publish(dataset: Dataset, origin: Path, out: Path) -> None:
    """Import ``dataset`` from ``origin`` into the folder ``out``; nothing is left there on an error."""
    files = find_files(origin, dataset)
    splits, sources = {}, []
    for split in SPLITS:
        name, content = files[split]
        where = f"{origin}/{name}"
        splits[split] = read_rows(decode(content, where), where, dataset)
        sources.append({"file": name, "role": split, "sha256": hashlib.sha256(content).hexdigest()})
    write_dataset(
        out,
        dataset,
        class_names(dataset, splits),
        splits,
        origin="published",
        sources=sources,
        construction="The published rows as they are.",
        split={"method": "published"},
        seed=None,
        candidates=sum(map(len, splits.values())),
        dropped={},
    )


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", required=True, help="task of the data set")
    parser.add_argument("--dataset", required=True, help="name of the data set within its task, e.g. H3 or tata")
    parser.add_argument("--registry", required=True, type=Path, help="table of the data sets, config/gue.tsv")
    parser.add_argument(
        "--from", dest="origin", required=True, type=Path, help="folder or archive with the published files"
    )
    parser.add_argument("--out", required=True, type=Path, help="folder for the CSV files and the datasheet")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    arguments = build_parser().parse_args(argv)
    dataset = read_dataset(arguments.registry, arguments.task, arguments.dataset)
    publish(dataset, arguments.origin, arguments.out)


if __name__ == "__main__":
    sys.exit(main())
