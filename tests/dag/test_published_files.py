"""A folder or archive that lacks published files is told before any job, all at once; the hub's are not looked for."""

import tarfile
import zipfile
from pathlib import Path

import pytest

from workflow_scripts.dag import published_files as module
from workflow_scripts.dag.gue import Gue
from workflow_scripts.dag.published_files import published_mistakes

NAMES = [f"EMP/{name}/{split}.csv" for name in ("H3", "H4") for split in ("train", "dev", "test")]


@pytest.fixture
def told(configured):
    """``told(place, datasets)``: what is said about the published files there."""

    def told(place: Path, datasets=("emp/H3", "emp/H4")) -> list[str]:
        settings = {"origin": "published", "published": str(place), "datasets": list(datasets)}
        return published_mistakes(Gue(configured({"gue": settings})))

    return told


def write_folder(place: Path, names: list[str]) -> Path:
    for name in names:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).touch()
    return place


def write_zip(place: Path, names: list[str]) -> Path:
    with zipfile.ZipFile(place, "w") as archive:
        for name in names:
            archive.writestr(name, "")
    return place


def write_tar(place: Path, names: list[str]) -> Path:
    write_folder(place.with_suffix(".d"), names)
    with tarfile.open(place, "w:gz") as archive:
        archive.add(place.with_suffix(".d"), arcname="GUE")
    return place


@pytest.mark.parametrize("write", [write_folder, write_zip, write_tar])
def test_all_that_is_missing_is_one_line(told, tmp_path, write):
    names = [name for name in NAMES if name != "EMP/H3/dev.csv" and "H4" not in name]
    place = write(tmp_path / "GUE", names)
    (line,) = told(place)
    assert line == (
        f"config gue.published: {place} lacks files of 2 of 2 data sets: emp/H3 (EMP/H3/dev.csv), "
        "emp/H4 (EMP/H4/{train,dev,test}.csv); add them, or leave these out of gue.datasets"
    )


@pytest.mark.parametrize("prefix", ["", "GUE/"])
@pytest.mark.parametrize("write", [write_folder, write_zip])
def test_a_whole_one_is_sound_also_gzipped_and_one_folder_down(told, tmp_path, write, prefix):
    place = write(tmp_path / "place", [f"{prefix}{name}" for name in NAMES[:-1]] + [f"{prefix}{NAMES[-1]}.gz"])
    assert told(place) == []
    assert told(place, ["emp/H3"]) == []
    assert "emp/H4ac" in told(place, ["emp/*"])[0]


def test_a_sound_archive_is_read_once(told, tmp_path, monkeypatch):
    place = write_zip(tmp_path / "GUE.zip", NAMES)
    assert told(place) == []
    monkeypatch.setattr(module, "missing_in_archive", lambda *_: pytest.fail("read again"))
    assert told(place) == []
    with pytest.raises(pytest.fail.Exception):
        told(place, ["emp/*"])


def test_what_is_no_archive_is_left_to_its_import(told, tmp_path):
    (tmp_path / "GUE.zip").write_text("no archive")
    assert told(tmp_path / "GUE.zip") == []
    assert told(Path("hub")) == []
