"""The vocabulary: ids and merges, training data, and reproducible bytes."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from workflow_scripts.common import bpe_memory, progress
from workflow_scripts.common.files import read_json
from workflow_scripts.common.special_tokens import SPECIAL_TOKENS
from workflow_scripts.tokenizer.bpe import to_cells
from workflow_scripts.tokenizer.train_tokenizer import main, token_count, train_bpe

REPOSITORY = Path(__file__).resolve().parents[2]


def arguments(paths: list[Path], out: Path, vocab_size: int = 60, **options) -> list[str]:
    options = {"kind": "bpe", "vocab-size": vocab_size, "min-frequency": 2, "seed": 42} | options
    return ["--chunks", *map(str, paths), "--out", str(out), *(f"--{key}={value}" for key, value in options.items())]


@pytest.fixture
def corpus(write_chunks, random_sequences):
    """Three chunk files; every third chunk is for validation."""
    splits = (["train", "train", "validation"] * 20)[:40]
    return [write_chunks(f"GCA_{key}.1", random_sequences(40, 200, key), splits) for key in range(3)]


def test_special_tokens_and_bases_have_the_published_ids(random_sequences):
    vocabulary = train_bpe(to_cells(random_sequences(50, 300)), 40, 2).get_vocab()
    words = sorted(vocabulary, key=vocabulary.get)
    assert words[:9] == ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "A", "C", "G", "T"]
    assert len(words) == 40 and sorted(vocabulary.values()) == list(range(40))


def test_merges_follow_the_counts_of_pairs():
    """TG is the most frequent pair, then TG-TG and TGTG-TGTG; AC occurs in fewer words."""
    tokenizer = train_bpe(to_cells(["TGTGTGTG"] * 10 + ["CACC"] * 3), 13, 2)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    assert merges == [["T", "G"], ["TG", "TG"], ["TGTG", "TGTG"], ["A", "C"]]
    assert tokenizer.encode("TGTGTGCACC").tokens == ["[CLS]", "TGTG", "TG", "C", "AC", "C", "[SEP]"]


def test_a_pair_below_the_minimum_frequency_is_not_merged():
    words = ["TGTG"] * 3 + ["CCAA"]
    assert set(train_bpe(to_cells(words), 60, 2).get_vocab()) == {*SPECIAL_TOKENS, *"ACGT", "TG", "TGTG"}
    assert "CCAA" in train_bpe(to_cells(words), 60, 1).get_vocab()


def test_the_template_of_a_pair_has_two_token_types(random_sequences):
    tokenizer = train_bpe(to_cells(random_sequences(20, 200)), 20, 2)
    pair = tokenizer.encode("ACGT", "GGTTA")
    first = pair.tokens.index("[SEP]") + 1
    assert pair.tokens[0] == "[CLS]" and pair.tokens[-1] == "[SEP]"
    assert pair.type_ids == [0] * first + [1] * (len(pair.ids) - first)
    assert "".join(pair.tokens[1 : first - 1]) == "ACGT" and "".join(pair.tokens[first:-1]) == "GGTTA"


@pytest.mark.slow
def test_bytes_do_not_depend_on_file_order_and_number_of_threads(corpus, tmp_path):
    orders = [corpus, corpus[::-1], [corpus[1], corpus[0], corpus[2]]]
    written = []
    for number, order in enumerate(orders):
        assert main(arguments(order, tmp_path / str(number), **{"sample-bases": 9000})) == 0
        written.append(tmp_path / str(number))
    for threads in (1, 2):
        out = tmp_path / f"threads{threads}"
        command = [sys.executable, "-m", "workflow_scripts.tokenizer.train_tokenizer"]
        environment = os.environ | {"PYTHONHASHSEED": str(threads), "LC_ALL": "C" if threads == 1 else "C.UTF-8"}
        options = arguments(corpus, out, **{"sample-bases": 9000, "threads": threads})
        subprocess.run([*command, *options], cwd=REPOSITORY, env=environment, check=True)
        written.append(out)
    for name in ("tokenizer.json", "tokenizer_config.json", "stats.json"):
        assert len({(folder / name).read_bytes() for folder in written}) == 1, name


def test_validation_chunks_are_never_read(write_chunks, tmp_path):
    """The word of the validation chunks would be the most frequent one, but gets no token."""
    path = write_chunks("GCA_1.1", ["ACACACAC"] * 5 + ["GTGTGTGT"] * 500, ["train"] * 5 + ["validation"] * 500)
    assert main(arguments([path], tmp_path / "out", vocab_size=12)) == 0
    vocabulary = Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json")).get_vocab()
    assert set(vocabulary) - set(SPECIAL_TOKENS) == {*"ACGT", "AC", "ACAC", "ACACACAC"}


def test_the_directory_loads_as_a_fast_tokenizer(corpus, tmp_path):
    assert main(arguments(corpus, tmp_path / "out")) == 0
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tmp_path / "out")
    special = [tokenizer.unk_token_id, tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id]
    assert [*special, tokenizer.mask_token_id] == [0, 1, 2, 3, 4]
    assert len(tokenizer) == 60
    encoded = tokenizer("ACGTACGTN", "GGT", return_token_type_ids=True)
    assert encoded["input_ids"][0] == 1 and encoded["input_ids"][-1] == 2 and 0 in encoded["input_ids"]
    assert set(encoded["token_type_ids"]) == {0, 1}


def test_statistics_add_up(write_chunks, random_sequences, tmp_path):
    sequences = random_sequences(40, 200)
    corpus = [write_chunks("GCA_1.1", sequences[:25]), write_chunks("GCA_2.1", sequences[25:])]
    table = tmp_path / "corpus.tsv"
    table.write_text("accession\tgroup\nGCA_1.1\tviral\nGCA_2.1\tfungi\n")
    assert main(arguments(corpus, tmp_path / "out", corpus=table)) == 0
    stats = read_json(tmp_path / "out" / "stats.json")
    tokenizer = Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json"))
    words = set(tokenizer.get_vocab()) - set(SPECIAL_TOKENS)
    assert stats["kind"] == "bpe" and stats["vocab_size"] == 60
    assert stats["merges"] == 60 - 9 == len(json.loads(tokenizer.to_str())["model"]["merges"])
    histogram = {int(length): count for length, count in stats["token_length_histogram"].items()}
    assert histogram == {length: sum(len(word) == length for word in words) for length in set(map(len, words))}
    assert stats["sample_chunks"] == 40 and stats["sample_bases"] == 8000 and stats["unknown_letters"] == 0
    assert stats["sample_bases_by_group"] == {"viral": 5000, "fungi": 3000}
    tokens = sum(len(tokenizer.encode(sequence, add_special_tokens=False).ids) for sequence in sequences)
    assert stats["bases_per_token"] == pytest.approx(8000 / tokens)
    assert len(stats["longest_tokens"][0]) == max(histogram)


def test_tokens_that_do_not_spell_the_sequence_are_an_error(random_sequences):
    tokenizer = train_bpe(to_cells(random_sequences(20, 100)), 20, 2)
    both = len(tokenizer.encode("ACGT").ids + tokenizer.encode("GG").ids) - 4
    assert token_count(tokenizer, "bpe", ["ACGT", "GG"]) == both
    with pytest.raises(AssertionError, match="do not spell"):
        token_count(tokenizer, "bpe", ["ACGNACGT"])


def test_training_stops_early_with_a_message_if_no_pair_is_left(write_chunks, tmp_path, capsys):
    path = write_chunks("GCA_1.1", ["ACGT"] * 4)
    assert main(arguments([path], tmp_path / "out", vocab_size=500)) == 0
    assert "tokenizer: 12 of 500 entries; no further pair occurs 2 times in 16 bases" in capsys.readouterr().err
    assert read_json(tmp_path / "out" / "stats.json")["vocab_size"] == 12
    vocabulary = Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json")).get_vocab()
    assert set(vocabulary) == {*SPECIAL_TOKENS, *"ACGT", "AC", "GT", "ACGT"}


def test_unknown_letters_are_counted_and_never_in_a_token(write_chunks, tmp_path):
    path = write_chunks("GCA_1.1", ["ACNNNAC", "ACrrrrAC"] * 4)
    assert main(arguments([path], tmp_path / "out")) == 0
    assert read_json(tmp_path / "out" / "stats.json")["unknown_letters"] == 4 * (3 + 4)
    tokenizer = Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json"))
    assert set(tokenizer.get_vocab()) == {*SPECIAL_TOKENS, *"ACGT", "AC"}
    assert tokenizer.encode("ACNAC", add_special_tokens=False).tokens == ["AC", "[UNK]", "AC"]


def test_progress_shows_rate_and_time_left(write_chunks, random_sequences, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    assert main(arguments([write_chunks("GCA_1.1", random_sequences(40, 200))], tmp_path / "out")) == 0
    stderr = capsys.readouterr().err
    assert re.search(r"training on 8,000 bases: about \S+ GB of memory and \d+ s on 1 cores", stderr)
    line = r"training BPE: 25 of 51 \(49%\) merges, \S+/s, \d+ s left; the last pair occurred \d+ times"
    assert re.search(line, stderr)


def test_a_sample_that_does_not_fit_the_memory_is_refused_and_a_size_suggested(corpus, tmp_path, capsys, monkeypatch):
    free = bpe_memory.needed_bytes(10_990, 60)
    monkeypatch.setattr(bpe_memory, "available_bytes", lambda: free)
    assert main(arguments(corpus, tmp_path / "out")) == 1
    stderr = capsys.readouterr().err
    (fits,) = re.findall(r"sample_bases: (\d+) fits", stderr)
    assert stderr.startswith("error: tokenizer: 16,200 bases and 60 entries need") and not (tmp_path / "out").exists()
    assert main(arguments(corpus, tmp_path / "out", **{"sample-bases": fits})) == 0


def test_a_corpus_without_training_chunks_is_refused(write_chunks, tmp_path, capsys):
    path = write_chunks("GCA_1.1", ["ACGT"] * 4, ["validation"] * 4)
    for paths in ([path], [write_chunks("GCA_2.1", [])]):
        assert main(arguments(paths, tmp_path / "out")) == 1
        assert f"error: {paths[0]}: no training chunks" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("damage", ["cut", "emptied", "foreign", "other lengths"])
def test_a_damaged_chunk_file_is_refused_and_nothing_is_written(corpus, tmp_path, capsys, damage):
    path = corpus[1]
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "emptied":
        path.write_bytes(b"")
    elif damage == "foreign":
        pq.write_table(pa.table({"sequence": ["ACGT"]}), path)
    else:
        table = pq.read_table(path)
        pq.write_table(table.set_column(2, "end", pa.array(np.array(table["end"]) + 1)), path)
    assert main(arguments(corpus, tmp_path / "out")) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(f"error: {path}: ") and line.endswith("; remove it and run the workflow again")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("kind", "k", "size"), [("kmer", 3, 73), ("kmer_overlapping", 3, 69), ("nucleotide", 1, 9)])
def test_a_fixed_tokenizer_is_made_by_the_same_program(corpus, write_chunks, tmp_path, kind, k, size):
    short = write_chunks("GCA_9.1", ["AC", "ACGNAC"])
    assert main(arguments([*corpus, short], tmp_path / "out", kind=kind, k=k)) == 0
    stats = read_json(tmp_path / "out" / "stats.json")
    assert stats["kind"] == kind and stats["vocab_size"] == size and stats["merges"] == 0
    assert len(PreTrainedTokenizerFast.from_pretrained(tmp_path / "out")) == size


def test_an_invalid_k_is_refused_in_one_line(corpus, tmp_path, capsys):
    assert main(arguments(corpus, tmp_path / "out", kind="kmer", k=9)) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("error: tokenizer.k: k 9 of kmer is not in 2 to 7")


def test_a_limit_per_group_needs_the_corpus_table(corpus, tmp_path, capsys):
    assert main(arguments(corpus, tmp_path / "out", **{"sample-group-bases": 500})) == 1
    assert capsys.readouterr().err.startswith("error: --sample-group-bases: needs --corpus")
