"""Fixtures of the tests on real data: the data folder, and GUE data sets built from it by the program."""

import csv
import json
import os
from pathlib import Path

import pytest

from tests.real.gue_sets import REGISTRY
from workflow_scripts.gue import build_dataset


@pytest.fixture(scope="module")
def real():
    folder = os.environ.get("REAL_DATA")
    if not folder:
        pytest.skip("REAL_DATA, the folder with real data, is not set")
    return Path(folder)


@pytest.fixture
def make(tmp_path):
    """``make(task, dataset, {role: path}, *options)``: datasheet and split -> rows as (sequences, label), checked."""

    def start(task, dataset, roles, *options, balanced=True):
        out = tmp_path / "out"
        arguments = ["--task", task, "--dataset", dataset, "--registry", str(REGISTRY), "--out", str(out), *options]
        assert build_dataset.main([*arguments, *(f"--source={role}={path}" for role, path in roles.items())]) == 0
        sheet, splits = json.loads((out / "datasheet.json").read_text()), {}
        for split in ("train", "dev", "test"):
            with (out / f"{split}.csv").open() as handle:
                rows = list(csv.reader(handle))[1:]
            splits[split] = [(tuple(sequences), int(label)) for *sequences, label in rows]
            assert len(rows) == sheet["splits"][split]["rows"] > 0
        everything = [row for rows in splits.values() for row in rows]
        assert len({sequences for sequences, _ in everything}) == len(everything)
        assert sheet["candidates"] == len(everything) + sum(sheet["dropped"].values())
        if balanced:
            for rows in (*splits.values(), everything):
                counts = [sum(label == wanted for _, label in rows) for wanted in range(len(sheet["classes"]))]
                assert max(counts) - min(counts) <= 1
        return sheet, splits

    return start
