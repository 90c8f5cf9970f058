"""The files of a user's data set: three, one for each split, or one that is still to be split."""

from pathlib import Path

from workflow_scripts.common.errors import UserError

ONE_FILE = ""  # stands for the class of the only FASTA file of a data set
WHOLE = "all"  # stands for the split of rows that are still to be split
SPLITS = ("train", "dev", "test")
ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")


def custom_sources(folder: str | None, file: str | None) -> dict[str, Path]:
    """The file of each split in a user's folder, or a user's one file.

    Raises UserError with a line for each split of which there is no file or more than one.
    """
    if file is not None:
        if not Path(file).is_file():
            raise UserError(f"{file!r} is no file")
        return {WHOLE: Path(file)}
    found = {
        split: [path for ending in ENDINGS if (path := Path(folder or "") / f"{split}{ending}").is_file()]
        for split in SPLITS
    }
    lines = []
    if missing := [f"{split}.csv" for split, paths in found.items() if not paths]:
        hint = "; for one file that is not split yet, write file: PATH" if len(missing) == len(SPLITS) else ""
        lines.append(f"no {', '.join(missing)} in {folder!r}{hint}")
    lines += [
        f"both {paths[0].name} and {paths[1].name} in {folder!r}; remove one"
        for paths in found.values()
        if len(paths) > 1
    ]
    if lines:
        raise UserError("\n".join(lines))
    return {split: paths[0] for split, paths in found.items()}
