"""A fit learns a planted signal, keeps the best weights, repeats itself, and says truly how good it is."""

import json
import shutil
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForSequenceClassification

from tests.finetune.conftest import SETTINGS, changed
from workflow_scripts.common.files import digest, read_json
from workflow_scripts.finetune import metrics
from workflow_scripts.finetune.datasets import read_rows, read_splits
from workflow_scripts.finetune.finetune_model import main
from workflow_scripts.finetune.initial_model import initial_model
from workflow_scripts.finetune.problems import Classification
from workflow_scripts.finetune.training import Fit
from workflow_scripts.inference.encoding import collate
from workflow_scripts.settings.fit_settings import FitSettings
from workflow_scripts.settings.names import SPLITS

pytestmark = pytest.mark.slow
QUICK = FitSettings(**SETTINGS)


class Recorded(Fit):
    """A fit that notes, at every evaluation, the step, the scores of the dev rows, and the weights."""

    def evaluate(self) -> None:
        if not hasattr(self, "evaluations"):
            self.evaluations = []
        told = metrics.scores(self.tokens["dev"].labels, self.predict("dev"))
        weights = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        self.evaluations.append((self.done, told, weights))
        super().evaluate()


def written(folder) -> tuple[dict, list[dict]]:
    """The metrics and the predictions of a fit."""
    return read_json(folder / "metrics.json"), pq.read_table(folder / "predictions.parquet").to_pylist()


def errors(captured: str) -> list[str]:
    assert "Traceback" not in captured
    return [line for line in captured.splitlines() if line.startswith("error: ")]


def test_planted_signal_is_learned(arguments, tmp_path):
    assert main(arguments("out", epochs=6, selection="metric")) == 0
    told, predictions = written(tmp_path / "out")
    assert told["test"]["mcc"] > 0.8 and told["dev"]["mcc"] > 0.8
    assert told["test"]["accuracy"] > told["chance"] == 0.5
    assert told["collapse"] is None and len(predictions) == 30


def test_three_classes(arguments, tmp_path):
    assert main(arguments("out", dataset="three", epochs=1)) == 0
    told, predictions = written(tmp_path / "out")
    assert all(len(row["probabilities"]) == 3 for row in predictions)
    assert told["chance"] == pytest.approx(1 / 3) and told["test"]["rows"] == 30


@pytest.mark.parametrize("model", ["ours", "kmer_regression"])
def test_unknown_tokens_are_recorded_and_many_are_a_warning(arguments, entries, datasets, tmp_path, capsys, model):
    """N is unknown to a pre-trained model and to a baseline."""
    folder = shutil.copytree(datasets["two"], tmp_path / "data")
    header, *rows = (folder / "test.csv").read_text().split()
    (folder / "test.csv").write_text("\n".join([header, *("NN" + row[2:] for row in rows)]) + "\n")
    command = arguments("out", epochs=1)
    command[command.index("--model") + 1] = json.dumps(entries[model])
    command[command.index("--data") + 1] = str(folder)
    assert main(command) == 0
    told, _ = written(tmp_path / "out")
    assert told["unknown_tokens"]["train"] == told["unknown_tokens"]["dev"] == 0 < told["unknown_tokens"]["test"] < 1
    share = f"{told['unknown_tokens']['test']:.1%}"
    warnings = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 1 and f"{folder / 'test.csv'}: {share} of the tokens are unknown" in warnings[0]


def test_record_says_what_was_done(arguments, base, datasets, tmp_path, capsys):
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    splits = read_splits(datasets["two"], Classification)
    lengths = {
        split: np.array([len(tokenizer.encode(text).ids) for text in rows.texts]) for split, rows in splits.items()
    }
    limit = int(np.median(lengths["train"]))
    assert main([*arguments("out", max_tokens=limit), "--metric", "f1"]) == 0
    told, _ = written(tmp_path / "out")
    names = {key: told[key] for key in ("model", "task", "dataset", "method", "seed")}
    assert names == {"model": "tiny", "task": "promoter", "dataset": "two", "method": "full", "seed": 42}
    # 72 rows in batches of 16 are 5 steps an epoch
    assert (told["steps"], told["epochs"], told["effective_batch"], told["metric"]) == (15, 3, 16, "f1")
    assert told["parameters"] == told["trainable_parameters"] > 20_000
    assert told["settings"]["learning_rate"] == 3e-3 and told["max_tokens"] == limit
    for split in SPLITS:
        assert told["truncated"][split] == pytest.approx((lengths[split] > limit).mean())
        assert told["data"][split] == digest(datasets["two"] / f"{split}.csv")
    assert 0 < told["truncated"]["train"] < 1
    assert f"train: {told['truncated']['train']:.1%} of the sequences are cut to the limit" in capsys.readouterr().err
    assert told["weights_sha256"] == digest(tmp_path / "out" / "model" / "model.safetensors")


