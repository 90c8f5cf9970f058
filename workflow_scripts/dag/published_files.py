"""The published files of the benchmark in a folder or archive of the user, checked before any job starts."""

import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from workflow_scripts.common import addresses
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.dag.code_dependencies import code
from workflow_scripts.dag.file_digests import digests
from workflow_scripts.dag.gue import Gue
from workflow_scripts.dag.sound_inputs import remember, sound_ones
from workflow_scripts.settings.names import SPLITS


def published_mistakes(gue: Gue) -> list[str]:
    """The data sets of the configuration whose published files are not all there, in one line; none of the hub's."""
    place = addresses.local_path(gue.settings.published)
    if gue.settings.origin != "published" or gue.on_hub or place is None:
        return []
    folders = {name: gue.registry[name]["published_dir"] for name in gue.datasets if name not in gue.settings.custom}
    if Path(place).is_dir():
        lacking = missing(folders, Path(place))
    else:
        state = stable_hash(*digests([place]), *folders.values(), code("gue/import_dataset.py"))
        if state in sound_ones():
            return []  # a large archive is not read by every process of a run
        lacking = missing_in_archive(folders, Path(place))
        if not lacking:
            remember({state})
    if not lacking:
        return []
    names = ", ".join(f"{name} ({folders[name]}/{files})" for name, files in lacking.items())
    return [
        f"config gue.published: {place} lacks files of {len(lacking)} of {len(folders)} data sets: {names}; add them, "
        "or leave these out of gue.datasets"
    ]


def missing(folders: dict[str, str], place: Path) -> dict[str, str]:
    """The data sets that a folder, or the folders in it, lack files of, with these files."""
    tops = {folder.partition("/")[0] for folder in folders.values()}
    roots = [root for root in (place, *place.iterdir()) if any((root / top).is_dir() for top in tops)]
    there = {
        f"{folder}/{file}"
        for folder in folders.values()
        for root in roots
        for file in _files(SPLITS)
        if (root / folder / file).is_file()
    }
    return _lacking(folders, there)


def missing_in_archive(folders: dict[str, str], place: Path) -> dict[str, str]:
    """The same of a zip or tar archive; of one that cannot be read nothing, as its import says why."""
    try:
        if zipfile.is_zipfile(place):
            with zipfile.ZipFile(place) as archive:
                names = archive.namelist()
        else:
            with tarfile.open(place) as tar:
                names = tar.getnames()
    except (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError):
        return {}
    parts = [PurePosixPath(name).parts for name in names]
    return _lacking(folders, {"/".join(found[skip:]) for found in parts for skip in (0, 1)})


def _files(splits: Iterable[str]) -> list[str]:
    return [f"{split}{end}" for split in splits for end in (".csv", ".csv.gz")]


def _lacking(folders: dict[str, str], there: set[str]) -> dict[str, str]:
    """The data sets without all three files, and the files that each lacks."""
    lacking = {}
    for name, folder in folders.items():
        absent = [split for split in SPLITS if not any(f"{folder}/{file}" in there for file in _files([split]))]
        if absent:
            lacking[name] = f"{absent[0]}.csv" if len(absent) == 1 else f"{{{','.join(absent)}}}.csv"
    return lacking
