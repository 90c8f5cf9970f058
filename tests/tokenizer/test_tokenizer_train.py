"""The vocabulary: its ids and merges, what it is trained on, and that it is the same on every run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from workflow_scripts.common.files import read_json
from workflow_scripts.tokenizer import chunks
from workflow_scripts.tokenizer.train import SPECIAL_TOKENS, check_round_trip, main, sample, train_bpe

REPOSITORY = Path(__file__).resolve().parents[2]


def arguments(paths: list[Path], out: Path, vocab_size: int = 60, **options) -> list[str]:
    options = {"vocab-size": vocab_size, "min-frequency": 2, "seed": 42} | options
    return ["--chunks", *map(str, paths), "--out", str(out), *(f"--{key}={value}" for key, value in options.items())]


@pytest.fixture
def corpus(write_chunks, random_sequences):
    """Three chunk files; every third chunk is for validation."""
    splits = (["train", "train", "validation"] * 20)[:40]
    return [write_chunks(f"GCA_{key}.1", random_sequences(40, 200, key), splits) for key in range(3)]


def test_ids_are_those_of_the_published_vocabulary(random_sequences):
    vocabulary = train_bpe(iter(random_sequences(50, 300)), 40, 2).get_vocab()
    words = sorted(vocabulary, key=vocabulary.get)
    assert words[:9] == ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "A", "C", "G", "T"]
    assert len(words) == 40 and sorted(vocabulary.values()) == list(range(40))


def test_merges_follow_the_counts_of_pairs():
    """TG stands six times in each word, then TG-TG and so on; AC twice in each of fewer words."""
    tokenizer = train_bpe(iter(["TGTGTGTG"] * 10 + ["CACC"] * 3), 13, 2)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    assert merges == [["T", "G"], ["TG", "TG"], ["TGTG", "TGTG"], ["A", "C"]]
    assert tokenizer.encode("TGTGTGCACC").tokens == ["[CLS]", "TGTG", "TG", "C", "AC", "C", "[SEP]"]


def test_a_pair_below_the_smallest_frequency_is_not_merged():
    words = ["TGTG"] * 3 + ["CCAA"]
    assert set(train_bpe(iter(words), 60, 2).get_vocab()) == {*SPECIAL_TOKENS, *"ACGT", "TG", "TGTG"}
    assert "CCAA" in train_bpe(iter(words), 60, 1).get_vocab()


def test_templates_of_one_sequence_and_of_a_pair(random_sequences):
    tokenizer = train_bpe(iter(random_sequences(20, 200)), 20, 2)
    pair = tokenizer.encode("ACGT", "GGTTA")
    first = pair.tokens.index("[SEP]") + 1
    assert pair.tokens[0] == "[CLS]" and pair.tokens[-1] == "[SEP]"
    assert pair.type_ids == [0] * first + [1] * (len(pair.ids) - first)
    assert "".join(pair.tokens[1 : first - 1]) == "ACGT" and "".join(pair.tokens[first:-1]) == "GGTTA"


def test_same_bytes_for_any_order_of_files_and_number_of_threads(corpus, tmp_path):
    orders = [corpus, corpus[::-1], [corpus[1], corpus[0], corpus[2]]]
    written = []
    for number, order in enumerate(orders):
        assert main(arguments(order, tmp_path / str(number), **{"sample-bases": 9000})) == 0
        written.append(tmp_path / str(number))
    for threads in (1, 2):
        out = tmp_path / f"threads{threads}"
        command = [sys.executable, "-m", "workflow_scripts.tokenizer.train"]
        environment = os.environ | {"RAYON_NUM_THREADS": str(threads), "PYTHONHASHSEED": str(threads)}
        options = arguments(corpus, out, **{"sample-bases": 9000})
        subprocess.run([*command, *options], cwd=REPOSITORY, env=environment, check=True)
        written.append(out)
    for name in ("tokenizer.json", "tokenizer_config.json", "stats.json"):
        assert len({(folder / name).read_bytes() for folder in written}) == 1, name


def test_validation_chunks_are_never_read(write_chunks, tmp_path):
    """The word of the validation chunks is by far the most frequent pair, and gets no token."""
    path = write_chunks("GCA_1.1", ["ACACACAC"] * 5 + ["GTGTGTGT"] * 500, ["train"] * 5 + ["validation"] * 500)
    assert set(sample([path], 10**9, 42)) == {"ACACACAC"}
    assert main(arguments([path], tmp_path / "out", vocab_size=10)) == 0
    vocabulary = Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json")).get_vocab()
    assert set(vocabulary) - set(SPECIAL_TOKENS) == {"A", "C", "AC", "ACAC", "ACACACAC"}


def test_sample_has_the_size_asked_for_and_all_chunks_where_there_are_fewer(write_chunks, random_sequences):
    paths = [write_chunks(f"GCA_{key}.1", random_sequences(3000, 20, key)) for key in range(2)]
    bases = sum(map(len, sample(paths, 40_000, 42)))
    assert abs(bases - 40_000) < 4 * (6000 * 20 * 20 * (1 / 3) * (2 / 3)) ** 0.5  # four standard deviations
    assert sum(map(len, sample(paths, 10**9, 42))) == 120_000
    assert sum(map(chunks.training_bases, paths)) == 120_000


def test_sample_depends_on_seed_and_accession_alone(write_chunks, random_sequences):
    paths = [write_chunks(f"GCA_{key}.1", random_sequences(400, 20, key)) for key in range(2)]
    once = list(sample(paths, 8000, 42))
    assert once == list(sample(paths[::-1], 8000, 42))
    assert once != list(sample(paths, 8000, 43))
    # with the same sequences, another accession has other chunks sampled
    twins = [write_chunks(name, random_sequences(400, 20)) for name in ("GCA_7.1", "GCA_8.1")]
    kept = list(sample(twins, 8000, 42))
    of_first = list(sample(twins[:1], 4000, 42))
    assert kept[: len(of_first)] == of_first and kept[len(of_first) :] != of_first


def test_directory_loads_as_a_fast_tokenizer(corpus, tmp_path):
    assert main(arguments(corpus, tmp_path / "out")) == 0
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tmp_path / "out")
    special = [tokenizer.unk_token_id, tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id]
    assert [*special, tokenizer.mask_token_id] == [0, 1, 2, 3, 4]
    assert len(tokenizer) == 60
    encoded = tokenizer("ACGTACGTN", "GGT", return_token_type_ids=True)
    assert encoded["input_ids"][0] == 1 and encoded["input_ids"][-1] == 2 and 0 in encoded["input_ids"]
    assert set(encoded["token_type_ids"]) == {0, 1}


def test_statistics_add_up(corpus, tmp_path):
    assert main(arguments(corpus, tmp_path / "out")) == 0
    stats = read_json(tmp_path / "out" / "stats.json")
    tokenizer = Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json"))
    words = set(tokenizer.get_vocab()) - set(SPECIAL_TOKENS)
    trained_on = list(sample(corpus, 10**9, 42))
    assert stats["kind"] == "bpe" and stats["vocab_size"] == 60
    assert stats["merges"] == 60 - 9 == len(json.loads(tokenizer.to_str())["model"]["merges"])
    histogram = {int(length): count for length, count in stats["token_length_histogram"].items()}
    assert histogram == {length: sum(len(word) == length for word in words) for length in set(map(len, words))}
    assert stats["sample_chunks"] == len(trained_on) and stats["sample_bases"] == sum(map(len, trained_on))
    tokens = sum(len(tokenizer.encode(sequence, add_special_tokens=False).ids) for sequence in trained_on)
    assert stats["bases_per_token"] == pytest.approx(stats["sample_bases"] / tokens)
    assert len(stats["longest_tokens"][0]) == max(histogram)


def test_tokens_that_do_not_spell_the_sequence_are_noticed(random_sequences):
    tokenizer = train_bpe(iter(random_sequences(20, 100)), 20, 2)
    assert (
        check_round_trip(tokenizer, ["ACGT", "GG"])
        == len(tokenizer.encode("ACGT").ids + tokenizer.encode("GG").ids) - 4
    )
    with pytest.raises(AssertionError, match="do not spell"):
        check_round_trip(tokenizer, ["ACGNACGT"])


def test_vocabulary_that_cannot_be_reached_is_one_line_and_leaves_nothing(write_chunks, tmp_path, capsys):
    path = write_chunks("GCA_1.1", ["ACGT"] * 4)
    assert main(arguments([path], tmp_path / "out", vocab_size=500)) == 1
    told = capsys.readouterr().err
    (line,) = [line for line in told.splitlines() if line.startswith("error: ")]
    assert line.startswith("error: tokenizer.vocab_size: 500 cannot be reached with 16 bases, only 1")
    assert "Traceback" not in told and not (tmp_path / "out").exists()


def test_corpus_without_training_chunks_is_refused(write_chunks, tmp_path, capsys):
    path = write_chunks("GCA_1.1", ["ACGT"] * 4, ["validation"] * 4)
    assert main(arguments([path], tmp_path / "out")) == 1
    assert f"error: {path}: no training chunks" in capsys.readouterr().err
