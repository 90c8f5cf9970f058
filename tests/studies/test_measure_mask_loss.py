"""The loss on [MASK] places: the same places whatever the window, and the bits of predictors that are known."""

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from workflow_scripts.common import kmer_tokenizers
from workflow_scripts.common.files import write_json
from workflow_scripts.model import DnaBert2Config, DnaBert2ForMaskedLM
from workflow_scripts.studies import measure_mask_loss
from workflow_scripts.tokenizer import encode_genome

SIZES = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}


@pytest.fixture
def corpus(write_chunks, random_sequences, tmp_path):
    """``corpus(kind, k)``: a tokenizer directory, and the shards of two genomes, with every second block held out."""

    def corpus(kind: str, k: int):
        folder = tmp_path / f"{kind}{k}"
        (folder / "tokens").mkdir(parents=True)
        kmer_tokenizers.build(kind, k).save(str(folder / "tokenizer.json"))
        write_json(folder / "stats.json", {"kind": kind})
        shards = []
        for key, name in enumerate(("A", "B")):
            splits = (["train"] * 3 + ["validation"] * 3) * 4
            chunks = write_chunks(name, random_sequences(24, 200, key), splits)
            shard = folder / "tokens" / f"{name}.npy"
            options = ["--chunks", chunks, "--tokenizer", folder / "tokenizer.json", "--kind", kind, "--k", k]
            options += ["--tokens", shard, "--index", shard.with_suffix(".index.npy")]
            assert encode_genome.main([str(word) for word in [*options, "--counts", shard.with_suffix(".json")]]) == 0
            shards.append(shard)
        return folder, shards

    return corpus


def uniform_model(folder, vocabulary: int, bias: torch.Tensor | None = None):
    """A model whose logits are a bias: without one, all tokens are equally likely in any context."""
    torch.manual_seed(0)
    model = DnaBert2ForMaskedLM(DnaBert2Config(vocab_size=vocabulary, **SIZES))
    with torch.no_grad():
        model.get_input_embeddings().weight.zero_()
        model.cls.predictions.decoder.bias.copy_(torch.zeros(vocabulary) if bias is None else bias)
    model.save_pretrained(folder)
    return folder


def measured(tmp_path, model, folder, shards, *options: object) -> list[dict]:
    out = tmp_path / "losses.parquet"
    command = ["--model", model, "--tokenizer", folder, "--tokens", *shards, "--out", out, *options]
    assert measure_mask_loss.main([str(word) for word in command]) == 0
    return pq.read_table(out).to_pylist()


@pytest.mark.parametrize("positions", ["alibi", "learned", "rotary"])
def test_the_same_places_are_masked_in_windows_of_any_length(corpus, tmp_path, positions):
    folder, shards = corpus("nucleotide", 1)
    torch.manual_seed(1)
    kind = {"positions": positions, "max_positions": 102, "initializer_range": 0.5}
    DnaBert2ForMaskedLM(DnaBert2Config(vocab_size=9, **kind, **SIZES)).save_pretrained(tmp_path / "m")
    rows = measured(tmp_path, tmp_path / "m", folder, shards, "--windows", 20, 50, 100, "--chunks", 5)
    by_window = {window: [row for row in rows if row["window"] == window] for window in (20, 50, 100)}
    assert all(len(found) == 10 for found in by_window.values())
    for key in ("accession", "chunk", "block", "masked", "unigram_nats", "hidden_bases"):
        assert len({tuple(row[key] for row in found) for found in by_window.values()}) == 1, key
    assert len({tuple(row["nats"] for row in found) for found in by_window.values()}) == 3, "other context"
    assert all(0 < row["masked"] == row["hidden_bases"] < 40 for row in rows), "15% of the first 100 bases"


def test_a_model_that_knows_nothing_has_the_bits_of_chance(corpus, tmp_path):
    folder, shards = corpus("nucleotide", 1)
    only_bases = torch.tensor([-30.0] * 5 + [0.0] * 4)
    model = uniform_model(tmp_path / "m", 9, only_bases)
    rows = measured(tmp_path, model, folder, shards, "--windows", 30)
    nats, bases = (sum(row[key] for row in rows) for key in ("nats", "hidden_bases"))
    assert nats / bases == pytest.approx(np.log(4), abs=1e-4)
    assert sum(row["unigram_nats"] for row in rows) / bases == pytest.approx(np.log(4), abs=0.01)
    assert {row["accession"] for row in rows} == {"A", "B"}
    assert [row["chunk"] for row in rows if row["accession"] == "A"] == [3, 4, 5, 9, 10, 11, 15, 16, 17, 21, 22, 23]
    assert len({row["block"] for row in rows}) == 4


def test_a_model_that_copies_its_input_gains_nothing(corpus, tmp_path):
    """No chosen token stays: a model that predicts what stands at the place predicts [MASK]."""
    folder, shards = corpus("nucleotide", 1)
    model = DnaBert2ForMaskedLM.from_pretrained(uniform_model(tmp_path / "m", 9))
    seen = []
    model.masked_logits = lambda ids, mask, places: seen.append(ids[places]) or torch.zeros(int(places.sum()), 9)
    chunks = [
        chunk
        for shard in shards
        for chunk in measure_mask_loss.held_out(
            shard, measure_mask_loss.vocabularies.load(folder), measure_mask_loss.Sampling(4, 1, 0)
        )
    ]
    measure_mask_loss.nats(model, chunks, 30)
    assert set(torch.cat(seen).tolist()) == {measure_mask_loss.MASK}


@pytest.mark.parametrize(
    ("kind", "run", "least", "most"),
    [("kmer", 1, 0.9, 1.0), ("kmer_overlapping", 1, 0.0, 0.01), ("kmer_overlapping", 6, 0.16, 0.25)],
)
def test_bases_count_if_no_visible_token_covers_them(corpus, tmp_path, kind, run, least, most):
    """Side by side all bases of a 6-mer; of overlapping ones only those at the ends of a chunk, or one in six in runs.

    The last two bases of a chunk are tokens of their own, and runs may touch.
    """
    folder, shards = corpus(kind, 6)
    model = uniform_model(tmp_path / "m", len(measure_mask_loss.vocabularies.load(folder).words))
    rows = measured(tmp_path, model, folder, shards, "--windows", 60, "--run", run)
    masked, hidden = (sum(row[key] for row in rows) for key in ("masked", "hidden_bases"))
    assert least <= hidden / (6 * masked) <= most


def test_chunks_too_short_for_the_longest_window_are_an_error(corpus, tmp_path, capsys):
    folder, shards = corpus("nucleotide", 1)
    model = uniform_model(tmp_path / "m", 9)
    command = ["--model", model, "--tokenizer", folder, "--tokens", *shards, "--out", tmp_path / "x.parquet"]
    assert measure_mask_loss.main([str(word) for word in [*command, "--windows", 30, 300]]) == 1
    assert "no held-out chunk of 300 tokens; raise genomes.chunk.length" in capsys.readouterr().err