def test_predictions_give_the_test_scores_again(arguments, datasets, tmp_path):
    for dataset in ("two", "three"):
        assert main(arguments(dataset, dataset=dataset, epochs=2)) == 0
        told, predictions = written(tmp_path / dataset)
        labels = np.array([row["label"] for row in predictions])
        probabilities = np.array([row["probabilities"] for row in predictions], dtype=np.float64)
        assert metrics.scores(labels, probabilities) == told["test"]
        assert labels.tolist() == read_rows(datasets[dataset] / "test.csv", Classification).labels.tolist()
        assert [row["prediction"] for row in predictions] == probabilities.argmax(axis=1).tolist()
        assert probabilities.sum(axis=1) == pytest.approx(1)


def test_same_seed_same_bytes_and_another_seed_others(arguments, results, tmp_path):
    for out, seed in (("one", 42), ("two", 42), ("three", 43)):
        assert main(arguments(out, epochs=1, seed=seed)) == 0
    one, two, three = (results(tmp_path / out) for out in ("one", "two", "three"))
    assert one == two
    assert one[0] != three[0]
    assert one[0]["start_sha256"] != three[0]["start_sha256"], "each seed draws a head of its own"
    assert one[0]["tokenizer"] == three[0]["tokenizer"]
    assert all(one[1][name] != three[1][name] for name in ("predictions.parquet", "model/model.safetensors"))


def test_saved_model_predicts_the_same(arguments, base, datasets, tmp_path):
    assert main(arguments("out", epochs=1, pooling="mean")) == 0
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "out" / "model").eval()
    assert model.config.pooling == "mean" and model.config.num_labels == 2
    initial = initial_model({"directory": tmp_path / "out" / "model"}, 2, QUICK, "full", 42)
    texts = read_rows(datasets["two"] / "test.csv", Classification).texts
    encoded = initial.encoder.encode(texts, 0)
    with torch.no_grad():
        logits = model(**collate(encoded, np.arange(30), 3, torch.device("cpu"))).logits
    _, predictions = written(tmp_path / "out")
    expected = torch.tensor([row["probabilities"] for row in predictions])
    torch.testing.assert_close(logits.softmax(dim=1), expected, rtol=0, atol=1e-5)


def test_new_head_depends_on_the_seed_and_the_encoder_does_not(base):
    load = partial(initial_model, {"directory": base}, 2, QUICK, "full")
    one, two, other = (load(seed).model.state_dict() for seed in (42, 42, 43))
    for name in one:
        assert torch.equal(one[name], two[name])
        fresh = name.startswith(("bert.pooler", "classifier")) and name.endswith("weight")
        assert torch.equal(one[name], other[name]) != fresh


@pytest.mark.parametrize("selection", ["loss", "metric"])
def test_best_weights_are_those_of_the_best_dev_step(build, states, selection):
    rough = {"learning_rate": 1e-1, "max_grad_norm": 0.0}
    fit = build(changed(QUICK, **rough, epochs=4, eval_steps=1, selection=selection), kind=Recorded)
    fit.train(states, {})
    assert [step for step, _, _ in fit.evaluations] == list(range(1, 21))
    values = [-told["loss"] if selection == "loss" else told["mcc"] for _, told, _ in fit.evaluations]
    told = [{"step": step, "dev_loss": found["loss"], "dev_score": found["mcc"]} for step, found, _ in fit.evaluations]
    assert [{key: value for key, value in point.items() if key != "training_loss"} for point in fit.curve] == told
    assert fit.curve[-1]["training_loss"] == fit.losses[-1]
    best = int(np.argmax(values))  # the first of equals
    assert best < 19, "the last evaluation is the best: this run shows nothing"
    assert fit.best_step == best + 1 and fit.best_value == values[best]
    weights = fit.evaluations[best][2]
    assert all(torch.equal(tensor, weights[name]) for name, tensor in fit.model.state_dict().items())
    assert metrics.scores(fit.tokens["dev"].labels, fit.predict("dev")) == fit.evaluations[best][1]


