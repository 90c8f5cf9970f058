"""Fetch the published files of one data set from a data set of the Hugging Face hub.

In: the id and the commit of the hub's data set, and the folder in it with train.csv, dev.csv and test.csv (or .csv.gz).
What the library's cache holds of them is not downloaded again, so that with HF_HUB_OFFLINE=1 a filled cache is enough.
Out: a folder with the files in the layout of the released archive, such as EMP/H3/train.csv, which import_dataset
reads, and a record: id, revision, commit, and size and sha256 of every file.
"""

import argparse
import difflib
import sys
from pathlib import Path

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import atomic_directory, write_json
from workflow_scripts.common.hub import Repository, copy_files, folders_of, snapshot
from workflow_scripts.gue.registry import read_dataset
from workflow_scripts.settings.names import SPLITS

ENDS = (".csv", ".csv.gz")


def cached(repository: Repository, folder: str) -> tuple[Path, list[str]]:
    """The snapshot in the library's cache, and the names of the three files in ``folder`` of it.

    Raises UserError if they cannot be had, or if the repository has none of one split, with the most similar folders.
    """
    place = snapshot(repository, [f"{folder}/{split}{end}" for split in SPLITS for end in ENDS])
    names = [f"{split}{end}" for split in SPLITS for end in ENDS if (place / folder / f"{split}{end}").is_file()]
    for split in SPLITS:
        if not any(name.startswith(f"{split}.") for name in names):
            similar = difflib.get_close_matches(folder, folders_of(repository), cutoff=0.3)
            has = f"it has {', '.join(similar)}" if similar else "see there"
            raise UserError(
                f"{repository}: has no {folder}/{split}.csv; {has}; correct the folder in the table of gue.hub_files"
            )
    return place, names


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", required=True, help="task of the data set")
    parser.add_argument("--dataset", required=True, help="name of the data set within its task, such as H3 or tata")
    parser.add_argument("--registry", required=True, type=Path, help="table of the data sets, config/gue.tsv")
    parser.add_argument("--hub", required=True, help="id of the hub's data set, owner/name")
    parser.add_argument("--revision", required=True, help="its commit")
    parser.add_argument("--folder", required=True, help="folder of the files in it, such as GUE/emp_H3")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    parser.add_argument("--record", required=True, type=Path, help="record to write (JSON)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    args = build_parser().parse_args(argv)
    dataset = read_dataset(args.registry, args.task, args.dataset)
    place, names = cached(Repository(args.hub, args.revision, "dataset"), args.folder)
    with atomic_directory(args.out) as temporary:
        files = copy_files(place / args.folder, names, temporary / dataset.published_dir)
    record = {"hub": args.hub, "revision": args.revision, "commit": place.name, "folder": args.folder, "files": files}
    write_json(args.record, record)


if __name__ == "__main__":
    sys.exit(main())
