"""Disagreement of the strands: of planted predictions, and of a fitted model with itself."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import AutoConfig

from tests import tiny_models
from tests.studies.conftest import EXPECTED, ROWS
from workflow_scripts.common.errors import UserError
from workflow_scripts.inference.fit_record import FitRecord
from workflow_scripts.inference.outputs import Outputs, Predictions
from workflow_scripts.model import DnaBert2ForSequenceClassification
from workflow_scripts.studies import study_strands

PLAIN = {"better": 0.02, "worse": 0.3, "same": 0.1}
AUGMENTED = 0.1


class Turning:
    """A model that calls a share of the rows another class on the other strand, which begins with T."""

    record = SimpleNamespace(both_strands=False)

    def __init__(self, share: float, key: int):
        self.share, self.key = share, key

    def predict(self, texts: list[str]) -> Predictions:
        differs = np.random.default_rng(self.key).random(len(texts)) < self.share
        prediction = (differs & np.array([text.startswith("T") for text in texts])).astype(int)
        return Predictions(prediction, np.where(prediction[:, None] == [0, 1], 0.9, 0.1))


@pytest.mark.parametrize("planned", list(PLAIN))
def test_the_disagreement_without_augmentation_decides(planted, planned, monkeypatch):
    """Rows begin with A and so their reverse complements with T."""
    shares = {"plain": PLAIN[planned], "both": AUGMENTED}
    planted.fits("plain", 0.8, key=1)
    planted.fits("both", 0.8, key=2)
    for dataset in planted.datasets:
        folder = planted.root / "gue" / dataset
        folder.mkdir(parents=True)
        (folder / "test.csv").write_text("sequence,label\n" + "ACCA,0\nACCC,1\n" * (ROWS // 2))

    def load(folder):
        model, seed = folder.parts[-6], int(folder.parts[-2].removeprefix("seed"))
        return Turning(shares[model], key=seed + 10 * (model == "both"))

    monkeypatch.setattr(study_strands, "load", load)
    monkeypatch.setattr(study_strands, "other_strand", lambda text: "T" + text[1:])
    options = ["--plain", "plain", "--augmented", "both", "--data", str(planted.root / "gue")]
    result = planted.judge(study_strands.main, *planted.fit_options(), *options)
    assert [part["verdict"] for part in result["comparisons"]] == [EXPECTED[planned]] * 2 + ["not decided"]


def fitted(folder, **record):
    """A tiny model with a head of random weights, as a fit saves it."""
    tiny_models.write_dnabert2(folder)
    torch.manual_seed(3)
    config = AutoConfig.from_pretrained(folder)
    config.num_labels = 2
    config.initializer_range = 0.5
    DnaBert2ForSequenceClassification(config).save_pretrained(folder)
    FitRecord(Outputs("classification", 2), **record).write(folder)
    return folder


def test_a_model_disagrees_with_itself_on_a_sequence_but_not_on_its_own_reverse_complement(tmp_path):
    random = np.random.default_rng(0)
    texts = ["".join(random.choice(list("ACGT"), 60)) for _ in range(50)]
    palindromes = [text + study_strands.other_strand(text) for text in texts]
    folders = [fitted(tmp_path / "a")]
    found = study_strands.disagreement(folders, texts)
    assert found["class"].shape == found["probability"].shape == (1, 50)
    assert found["probability"].mean() > 0.001 and set(found["class"].ravel()) <= {0, 1}
    same = study_strands.disagreement(folders, palindromes)
    assert same["class"].sum() == 0 and same["probability"].max() < 1e-5


def test_a_fit_that_reads_both_strands_cannot_disagree(tmp_path):
    with pytest.raises(UserError, match="predicts with both_strands"):
        study_strands.disagreement([fitted(tmp_path / "a", both_strands=True)], ["ACGT"])
