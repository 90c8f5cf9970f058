"""Floors and models see the same letters: case does not matter, U is T, and unknown letters are counted alike."""

from pathlib import Path

import numpy as np
import pytest
import torch

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.letters import unknown_letters
from workflow_scripts.gue.kmer_baseline import features
from workflow_scripts.gue.labelled_examples import Example
from workflow_scripts.inference import baselines
from workflow_scripts.inference.encoding import other_strand
from workflow_scripts.inference.fit_record import FitRecord
from workflow_scripts.inference.models import read_pretrained
from workflow_scripts.inference.network import Network
from workflow_scripts.inference.outputs import Outputs
from workflow_scripts.inference.predictor import Predictor, load

LETTERS = np.random.default_rng(5)
TEXTS = ["".join(LETTERS.choice(list("ACGT"), 80)) for _ in range(6)]
SPELLINGS = {
    "lower": str.lower,
    "mixed": lambda text: text[:30].lower() + text[30:],
    "rna": lambda text: text.replace("T", "U"),
    "lower rna": lambda text: text.replace("T", "U").lower(),
}
KINDS = ("ours", "published", "esm", "bert", "kmer_regression", "cnn")


@pytest.fixture
def predictor(entries, tmp_path):
    """A model of a kind, ready to predict on both strands; its head is drawn at random."""

    def predictor(kind: str) -> Predictor:
        torch.manual_seed(0)
        device = torch.device("cpu")
        if kind in entries:
            pretrained = read_pretrained(Path(entries[kind]["directory"]), entries[kind].get("kmer", 0))
            model, encoder = pretrained.model, pretrained.encoder
        else:
            model, encoder = baselines.build(kind, 2)
            torch.nn.init.normal_(model.classifier.weight)
            model.eval()
        record = FitRecord(Outputs("classification", 2), both_strands=True)
        return Predictor(tmp_path, Network(model, encoder.pad_id, "fp32", device), encoder, record)

    return predictor


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_do_not_depend_on_case_or_u(predictor, kind):
    model = predictor(kind)
    expected = model.predict(TEXTS).probabilities
    assert len(np.unique(expected[:, 0])) > 1, "the model tells the texts apart"
    for name, spell in SPELLINGS.items():
        texts = list(map(spell, TEXTS))
        assert np.array_equal(model.predict(texts).probabilities, expected), name
        found, whole = model.encode(texts), model.encode(TEXTS)
        assert all(map(np.array_equal, found.ids, whole.ids)) and all(map(np.array_equal, found.spans, whole.spans))
        assert found.unknown == whole.unknown == 0


def test_saved_tokenizers_give_programs_of_others_the_same_tokens(entries, tmp_path):
    """What a fit of the published model leaves behind, loaded without this project's encoder."""
    from transformers import AutoTokenizer

    model = load(entries["published"]["directory"])
    model.encoder.save(tmp_path)
    saved, own = (
        AutoTokenizer.from_pretrained(tmp_path),
        AutoTokenizer.from_pretrained(entries["published"]["directory"]),
    )
    for text in TEXTS:
        assert saved(text)["input_ids"] == own(text)["input_ids"] == model.encode([text]).ids[0].tolist()
        assert all(saved(spell(text))["input_ids"] == own(text)["input_ids"] for spell in SPELLINGS.values())


@pytest.mark.parametrize("kind", ["ours", "nucleotide floor"])
def test_the_same_letters_are_unknown_to_floors_and_models(entries, kind):
    """One token or base is unknown for each unknown letter, of the same rows and at the same places."""
    encoder = load(entries["ours"]["directory"]).encoder if kind == "ours" else baselines.BaseEncoder()
    text = TEXTS[0][:20] + "NryK" + TEXTS[0][24:]
    encoded = encoder.encode([text.upper()], 0, spans=True)
    unknown = 0 if kind == "ours" else baselines.BaseEncoder.pad_id
    places = encoded.spans[0][encoded.ids[0] == unknown]
    assert [text[start:end] for _, start, end in places.tolist()] == list("NryK")
    assert unknown_letters(text) == 4 and encoded.unknown > 0
    assert encoder.encode([TEXTS[0]], 0).unknown == 0


def test_floors_of_fits_and_of_the_audit_read_the_same_letters_of_every_spelling():
    text = TEXTS[0][:20] + "NNRY" + TEXTS[0][24:]
    for spell in (str, *SPELLINGS.values()):
        assert np.array_equal(features([Example((spell(text),), 0)]), features([Example((text,), 0)]))
        for encoder in (baselines.KmerEncoder(), baselines.BaseEncoder()):
            found, expected = encoder.encode([spell(text)], 0), encoder.encode([text], 0)
            assert np.array_equal(found.ids[0], expected.ids[0]) and found.unknown == expected.unknown > 0
    known = len(baselines.KmerEncoder().encode([text], 0).ids[0])
    assert baselines.KmerEncoder().encode([text], 0).unknown == pytest.approx(1 - known / 75)
    assert 75 - known == 4 + baselines.K - 1


def test_the_other_strand_of_rna_is_that_of_dna():
    assert other_strand("AACGU") == "ACGTT" and other_strand(("aacgu", "GGU")) == ("acgtt", "ACC")


@pytest.mark.parametrize(("text", "told"), [("ACG-T", "'-' at letter 4 "), ("", "the sequence is empty")])
def test_other_characters_are_refused_with_the_place(predictor, text, told):
    model = predictor("ours")
    for use in (model.predict, model.encode, model.embed, model.embed_tokens):
        with pytest.raises(UserError, match=f"sequence 2 of 3: {told}"):
            use([TEXTS[0], text, TEXTS[1]])
    with pytest.raises(UserError, match=f"sequence 1 of 1: {told}"):
        model.encode([(TEXTS[0], text)])
