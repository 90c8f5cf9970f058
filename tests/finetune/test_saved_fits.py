"""The model folder of a fit, loaded by itself, predicts what the fit has predicted."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from peft import AutoPeftModelForSequenceClassification
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tests.tiny_models import TARGETS
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_json, write_json
from workflow_scripts.finetune.datasets import read_rows
from workflow_scripts.finetune.finetune_model import main
from workflow_scripts.finetune.problems import PROBLEMS
from workflow_scripts.inference.encoding import Text
from workflow_scripts.inference.outputs import PROBLEM_TYPES
from workflow_scripts.inference.predictor import load

pytestmark = pytest.mark.slow
PRETRAINED = tuple(TARGETS)
BASELINES = ("kmer_regression", "cnn")
PROBLEM_SETS = {"regression": ("numbers", "spearman"), "multilabel": ("labels", "f1")}


@pytest.fixture
def texts(datasets):
    """The test rows of a data set, in the order of the file."""

    def texts(dataset: str, problem: str = "classification") -> list[Text]:
        return read_rows(datasets[dataset] / "test.csv", PROBLEMS[problem]).texts

    return texts


def check(folder: Path, texts: list[Text], written: Path, **options) -> None:
    """The model in ``folder`` predicts what the fit in ``written`` has predicted, in batches of any size."""
    table = pq.read_table(written / "predictions.parquet").to_pydict()
    model = load(folder, **options)
    for size in (1, 7, 64):
        predicted = model.predict(texts, batch_size=size)
        if predicted.probabilities is None:
            assert predicted.prediction == pytest.approx(np.array(table["prediction"]), rel=1e-6)
            continue
        assert predicted.prediction.tolist() == table["prediction"]
        assert predicted.probabilities == pytest.approx(np.array(table["probabilities"]), abs=1e-6)


@pytest.mark.parametrize("dataset", ["two", "three", "pairs"])
@pytest.mark.parametrize("kind", [*PRETRAINED, *BASELINES])
def test_all_weights(fit, texts, kind, dataset):
    folder = fit(kind, dataset=dataset)
    told = read_json(folder / "metrics.json")
    assert told["steps"] == 2 and told["parameters"] == told["trainable_parameters"]
    check(folder / "model", texts(dataset), folder)


@pytest.mark.parametrize("dataset", ["two", "pairs"])
@pytest.mark.parametrize("kind", PRETRAINED)
def test_an_adapter_and_its_merged_model(fit, texts, kind, dataset, capsys):
    folder = fit(kind, method="lora", dataset=dataset, merge=True)
    told = read_json(folder / "metrics.json")
    share = told["trainable_parameters"] / told["parameters"]
    assert f"parameters are trained ({share:.2%})" in capsys.readouterr().err
    check(folder / "model", texts(dataset), folder)
    check(folder / "model" / "merged", texts(dataset), folder)
    names = load_file(folder / "model" / "adapter_model.safetensors")
    assert not [name for name in names if ("lora_" in name) == ("pooler" in name or "classifier" in name)]
    for target in TARGETS[kind]:
        assert any(f".{target}.lora_A" in name for name in names)


@pytest.mark.parametrize("problem", PROBLEM_SETS)
@pytest.mark.parametrize(("kind", "method"), [("ours", "full"), ("bert", "lora"), ("cnn", "full")])
def test_numbers_and_several_labels(fit, texts, kind, method, problem):
    dataset, metric = PROBLEM_SETS[problem]
    folder = fit(kind, method, dataset, metric, problem=problem, max_steps=12)
    check(folder / "model", texts(dataset, problem), folder)


@pytest.mark.parametrize(("kind", "method"), [("ours", "full"), ("ours", "lora"), ("cnn", "full")])
def test_whatever_a_fit_does_with_its_texts(fit, texts, kind, method):
    how = {"both_strands": True, "max_tokens": 11, "precision": "bf16"}
    pooling = {} if kind == "cnn" else {"pooling": "mean"}
    folder = fit(kind, method, "two", **how, **pooling)
    assert read_json(folder / "metrics.json")["truncated"]["test"] > 0
    check(folder / "model", texts("two"), folder)


def test_merged_model_is_saved_on_request_only(fit):
    assert not (fit("ours", method="lora") / "model" / "merged").exists()


def test_an_adapter_finds_its_base_beside_it_wherever_the_results_are(arguments, base, texts, tmp_path, monkeypatch):
    """The base of a model that is trained here is given relative to the working directory."""
    here = tmp_path / "here"
    shutil.copytree(base, here / "results" / "pretrain" / "mine")
    monkeypatch.chdir(here)
    command = arguments("unused", method="lora", epochs=1)
    command[command.index("--model") + 1] = json.dumps({"directory": "results/pretrain/mine"})
    command[command.index("--out") + 1] = "results/finetune/mine"
    assert main(command) == 0
    folder = Path("results/finetune/mine")
    check(folder / "model", texts("two"), folder)
    monkeypatch.chdir(tmp_path)
    moved = here.rename(tmp_path / "there") / folder
    check(moved / "model", texts("two"), moved)


def test_an_adapter_is_refused_without_the_base_it_was_fitted_to(arguments, base, texts, tmp_path):
    def refused(**options) -> str:
        with pytest.raises(UserError) as caught:
            load(folder / "model", **options)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    mine, folder = shutil.copytree(base, tmp_path / "mine"), tmp_path / "adapter"
    command = arguments("adapter", method="lora", max_steps=2)
    command[command.index("--model") + 1] = json.dumps({"directory": str(mine)})
    assert main(command) == 0
    whole = shutil.copytree(folder / "model", tmp_path / "whole")  # a copy has the weights, not the link
    moved = mine.rename(tmp_path / "elsewhere")
    told = refused()
    assert told.startswith(f"{folder / 'model'}: its base model is not at {mine}; ")
    check(folder / "model", texts("two"), folder, base=moved)
    write_json(whole / "inference.json", read_json(whole / "inference.json") | {"base": "a key of another version"})
    check(whole, texts("two"), folder)
    weights = load_file(moved / "model.safetensors")
    save_file({name: 2 * tensor for name, tensor in weights.items()}, moved / "model.safetensors", {"format": "pt"})
    told = refused(base=moved)
    assert told.startswith(f"{folder / 'model'}: {moved} is not the model that the adapter was fitted to")


@pytest.mark.parametrize(("kind", "method"), [("ours", "full"), ("ours", "lora"), ("cnn", "full")])
def test_a_damaged_folder_is_refused(fit, tmp_path, kind, method):
    whole = fit(kind, method) / "model"
    weights = "adapter_model.safetensors" if method == "lora" else "model.safetensors"

    def refused(damage) -> str:
        folder = shutil.copytree(whole, tmp_path / "damaged", dirs_exist_ok=True)
        damage(folder)
        with pytest.raises(UserError) as caught:
            load(folder)
        assert "\n" not in str(caught.value) and str(caught.value).startswith(str(folder))
        shutil.rmtree(folder)
        return str(caught.value)

    def without_head(folder: Path) -> None:
        tensors = load_file(folder / weights)
        kept = {name: tensor for name, tensor in tensors.items() if "classifier" not in name}
        save_file(kept, folder / weights, {"format": "pt"})

    refused(lambda folder: (folder / weights).unlink())
    refused(lambda folder: (folder / weights).write_bytes(b"damaged"))
    refused(without_head)
    if kind == "cnn" or method == "lora":
        assert "inference.json: no such file" in refused(lambda folder: (folder / "inference.json").unlink())
    assert "no record of a fit" in refused(lambda folder: (folder / "inference.json").write_text("{}"))
    assert "no record of a fit" in refused(lambda folder: (folder / "inference.json").write_text("{"))


def test_what_a_baseline_cannot_do_is_one_line(fit, texts):
    model = load(fit("cnn") / "model")
    with pytest.raises(UserError, match="a baseline has no hidden states; embed with a pre-trained model"):
        model.embed(texts("two"))
    assert model.encode(["ACGT"]).spans[0].tolist() == [[0, 0, 1], [0, 1, 2], [0, 2, 3], [0, 3, 4]]


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize("problem", ["classification", *PROBLEM_SETS])
def test_plain_libraries_give_the_predictions_of_the_file(fit, texts, tmp_path, monkeypatch, problem, method):
    """Pooling, problem type and scale are in what is saved; nobody has to know them, or where the results were made."""
    dataset, metric = PROBLEM_SETS.get(problem, ("three", "mcc"))
    folder = fit("ours", method, dataset, metric, problem=problem, pooling="mean", max_steps=12).absolute()
    written = pq.read_table(folder / "predictions.parquet").to_pydict()
    monkeypatch.chdir(tmp_path)
    kind = AutoPeftModelForSequenceClassification if method == "lora" else AutoModelForSequenceClassification
    model = kind.from_pretrained(folder / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    with torch.no_grad():
        logits = model(**tokenizer(texts(dataset, problem), padding=True, return_tensors="pt")).logits
    assert model.config.problem_type == PROBLEM_TYPES[problem] and model.config.pooling == "mean"
    if problem == "regression":
        assert logits[:, 0].tolist() == pytest.approx(written["prediction"], rel=1e-5)
    else:
        values = logits.softmax(dim=1) if problem == "classification" else logits.sigmoid()
        assert values.numpy() == pytest.approx(np.array(written["probabilities"]), abs=1e-5)
    for path in (path for path in (folder / "model").rglob("*") if not path.is_symlink()):
        assert path.stat().st_mode & 0o044 == 0o044, path
