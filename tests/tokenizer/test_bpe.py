"""The trainer gives the merges of Hugging Face `tokenizers` with any division of the work; its counts have 64 bits."""

import itertools
import json
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from workflow_scripts.common.special_tokens import SPECIAL_TOKENS
from workflow_scripts.tokenizer import bpe
from workflow_scripts.tokenizer.train_tokenizer import train_bpe


def library_model(sequences: list[str], vocab_size: int, min_frequency: int) -> dict:
    """Vocabulary and merges of the library's trainer."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(
        special_tokens=SPECIAL_TOKENS,
        initial_alphabet=list(bpe.BASES),
        vocab_size=vocab_size,
        min_frequency=min_frequency,
        show_progress=False,
    )
    tokenizer.train_from_iterator(sequences, trainer)
    return json.loads(tokenizer.to_str())["model"]


def our_model(sequences: list[str], vocab_size: int, min_frequency: int, threads: int = 1) -> dict:
    return json.loads(train_bpe(bpe.to_cells(sequences), vocab_size, min_frequency, threads).to_str())["model"]


def tandem_repeats() -> list[str]:
    """Runs and repeats of short units, many of them truncated, so that merges overlap and counts are equal."""
    draw = random.Random(0)
    units = ["A", "T", "AC", "TG", "GGA", "TTAGGG", "ACACT", "CAGCAG"]
    return [
        "".join(draw.choice(units) * draw.randint(1, 30) for _ in range(8))[: draw.randint(1, 600)] for _ in range(300)
    ]


def ties() -> list[str]:
    """Every word of seven letters once: all pairs are equally frequent, so their ids decide."""
    return ["".join("ACGT"[number // 4**place % 4] for place in range(7)) for number in range(4**7)]


def two_letters() -> list[str]:
    draw = random.Random(1)
    return ["".join(draw.choice("AT") for _ in range(draw.randint(1, 300))) for _ in range(400)]


def uniform() -> list[str]:
    draw = random.Random(2)
    return ["".join(draw.choices("ACGT", k=1000)) for _ in range(200)]


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("corpus", [uniform, tandem_repeats, ties, two_letters])
def test_a_model_of_4096_entries_equals_that_of_tokenizers(corpus, threads):
    sequences = corpus()
    expected = library_model(sequences, 4096, 2)
    assert len(expected["merges"]) > 100
    assert our_model(sequences, 4096, 2, threads) == expected


@settings(max_examples=150)
@given(
    st.lists(st.text("AC", max_size=60) | st.text("ACGT", max_size=40), max_size=12),
    st.integers(9, 300),
    st.integers(1, 3),
    st.integers(1, 3),
)
def test_models_of_small_corpora_equal_those_of_tokenizers(sequences, vocab_size, min_frequency, threads):
    ours = our_model(sequences, vocab_size, min_frequency, threads)
    assert ours == library_model(sequences, vocab_size, min_frequency)


def test_no_two_merges_spell_the_same_token():
    """So the trainer does not have to handle this case."""
    for corpus in (tandem_repeats, two_letters):
        vocabulary = our_model(corpus(), 4096, 1)
        assert len(vocabulary["merges"]) + 9 == len(vocabulary["vocab"])


def merges(sequences: list[str], threads: int = 1) -> list[bpe.Merge]:
    return list(bpe.merges(bpe.to_cells(sequences), 600, 2, threads))


@pytest.mark.slow
def test_merges_do_not_depend_on_chunk_order_threads_and_list_sizes(monkeypatch):
    sequences = tandem_repeats() + uniform()[:40]
    expected = merges(sequences)
    assert merges(sequences[::-1], 2) == merges(sorted(sequences), 5) == expected
    # share 0: lists of one pair; parts of 1,000 cells: several parts per thread, as with more than 2^32 cells
    for limit, value in (("LISTED_SHARE", 0.0), ("LISTED_SHARE", 1.0), ("MAX_LISTED", 5), ("MAX_PART", 1000)):
        with monkeypatch.context() as patched:
            patched.setattr(bpe, limit, value)
            assert merges(sequences, 2) == expected


def test_frequencies_are_those_of_the_pairs_when_they_are_merged():
    sequences = two_letters()
    words = [*SPECIAL_TOKENS, *bpe.BASES]
    state = [list(sequence) for sequence in sequences]
    for merge in merges(sequences)[:40]:
        left, right = words[merge.left], words[merge.right]
        assert merge.frequency == sum(list(itertools.pairwise(row)).count((left, right)) for row in state)
        words.append(left + right)
        for row in state:
            place = 0
            while place < len(row) - 1:
                if row[place : place + 2] == [left, right]:
                    row[place : place + 2] = [left + right]
                place += 1


def test_counts_above_31_bits(monkeypatch):
    """The counts of a corpus with four million copies of every chunk, which overflow 32 bits, give the same merges."""
    times = 2**22
    sequences = ["A" * 1000] * 20 + uniform()[:100]
    once = merges(sequences)
    count_letters, merge_at = bpe.count_letters, bpe.merge_at
    monkeypatch.setattr(bpe, "count_letters", lambda *arguments: times * count_letters(*arguments))
    monkeypatch.setattr(bpe, "merge_at", lambda *arguments: times * merge_at(*arguments))
    many = merges(sequences)
    assert many == [bpe.Merge(left, right, times * frequency) for left, right, frequency in once]
    assert many[0].frequency > 2**36 and sum(merge.frequency > 2**31 for merge in many) > 20


def test_other_letters_separate_their_neighbours():
    assert merges(["ACGTNACGTrACGT-"] * 3) == merges(["ACGT", "acgt", "ACGU"] * 3)


def test_too_few_pairs_end_the_merges_early():
    assert merges([]) == merges(["A", "C"]) == []
    assert merges(["ACGT"] * 2) == [(5, 6, 2), (7, 8, 2), (9, 10, 2)]
    assert merges(["ACGT"]) == []


def test_parts_begin_and_end_with_a_separator_and_contain_every_letter_once():
    cells = bpe.to_cells(uniform()[:7])
    for count in (1, 2, 3, 8, 20):
        parts = bpe.split(cells, count)
        assert len(parts) == count
        assert all(part[0] == part[-1] == bpe.SEPARATOR for part in parts)
        assert sum(np.count_nonzero(part) for part in parts) == 7000
