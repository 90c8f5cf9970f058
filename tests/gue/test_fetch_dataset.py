"""The three files of a data set come from the hub in the layout that their import reads; the hub is of this machine."""

import hashlib
from pathlib import Path

import pytest

from tests.published_hub import published_files
from workflow_scripts.common.files import read_json, read_table
from workflow_scripts.gue import import_dataset
from workflow_scripts.gue.fetch_dataset import main

REPOSITORY = Path(__file__).resolve().parents[2]
FILES = {
    "GUE/emp_H3/train.csv": b"sequence,label\r\nACGT,0\r\nTTTT,1\r\n",
    "GUE/emp_H3/dev.csv": b"sequence,label\r\nACGG,0\r\nTTTA,1\r\n",
    "GUE/emp_H3/test.csv": b"sequence,label\r\n" + b"ACGTACGT,1\r\nCCCC,0\r\n" * 100,
    "GUE/emp_H4/train.csv": b"",
    "README.md": b"#",
}


@pytest.fixture
def fetch(tmp_path):
    """Fetches emp/H3; returns the exit status."""

    def fetch(revision: str, folder: str = "GUE/emp_H3") -> int:
        registry = ["--task", "emp", "--dataset", "H3", "--registry", str(REPOSITORY / "config/gue.tsv")]
        place = ["--hub", "someone/GUE", "--revision", revision, "--folder", folder]
        out = ["--out", str(tmp_path / "H3"), "--record", str(tmp_path / "H3.json")]
        return main([*registry, *place, *out])

    return fetch


def test_the_files_are_imported_like_a_folder(hub, fetch, tmp_path):
    commit = hub.add("someone/GUE", FILES, "dataset")
    assert fetch(commit) == 0
    record = read_json(tmp_path / "H3.json")
    assert {key: record[key] for key in ("hub", "revision", "commit", "folder")} == {
        "hub": "someone/GUE",
        "revision": commit,
        "commit": commit,
        "folder": "GUE/emp_H3",
    }
    for split in ("train", "dev", "test"):
        content = FILES[f"GUE/emp_H3/{split}.csv"]
        assert (tmp_path / f"H3/EMP/H3/{split}.csv").read_bytes() == content
        stated = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        assert record["files"][f"{split}.csv"] == stated
    tables = ["--registry", str(REPOSITORY / "config/gue.tsv"), "--known", str(REPOSITORY / "config/gue_published.tsv")]
    names = ["--task", "emp", "--dataset", "H3"]
    assert import_dataset.main([*names, *tables, "--from", str(tmp_path / "H3"), "--out", str(tmp_path / "out")]) == 0
    sources = read_json(tmp_path / "out/datasheet.json")["sources"]
    assert {source["verified"] for source in sources} == {"differs from the known file"}, "they are said to be others"


def test_a_folder_that_is_not_there_says_which_are(hub, fetch, tmp_path, capsys):
    commit = hub.add("someone/GUE", FILES, "dataset")
    for folder, missing in (("GUE/EMP_H3", "train"), ("GUE/emp_H4", "dev")):
        assert fetch(commit, folder) == 1
        (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
        assert line.startswith(f"error: someone/GUE at {commit}: has no {folder}/{missing}.csv; it has ")
        assert "GUE/emp_H3" in line and line.endswith("correct the folder in the table of gue.hub_files")
    assert not (tmp_path / "H3").exists()


@pytest.mark.slow
def test_all_36_data_sets_are_found_in_their_layout_and_imported(hub, tmp_path):
    places = read_table(REPOSITORY / "config/gue_hub.tsv")
    hub.add(places[0]["hub"], published_files(places), "dataset", places[0]["commit"])
    registry = ["--registry", str(REPOSITORY / "config/gue.tsv")]
    for place in places:
        name = ["--task", place["task"], "--dataset", place["dataset"], *registry]
        files, out = tmp_path / place["task"] / place["dataset"], tmp_path / "out" / place["task"] / place["dataset"]
        where = ["--hub", place["hub"], "--revision", place["commit"], "--folder", place["folder"]]
        assert main([*name, *where, "--out", str(files), "--record", f"{files}.json"]) == 0
        known = ["--known", str(REPOSITORY / "config/gue_published.tsv")]
        assert import_dataset.main([*name, *known, "--from", str(files), "--out", str(out)]) == 0
        found = [source["verified"] for source in read_json(out / "datasheet.json")["sources"]]
        plus = place["task"] in ("epi", "species")
        assert found == ["no known file" if plus else "differs from the known file"] * 3
    assert len(places) == 36
