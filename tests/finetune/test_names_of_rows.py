"""Ids of rows reach the predictions, and names of classes the model's configuration."""

import json
import shutil

import pyarrow.parquet as pq
import pytest

from workflow_scripts.common.files import read_json
from workflow_scripts.finetune.finetune_model import main

pytestmark = pytest.mark.slow


def test_ids_and_class_names_of_a_data_set_are_in_the_results(arguments, datasets, tmp_path):
    data = tmp_path / "named"
    shutil.copytree(datasets["two"], data)
    (data / "classes.json").write_text(json.dumps(["host", "virus"]))
    (data / "ids.tsv").write_text("split\tline\tid\ntrain\t2\tother\ntest\t2\tfirst\ntest\t4\tthird\n")
    command = arguments("out", epochs=1)
    command[command.index("--data") + 1] = str(data)
    assert main(command) == 0
    table = pq.read_table(tmp_path / "out" / "predictions.parquet")
    assert table["id"].to_pylist() == ["first", "", "third", *[""] * 27]
    config = read_json(tmp_path / "out" / "model" / "config.json")
    assert config["id2label"] == {"0": "host", "1": "virus"} and config["label2id"] == {"host": 0, "virus": 1}
    assert main(arguments("plain", epochs=1)) == 0
    plain = pq.read_table(tmp_path / "plain" / "predictions.parquet")
    assert plain.column_names == table.column_names[1:] and plain.equals(table.select(plain.column_names))
