"""The encoder and Hugging Face `tokenizers` give the same ids."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

from workflow_scripts.common import kmer_tokenizers
from workflow_scripts.common.errors import UserError
from workflow_scripts.tokenizer.bpe import to_cells
from workflow_scripts.tokenizer.bpe_encoder import Encoder
from workflow_scripts.tokenizer.train_tokenizer import train_bpe

PLACE = Path("tokenizer.json")


def repeats(key: int) -> list[str]:
    """Runs and tandem repeats between random bases."""
    draw = random.Random(key)
    units = ["A", "T", "AC", "TG", "GGA", "TTAGGG", "ACACT"]
    pieces = [[draw.choice(units) * draw.randint(1, 40), "".join(draw.choices("ACGT", k=60))] for _ in range(3000)]
    return ["".join(map("".join, pieces[first : first + 10])) for first in range(0, 3000, 10)]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """A vocabulary of repeats, whose words have common prefixes and suffixes."""
    return train_bpe(to_cells(repeats(0)), 1500, 2)


def assert_same_ids(tokenizer: Tokenizer, sequences: list[str]) -> None:
    ids, counts = Encoder(tokenizer, PLACE).encode(sequences)
    expected = [encoding.ids for encoding in tokenizer.encode_batch(sequences, add_special_tokens=False)]
    assert counts.tolist() == [len(row) for row in expected]
    assert ids.tolist() == [number for row in expected for number in row]


def test_ids_of_repeats_equal_those_of_tokenizers(tokenizer):
    assert_same_ids(tokenizer, repeats(0) + repeats(1))


def test_ids_of_random_bases_equal_those_of_tokenizers(tokenizer):
    draw = random.Random(2)
    assert_same_ids(tokenizer, ["".join(draw.choices("ACGT", k=draw.randint(0, 2000))) for _ in range(300)])


@settings(max_examples=150)
@given(
    st.lists(st.text("AC", max_size=60) | st.text("ACGT", max_size=40), max_size=12),
    st.integers(9, 300),
    st.lists(st.text("AC", max_size=80) | st.text("ACGTN", max_size=40), max_size=6),
)
def test_ids_equal_those_of_tokenizers_for_any_vocabulary(corpus, vocab_size, sequences):
    assert_same_ids(train_bpe(to_cells(corpus), vocab_size, 1), corpus + sequences)


def test_every_other_letter_is_unknown(tokenizer):
    assert_same_ids(tokenizer, ["", "N", "NNACGTNNA", "acgtACGT", "RACGTY"])


def test_a_vocabulary_that_training_cannot_give_is_refused(tokenizer):
    """The encoder depends on words in the order of their merges."""
    words = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", *"ACGT", "ACG", "CG", "AC"]
    vocabulary = {word: number for number, word in enumerate(words)}
    merges = [("A", "CG"), ("C", "G"), ("A", "C")]
    for invalid in (Tokenizer(models.BPE(vocabulary, merges, unk_token="[UNK]")), kmer_tokenizers.build("kmer", 3)):
        with pytest.raises(UserError, match=r"tokenizer.json: not a BPE vocabulary"):
            Encoder(invalid, PLACE)
