"""The card of a fit: its example, run as it stands, predicts what the fit has predicted."""

import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.tiny_models import TARGETS
from workflow_scripts.common.files import read_json, write_text
from workflow_scripts.finetune.datasets import read_rows
from workflow_scripts.finetune.problems import PROBLEMS
from workflow_scripts.inference.encoding import Text

pytestmark = pytest.mark.slow
FITS = [*((kind, "full") for kind in TARGETS), ("ours", "lora"), ("bert", "lora")]
OTHER_PROBLEMS = [("numbers", "regression", "spearman"), ("labels", "multilabel", "f1")]
OUTSIDE = """
import importlib.util, json, runpy, sys

assert importlib.util.find_spec("workflow_scripts") is None
predict = runpy.run_path(sys.argv[1])["predict"]
json.dump(predict(json.loads(sys.argv[2])).tolist(), open(sys.argv[3], "w"))
"""


def program(folder: Path) -> str:
    """The example in the card of a model folder."""
    (code,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.S)
    return code


@pytest.fixture
def run(monkeypatch, tmp_path, capsys) -> Callable[[Path], Callable]:
    """Runs an example in its folder; returns its function ``predict``."""

    def run(folder: Path) -> Callable:
        write_text(tmp_path / "example.py", program(folder))
        with monkeypatch.context() as patched:
            patched.chdir(folder)
            predict = runpy.run_path(str(tmp_path / "example.py"))["predict"]
        assert re.search(r"\d\.\d", capsys.readouterr().out)
        return predict

    return run


def texts_of(folder: Path, problem: str = "classification") -> list[Text]:
    return read_rows(folder / "test.csv", PROBLEMS[problem]).texts


def expected(folder: Path) -> np.ndarray:
    """The predictions of a fit as its card's example returns them."""
    table = pq.read_table(folder / "predictions.parquet").to_pydict()
    return np.array(table["probabilities"] if "probabilities" in table else table["prediction"])


@pytest.mark.parametrize("how", [{}, {"both_strands": True, "max_tokens": 11}], ids=["plain", "cut, both strands"])
@pytest.mark.parametrize("dataset", ["three", "pairs"])
@pytest.mark.parametrize(
    ("kind", "method"), [*((kind, "full") for kind in TARGETS), ("ours", "lora"), ("bert", "lora")]
)
def test_the_example_predicts_what_the_fit_did(fit, datasets, run, kind, method, dataset, how):
    """Whatever a fit does with its texts: k-mers, pairs with and without token types, limits, strands."""
    folder = fit(kind, method, dataset, merge=True, **how)
    for model in (folder / "model", *(folder / "model").glob("merged")):
        predicted = np.asarray(run(model)(texts_of(datasets[dataset])))
        np.testing.assert_allclose(predicted, expected(folder), atol=1e-5)
        if how and dataset == "three":
            code = program(model)
            assert "max_length=11" in code and "other_strand" in code


@pytest.mark.parametrize(
    ("dataset", "problem", "metric"), [("numbers", "regression", "spearman"), ("labels", "multilabel", "f1")]
)
@pytest.mark.parametrize(("kind", "method"), [("ours", "full"), ("bert", "lora"), ("esm", "full"), ("cnn", "full")])
def test_numbers_and_several_labels(fit, datasets, run, kind, method, dataset, problem, metric):
    folder = fit(kind, method, dataset, metric, problem=problem, max_steps=12)
    predicted = np.asarray(run(folder / "model")(texts_of(datasets[dataset], problem)))
    np.testing.assert_allclose(predicted, expected(folder), rtol=1e-5, atol=1e-5)


def test_an_example_reads_lower_case_and_rna(fit, datasets, run):
    for kind in ("ours", "esm", "bert"):
        predict = run(fit(kind, dataset="three") / "model")
        texts = texts_of(datasets["three"])
        other = [text.lower().replace("t", "u") for text in texts]
        np.testing.assert_allclose(predict(other), predict(texts), atol=1e-6)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_it_runs_after_a_move_without_this_repository_offline_and_asks_nothing(fit, datasets, tmp_path, method):
    written = fit("ours", method, "three", pooling="mean")
    folder = Path(shutil.copytree(written / "model", tmp_path / "elsewhere" / "my model"))
    (written / "model").rename(tmp_path / "gone")
    write_text(tmp_path / "example.py", program(folder))
    write_text(tmp_path / "outside.py", OUTSIDE)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    texts, out = str(texts_of(datasets["three"])).replace("'", '"'), tmp_path / "out.json"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub")}
    command = [sys.executable, tmp_path / "outside.py", tmp_path / "example.py", texts, out]
    done = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "[y/N]" not in done.stdout
    np.testing.assert_allclose(read_json(out), expected(written), atol=1e-5)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_the_card_quotes_the_record_of_the_fit(fit):
    folder = fit("ours", "lora", "three")
    card, metrics = (folder / "model" / "README.md").read_text(), read_json(folder / "metrics.json")
    assert card.startswith("---\nlibrary_name: peft\n")
    assert "# tiny on promoter/three" in card and "seed 42" in card and "LoRA" in card
    first, *_others = re.findall(r"^\| (\w+) \| (-?[0-9.]+) \|$", card.partition("## Scores")[2], re.M)
    assert first == ("mcc", f"{metrics['test']['mcc']:.4f}")
    assert f"| rows | {metrics['test']['rows']} |" in card
    assert f"| trained parameters | {metrics['trainable_parameters']:,} |" in card
    for name, value in metrics["settings"].items():
        assert f"| `{name}` | {value} |" in card
    assert str(folder) not in card
    assert ("learned nothing" in card) == bool(metrics["collapse"])
    whole = (fit("ours", "full", "three") / "model" / "README.md").read_text()
    assert whole.startswith("---\nlibrary_name: transformers\n") and "`rank`" not in whole and "`base/`" not in whole


def test_an_adapter_is_described_in_words_that_every_version_of_peft_knows(fit):
    described = read_json(fit("ours", "lora", "three") / "model" / "adapter_config.json")
    told = {"base_model_name_or_path", "inference_mode", "modules_to_save", "target_modules", "task_type"}
    assert described.keys() - {"r", "lora_alpha", "lora_dropout", "peft_type"} <= told
    assert (described["r"], described["lora_alpha"], described["peft_type"]) == (2, 16, "LORA")
