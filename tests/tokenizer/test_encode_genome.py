"""Token shards spell their chunks, and their counts add up."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer, models

from workflow_scripts.common import kmer_tokenizers
from workflow_scripts.common.chunk_reader import accession_of, read_batches
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import digest, read_json
from workflow_scripts.tokenizer.bpe import to_cells
from workflow_scripts.tokenizer.encode_genome import INDEX, main, reverse_complement
from workflow_scripts.tokenizer.train_tokenizer import train_bpe


@pytest.fixture
def tokenizer_file(random_sequences, tmp_path):
    path = tmp_path / "tokenizer.json"
    train_bpe(to_cells(random_sequences(50, 300)), 64, 2).save(str(path))
    return path


@pytest.fixture
def encode(tokenizer_file, tmp_path):
    """Encodes a chunk file; returns the exit status, and the paths of tokens, index and counts."""

    def encode(path: Path, tokenizer: Path = tokenizer_file, **chosen) -> tuple[int, list[Path]]:
        files = [tmp_path / "tokens" / f"{path.stem}{suffix}" for suffix in (".npy", ".index.npy", ".json")]
        names = ("--tokens", "--index", "--counts")
        options = [text for name, file in zip(names, files, strict=True) for text in (name, str(file))]
        chosen = {"kind": "bpe"} | chosen
        options += [text for key, value in chosen.items() for text in (f"--{key.replace('_', '-')}", str(value))]
        return main(["--chunks", str(path), "--tokenizer", str(tokenizer), *options]), files

    return encode


def test_tokens_and_index_reproduce_each_chunk(write_chunks, random_sequences, encode, tokenizer_file):
    sequences = [sequence[: 1 + 7 * n] for n, sequence in enumerate(random_sequences(40, 300, key=1))]
    splits = [("train", "validation")[n % 3 == 0] for n in range(40)]
    status, (tokens_file, index_file, counts_file) = encode(write_chunks("GCA_1.1", sequences, splits))
    tokens, index, counts = np.load(tokens_file), np.load(index_file), read_json(counts_file)
    assert status == 0 and tokens.dtype == np.uint16 and index.dtype == INDEX
    words = {number: word for word, number in Tokenizer.from_file(str(tokenizer_file)).get_vocab().items()}
    spelled = ["".join(words[token] for token in tokens[row["start"] :][: row["length"]]) for row in index]
    assert spelled == sequences
    assert index["validation"].tolist() == [split == "validation" for split in splits]
    # without gaps
    assert index["start"].tolist() == [0, *np.cumsum(index["length"])[:-1].tolist()]
    assert counts == {
        "accession": "GCA_1.1",
        "chunks": 40,
        "bases": sum(map(len, sequences)),
        "tokens": len(tokens),
        "validation_tokens": int(index["length"][index["validation"]].sum()),
        "reverse_complemented": 0,
        "sha256": [digest(tokens_file), digest(index_file)],
        "unknown": 0,
    }
    assert len(tokens) == index["length"].sum()


def test_unknown_letters_are_counted(write_chunks, encode):
    _, (_, _, counts) = encode(write_chunks("GCA_1.1", ["ACGNNACG", "ACGr"]))
    assert read_json(counts)["unknown"] == 3


def test_chunks_of_more_than_one_batch(write_chunks, random_sequences, encode):
    sequences = random_sequences(8192 + 5, 4)
    path = write_chunks("GCA_1.1", sequences)
    assert [len(batch) for batch, _ in read_batches(path)] == [8192, 5]
    _, (tokens, index, counts) = encode(path)
    assert read_json(counts)["chunks"] == len(np.load(index)) == 8197
    assert read_json(counts)["tokens"] == len(np.load(tokens))


def test_a_genome_without_chunks_gives_empty_shards(write_chunks, encode):
    status, (tokens, index, counts) = encode(write_chunks("GCA_1.1", []))
    assert status == 0
    assert np.load(tokens, mmap_mode="r").shape == (0,) and np.load(index).shape == (0,)
    counted = read_json(counts)
    assert counted.pop("sha256") == [digest(tokens), digest(index)]
    assert counted.pop("accession") == "GCA_1.1" and set(counted.values()) == {0}


def test_tokens_can_be_memory_mapped(write_chunks, random_sequences, encode):
    _, (tokens, _, _) = encode(write_chunks("GCA_1.1", random_sequences(10, 100)))
    mapped = np.load(tokens, mmap_mode="r")
    assert isinstance(mapped, np.memmap) and np.array_equal(mapped, np.load(tokens))
    assert tokens.stat().st_size == 128 + 2 * len(mapped)


def test_bytes_do_not_depend_on_the_number_of_threads(write_chunks, random_sequences, encode):
    path = write_chunks("GCA_1.1", random_sequences(30, 100))
    once = [file.read_bytes() for file in encode(path, reverse_complement=0.5)[1]]
    for threads in (1, 2, 7):
        again = encode(path, reverse_complement=0.5, threads=threads)[1]
        assert [file.read_bytes() for file in again] == once


def test_a_share_of_the_chunks_is_reverse_complemented_and_recorded(
    write_chunks, random_sequences, encode, tokenizer_file
):
    sequences = random_sequences(400, 50, key=3)
    _, (tokens, index, counts) = encode(write_chunks("GCA_1.1", sequences), reverse_complement=0.3)
    tokens, index, reversed_ = np.load(tokens), np.load(index), read_json(counts)["reverse_complemented"]
    assert reversed_ == index["reverse"].sum() and 70 < reversed_ < 170
    words = {number: word for word, number in Tokenizer.from_file(str(tokenizer_file)).get_vocab().items()}
    for sequence, row in zip(sequences, index, strict=True):
        spelled = "".join(words[token] for token in tokens[row["start"] :][: row["length"]])
        assert spelled == (reverse_complement(sequence) if row["reverse"] else sequence)
    # the choice depends on seed and accession
    _, (_, other, _) = encode(write_chunks("GCA_2.1", sequences), reverse_complement=0.3)
    assert np.any(np.load(other)["reverse"] != index["reverse"])
    _, (_, other, _) = encode(write_chunks("GCA_1.1", sequences), reverse_complement=0.3, seed=7)
    assert np.any(np.load(other)["reverse"] != index["reverse"])


def test_reverse_complement():
    assert reverse_complement("AACGTN") == "NACGTT"
    assert reverse_complement(reverse_complement("GATTACA")) == "GATTACA"


@pytest.mark.parametrize(("kind", "k"), [("kmer_overlapping", 3), ("kmer", 4), ("nucleotide", 1)])
def test_fixed_tokenizers_give_their_own_ids(write_chunks, random_sequences, encode, tmp_path, kind, k):
    sequences = random_sequences(20, 61)
    tokenizer = kmer_tokenizers.build(kind, k)
    tokenizer.save(str(tmp_path / "fixed.json"))
    path = write_chunks("GCA_1.1", sequences)
    status, (tokens, index, _) = encode(path, tmp_path / "fixed.json", kind=kind, k=k)
    expected = [encoding.ids for encoding in tokenizer.encode_batch(sequences, add_special_tokens=False)]
    assert status == 0 and np.load(tokens).tolist() == [number for ids in expected for number in ids]
    assert np.load(index)["length"].tolist() == [len(ids) for ids in expected]


@pytest.mark.parametrize(("kind", "k"), [("bpe", 1), ("kmer", 3)])
def test_a_tokenizer_of_another_kind_is_refused(write_chunks, encode, tmp_path, capsys, kind, k):
    kmer_tokenizers.build("kmer", 4).save(str(tmp_path / "fixed.json"))
    status, files = encode(write_chunks("GCA_1.1", ["ACGT"]), tmp_path / "fixed.json", kind=kind, k=k)
    assert status == 1 and not any(file.exists() for file in files)
    assert capsys.readouterr().err.startswith(f"error: {tmp_path / 'fixed.json'}: not a ")


def test_a_vocabulary_beyond_16_bits_is_refused_and_nothing_is_written(write_chunks, encode, tmp_path, capsys):
    vocabulary = {f"w{number}": number for number in range(2**16 + 1)}
    large = tmp_path / "large.json"
    Tokenizer(models.WordLevel(vocabulary, unk_token="w0")).save(str(large))
    status, files = encode(write_chunks("GCA_1.1", ["ACGT"]), large)
    assert status == 1 and not any(file.exists() for file in files)
    assert capsys.readouterr().err == f"error: {large}: 65537 tokens do not fit 16 bits; use at most 65536\n"


def test_a_damaged_chunk_file_is_refused_and_nothing_is_written(encode, tmp_path, capsys):
    broken = tmp_path / "GCA_1.1.parquet"
    pq.write_table(pa.table({"sequence": ["ACGT"]}), broken)  # without the column split
    status, _ = encode(broken)
    assert status == 1 and capsys.readouterr().err.startswith(f"error: {broken}: not a chunk file")
    assert not list((tmp_path / "tokens").iterdir())


def test_the_accession_is_the_name_of_the_chunk_file():
    assert accession_of("results/GCA_000001405.15.parquet") == "GCA_000001405.15"
    with pytest.raises(UserError, match=r"ACCESSION\.parquet"):
        accession_of("results/GCA_000001405.15.fna.gz")