@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        ({"eval_steps": 4}, [4, 8, 12, 15]),
        ({"eval_steps": 5}, [5, 10, 15]),
        ({"eval_steps": 0}, [5, 10, 15]),
        ({"eval_steps": 0, "max_steps": 7}, [5, 7]),
        ({"eval_steps": 200}, [15]),
    ],
)
def test_dev_rows_are_scored_when_the_settings_say_and_at_the_end(build, states, changes, steps):
    fit = build(changed(QUICK, **changes), kind=Recorded)
    fit.train(states, {})
    assert [step for step, _, _ in fit.evaluations] == steps


@torch.no_grad()
def test_token_types_of_pairs_reach_the_model(build):
    fit = build(QUICK, dataset="pairs")
    fit.model.eval()
    encoded, rows = fit.tokens["test"].encoded, np.arange(8)
    blind = replace(encoded, types=[np.zeros_like(types) for types in encoded.types])
    assert not torch.allclose(fit.network.logits(encoded, rows), fit.network.logits(blind, rows), atol=1e-3)


def test_pairs_are_fitted(arguments, tmp_path):
    assert main(arguments("out", dataset="pairs", epochs=6, selection="metric")) == 0
    assert written(tmp_path / "out")[0]["test"]["mcc"] > 0.5


@torch.no_grad()
def test_predictions_are_in_file_order_and_do_not_depend_on_batches(build):
    one, other = build(QUICK), build(changed(QUICK, batch_size=1))
    assert one.predict("test") == pytest.approx(other.predict("test"), abs=1e-5)
    alone = one.network.logits(one.tokens["test"].encoded, np.array([7])).softmax(dim=1)[0]
    assert one.predict("test")[7] == pytest.approx(alone.numpy(), abs=1e-5)


def test_bfloat16_arithmetic_is_close(arguments, tmp_path):
    probabilities = []
    for precision in ("fp32", "bf16"):
        assert main(arguments(precision, epochs=1, precision=precision)) == 0
        probabilities.append([row["probabilities"] for row in written(tmp_path / precision)[1]])
    assert probabilities[0] != probabilities[1]
    assert np.array(probabilities[1]) == pytest.approx(np.array(probabilities[0]), abs=0.1)


@pytest.mark.parametrize("eval_steps", [0, 1])
def test_bursting_weights_are_one_line_and_leave_nothing(arguments, tmp_path, capsys, eval_steps):
    assert main(arguments("out", learning_rate=1e30, eval_steps=eval_steps)) == 1
    (line,) = errors(capsys.readouterr().err)
    assert line.endswith("lower learning_rate") and not (tmp_path / "out").exists()


def test_mistakes_are_one_line_and_leave_nothing(arguments, base, tmp_path, capsys):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "train.csv").write_text("sequence,label\nACGT,x\n")
    command = arguments("out")
    command[command.index("--data") + 1] = str(broken)
    assert main(command) == 1
    assert main(arguments("out", speed=1)) == 1
    command = arguments("out")
    command[command.index("--model") + 1] = json.dumps({"directory": str(broken)})
    assert main(command) == 1
    lines = errors(capsys.readouterr().err)
    assert len(lines) == 3 and not (tmp_path / "out").exists()
    assert f"{broken / 'train.csv'}:2: label 'x'" in lines[0]
    assert "unknown key 'speed'" in lines[1]
    assert f"{broken}: no config.json" in lines[2]


def test_tokenizer_of_another_model_is_refused(arguments, base, tmp_path, capsys):
    mixed = tmp_path / "mixed"
    shutil.copytree(base, mixed)
    tokenizer = json.loads((mixed / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"] |= {f"Z{n}": 32 + n for n in range(4)}
    (mixed / "tokenizer.json").write_text(json.dumps(tokenizer))
    command = arguments("out")
    command[command.index("--model") + 1] = json.dumps({"directory": str(mixed)})
    assert main(command) == 1
    assert errors(capsys.readouterr().err) == [f"error: {mixed}: its tokenizer has 36 tokens, the model only 32"]
