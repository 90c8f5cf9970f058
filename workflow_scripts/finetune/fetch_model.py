"""Fetch a model from the Hugging Face hub into a directory: configuration, weights and tokenizer, nothing else.

In: a hub id and a revision (a commit, branch or tag). What the library's cache holds of it is not downloaded again, so
that with HF_HUB_OFFLINE=1 a filled cache is enough.
Out: the directory, with safetensors where the model has them, and a record: id, revision, the commit it stands for,
and size and sha256 of every file.
"""

import argparse
import sys
from pathlib import Path

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import atomic_directory, write_json
from workflow_scripts.common.hub import Repository, copy_files, snapshot
from workflow_scripts.common.model_files import PICKLED, SAFE, chosen, patterns


def cached(repository: Repository, code: bool) -> Path:
    """The folder of the library's cache that holds the model. Raises UserError where it cannot be had."""
    folder = snapshot(repository, patterns(code, SAFE))
    if not any(folder.glob("*.safetensors")):
        folder = snapshot(repository, patterns(code, PICKLED))
    for needed, files in (("config.json", ["config.json"]), ("weights", ["*.safetensors", "pytorch_model*.bin"])):
        if not any(path for pattern in files for path in folder.glob(pattern)):
            raise UserError(f"{repository}: has no {needed}; only models of the transformers library load")
    return folder


def copy(folder: Path, out: Path, code: bool) -> dict[str, dict]:
    """Copy the model's files; returns size and sha256 of each."""
    with atomic_directory(out) as temporary:
        return copy_files(folder, chosen([path.name for path in folder.iterdir()], code), temporary)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hub", required=True, help="id of the model, such as zhihan1996/DNABERT-2-117M")
    parser.add_argument("--revision", required=True, help="commit, branch or tag")
    parser.add_argument("--code", action="store_true", help="fetch the model's own Python files too")
    parser.add_argument("--out", type=Path, required=True, help="directory to write")
    parser.add_argument("--record", type=Path, required=True, help="record to write (JSON)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    folder = cached(Repository(args.hub, args.revision), args.code)
    files = copy(folder, args.out, args.code)
    write_json(args.record, {"hub": args.hub, "revision": args.revision, "commit": folder.name, "files": files})


if __name__ == "__main__":
    sys.exit(main())
