"""Embeddings are those of a plain loop over the library's model; bases and tokens line up with their letters."""

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoTokenizer

from tests.apply.tiny_fits import mixed_sequences, write_fasta
from workflow_scripts.apply import blocks, embed, write_embeddings
from workflow_scripts.apply.windows import owned, spans
from workflow_scripts.common.files import read_json
from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.model import DnaBert2Model


def run(tmp_path: Path, model: Path, source: Path, *options: str, formats: str = "npy", parts: int = 1) -> Path:
    """Embed in parts and join them; returns the folder of the results."""
    files = [tmp_path / f"{number}of{parts}.parquet" for number in range(1, parts + 1)]
    for number, file in enumerate(files, start=1):
        named = ["--model", str(model), "--part", f"{number}/{parts}", "--out", str(file), "--gpus", "0"]
        assert embed.main([*named, "--input", str(source), *options]) == 0
    out = tmp_path / f"results{parts}"
    joined = ["--parts", *map(str, files), "--input", str(source), "--formats", *formats.split(), "--out", str(out)]
    assert write_embeddings.main(joined) == 0
    return out


def index(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "index.tsv.gz", sep="\t", keep_default_na=False)


def canonical(text: str) -> str:
    return text.upper().replace("U", "T")


@torch.no_grad()
def plain(folder: Path, texts: list[str], layer: int) -> list[tuple[np.ndarray, list[tuple[int, int]]]]:
    """Hidden states [tokens, size] and offsets of each text by a loop with the library alone."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), DnaBert2Model.from_pretrained(folder).eval()
    found = []
    for text in texts:
        batch = tokenizer(text, return_tensors="pt", return_offsets_mapping=True)
        inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
        states = model(**inputs, output_hidden_states=True).hidden_states[layer][0].numpy()
        found.append((states, batch["offset_mapping"][0].tolist()))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("pooling", "layer", "count"), [("mean", -1, 500), ("first", -1, 40), ("mean", 1, 40)])
def test_whole_sequences_are_embedded_as_by_a_plain_loop(fits, tmp_path, pooling, layer, count):
    texts = mixed_sequences(count, 5000)
    source = write_fasta(tmp_path / "in.fa", texts)
    out = run(tmp_path, fits["base"], source, "--window", "0", "--pooling", pooling, "--layers", str(layer))
    states = [found for found, _ in plain(fits["base"], list(map(canonical, texts)), layer)]
    expected = [rows.mean(axis=0) if pooling == "mean" else rows[0] for rows in states]
    found = np.load(out / "embeddings.npy")
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert found.std(axis=0).min() > 1e-3, "a constant would pass as well"
    assert index(out)["name"].tolist() == [f"s{number}" for number in range(1, count + 1)]


def test_each_base_has_the_vector_of_the_token_that_covers_it(fits, tmp_path):
    texts = ["ACGTNNNACGTRYACGTTTGCA", "nnnn", "acgtuuacgt", "A", "ACGTACGTNACGTGGCATTA"]
    out = run(tmp_path, fits["base"], write_fasta(tmp_path / "in.fa", texts), "--pooling", "base")
    vectors, rows = np.load(out / "embeddings.npy"), index(out)
    assert len(rows) == sum(map(len, texts))
    for number, (text, (states, offsets)) in enumerate(
        zip(texts, plain(fits["base"], list(map(canonical, texts)), -1), strict=True), start=1
    ):
        mine = (rows["name"] == f"s{number}").to_numpy()
        assert rows["from"][mine].tolist() == list(range(len(text)))
        expected = np.concatenate(
            [np.tile(state, (end - start, 1)) for state, (start, end) in zip(states, offsets, strict=True)]
        )
        np.testing.assert_allclose(vectors[mine], expected, rtol=0, atol=1e-5)


def test_tokens_have_their_places_and_no_special_ones(fits, tmp_path):
    texts = ["ACGTNNNACGTRYACGTTTGCA", "acgtuuacgt"]
    out = run(tmp_path, fits["base"], write_fasta(tmp_path / "in.fa", texts), "--pooling", "token")
    states = plain(fits["base"], list(map(canonical, texts)), -1)
    expected = [
        (state, place) for rows, places in states for state, place in zip(rows, places, strict=True) if place[1]
    ]
    np.testing.assert_allclose(np.load(out / "embeddings.npy"), [state for state, _ in expected], rtol=0, atol=1e-5)
    assert list(zip(index(out)["from"], index(out)["to"], strict=True)) == [tuple(place) for _, place in expected]


def test_bases_of_windows_come_from_the_window_in_which_they_are_farthest_from_the_edges(fits, tmp_path):
    (text,) = [canonical(mixed_sequences(3, 150)[1])]
    found = np.load(
        run(tmp_path, fits["base"], write_fasta(tmp_path / "in.fa", [text]), "--pooling", "base", "--window", "40")
        / "embeddings.npy"
    )
    pieces = list(spans(len(text), 40, 20))
    states = plain(fits["base"], [text[start:end] for start, end in pieces], -1)
    for (start, _), (first, last), (rows, offsets) in zip(pieces, owned(pieces), states, strict=True):
        whole = np.concatenate([np.tile(state, (b - a, 1)) for state, (a, b) in zip(rows, offsets, strict=True)])
        np.testing.assert_allclose(found[first:last], whole[first - start : last - start], rtol=0, atol=1e-5)


def test_both_strands_are_averaged_base_by_base(fits, tmp_path):
    texts = [canonical(text) for text in mixed_sequences(12, 60)]
    ahead, back = (
        np.load(
            run(tmp_path, fits["base"], write_fasta(tmp_path / "in.fa", some), "--pooling", "base") / "embeddings.npy"
        )
        for some in (texts, list(map(reverse_complement, texts)))
    )
    both = run(tmp_path, fits["base"], write_fasta(tmp_path / "in.fa", texts), "--pooling", "base", "--both-strands")
    ends = np.cumsum([len(text) for text in texts])[:-1]
    expected = np.concatenate(
        [(a + b[::-1]) / 2 for a, b in zip(np.split(ahead, ends), np.split(back, ends), strict=True)]
    )
    np.testing.assert_allclose(np.load(both / "embeddings.npy"), expected, rtol=0, atol=1e-6)
    assert not np.allclose(ahead, expected, atol=1e-3)


def test_several_layers_are_averaged(fits, tmp_path):
    source = write_fasta(tmp_path / "in.fa", mixed_sequences(12, 60))
    one, two, both = (
        np.load(run(tmp_path, fits["base"], source, "--layers", *layers) / "embeddings.npy")
        for layers in (["1"], ["-1"], ["1", "-1"])
    )
    np.testing.assert_allclose(both, (one + two) / 2, rtol=0, atol=1e-6)
    assert not np.allclose(one, two, atol=1e-3)


def test_all_formats_hold_the_same_vectors_and_the_columns_of_the_input(fits, tmp_path):
    (tmp_path / "in.csv").write_text("id,sequence,cell\na,ACGTACGT,T cell\nb,GGGTTT,B cell\n")
    out = run(tmp_path, fits["base"], tmp_path / "in.csv", formats="parquet npy h5ad")
    vectors = np.load(out / "embeddings.npy")
    table, opened = pq.read_table(out / "embeddings.parquet").to_pandas(), anndata.read_h5ad(out / "embeddings.h5ad")
    np.testing.assert_array_equal(np.stack(table["vector"]), vectors)
    np.testing.assert_array_equal(opened.X, vectors)
    for names, cells in ((table["name"], table["cell"]), (opened.obs["name"], opened.obs["cell"])):
        assert list(names) == ["a", "b"] and list(cells) == ["T cell", "B cell"]
    record = read_json(out / "record.json")
    assert (record["records"], record["rows"], record["size"]) == (2, 2, vectors.shape[1])


def test_only_the_formats_that_are_asked_for_are_written(fits, tmp_path):
    source = write_fasta(tmp_path / "in.fa", ["ACGTACGT"])
    assert {path.name for path in run(tmp_path, fits["base"], source, formats="h5ad").iterdir()} == {
        "embeddings.h5ad",
        "record.json",
    }


@pytest.mark.parametrize("pooling", ["mean", "token"])
def test_any_number_of_parts_gives_the_same_bytes(fits, tmp_path, monkeypatch, pooling):
    monkeypatch.setattr(blocks, "BLOCK", 5)
    source = write_fasta(tmp_path / "in.fa", mixed_sequences(40, 200))
    options = ["--window", "50", "--pooling", pooling]
    outs = [run(tmp_path, fits["base"], source, *options, formats="npy parquet", parts=parts) for parts in (1, 2, 5)]
    names = ["embeddings.npy", "index.tsv.gz", "embeddings.parquet", "record.json"]
    assert len({tuple((out / name).read_bytes() for name in names) for out in outs}) == 1


@pytest.mark.parametrize(
    ("models", "options", "expected"),
    [
        (["base"], ["--layers", "3"], "layer 3: the model has no such layer"),
        (["base"], ["--pooling", "token", "--both-strands"], "have no counterpart on the other"),
        (["base", "full"], [], "give one model"),
        (["cnn"], [], "a baseline has no hidden states"),
    ],
)
def test_a_mistake_is_one_line(fits, tmp_path, capsys, models, options, expected):
    source = write_fasta(tmp_path / "in.fa", ["ACGTACGT"])
    command = ["--model", *(str(fits[name]) for name in models), "--input", str(source), "--gpus", "0", *options]
    assert embed.main([*command, "--out", str(tmp_path / "out.parquet")]) == 1
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(told) == 1 and expected in told[0]


def test_a_pair_has_one_vector_and_none_by_base(fits, tmp_path, capsys):
    (tmp_path / "in.csv").write_text("sequence1,sequence2\nACGTACGT,GGGTTT\n")
    assert np.load(run(tmp_path, fits["pairs"], tmp_path / "in.csv") / "embeddings.npy").shape[0] == 1
    command = ["--model", str(fits["pairs"]), "--input", str(tmp_path / "in.csv"), "--gpus", "0", "--pooling", "base"]
    assert embed.main([*command, "--out", str(tmp_path / "out.parquet")]) == 1
    assert "a pair has no places" in capsys.readouterr().err
