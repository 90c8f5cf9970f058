"""Released files that come from the hub are recognized, with either line end; a changed one is not."""

import gzip
from pathlib import Path

import pytest

from tests.real.marks import NEEDS_REAL_DATA
from workflow_scripts.common.files import read_json
from workflow_scripts.gue import fetch_dataset, import_dataset

pytestmark = NEEDS_REAL_DATA
CONFIG = Path(__file__).resolve().parents[2] / "config"
NAME = ["--task", "tf_mouse", "--dataset", "3", "--registry", str(CONFIG / "gue.tsv")]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda lf: lf, "git blob SHA-1"),
        (lambda lf: lf.replace(b"\n", b"\r\n"), "git blob SHA-1"),
        (lambda lf: lf.replace(b"A", b"C", 1), "differs from the known file"),
    ],
    ids=["LF", "CRLF", "changed"],
)
def test_released_files_are_recognized(real, hub, tmp_path, change, expected):
    splits = ("train", "dev", "test")
    released = {split: gzip.decompress((real / f"gue/mouse/3/{split}.csv.gz").read_bytes()) for split in splits}
    lf = {split: content.replace(b"\r\n", b"\n") for split, content in released.items()}
    commit = hub.add("a/GUE", {f"mouse/3/{split}.csv": change(content) for split, content in lf.items()}, "dataset")
    place, out = ["--hub", "a/GUE", "--revision", commit, "--folder", "mouse/3"], tmp_path / "out"
    assert fetch_dataset.main([*NAME, *place, "--out", str(out), "--record", str(tmp_path / "record.json")]) == 0
    known = ["--known", str(CONFIG / "gue_published.tsv"), "--out", str(tmp_path / "data")]
    assert import_dataset.main([*NAME, *known, "--from", str(out)]) == 0
    sources = read_json(tmp_path / "data/datasheet.json")["sources"]
    assert {source["verified"] for source in sources} == {expected}
    assert {source["rows"] for source in sources} == {"as released"}
