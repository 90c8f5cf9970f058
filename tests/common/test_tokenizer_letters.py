"""Every tokenizer.json that we write reads lower case, mixed case and RNA as it reads upper-case DNA."""

import json
import random

import pytest
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from workflow_scripts.common import kmer_tokenizers
from workflow_scripts.common.files import read_json, write_json
from workflow_scripts.common.letters import IUPAC, unknown_letters
from workflow_scripts.common.tokenizer_files import copy_tokenizer, portable
from workflow_scripts.common.tokenizer_letters import with_letters
from workflow_scripts.tokenizer.bpe import to_cells
from workflow_scripts.tokenizer.bpe_encoder import Encoder
from workflow_scripts.tokenizer.train_tokenizer import TOKENIZER_CONFIG, train_bpe

KINDS = {"bpe": 1, "kmer_overlapping": 3, "kmer": 4, "nucleotide": 1}
DRAW = random.Random(7)
SEQUENCES = ["".join(DRAW.choices("ACGT", k=200)) for _ in range(20)]
WITH_UNKNOWN = ["".join(DRAW.choices(IUPAC.replace("U", ""), k=60)) for _ in range(20)]


def build(kind: str) -> Tokenizer:
    if kind == "bpe":
        return train_bpe(to_cells(SEQUENCES), 64, 2)
    return kmer_tokenizers.build(kind, KINDS[kind])


def fast_ids(kind: str, tokenizer: Tokenizer, sequences: list[str]) -> list[int]:
    """The ids by this project's own encoder."""
    if kind == "bpe":
        return Encoder(tokenizer, "tokenizer.json").encode(sequences)[0].tolist()
    return kmer_tokenizers.encode(sequences, kind, KINDS[kind])[0].tolist()


def spellings(sequence: str) -> list[str]:
    """The same sequence in other letters."""
    mixed = "".join(DRAW.choice((letter, letter.lower())) for letter in sequence)
    rna = sequence.replace("T", "U")
    return [sequence.lower(), mixed, rna, rna.lower(), mixed.replace("t", "u")]


@pytest.mark.parametrize("kind", KINDS)
def test_other_spellings_have_the_same_tokens_at_the_same_places(kind, tmp_path):
    tokenizer = build(kind)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    write_json(tmp_path / "tokenizer_config.json", TOKENIZER_CONFIG)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    for sequence in SEQUENCES + WITH_UNKNOWN:
        expected = tokenizer.encode(sequence)
        assert fast_ids(kind, tokenizer, [sequence]) == expected.ids[1:-1]
        for spelling in spellings(sequence):
            found = tokenizer.encode(spelling)
            assert (found.ids, found.offsets) == (expected.ids, expected.offsets), spelling
            assert loaded(spelling)["input_ids"] == expected.ids
            assert fast_ids(kind, tokenizer, [spelling]) == expected.ids[1:-1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_normalizer_changes_no_id_of_upper_case_dna_and_knows_no_further_letter(kind):
    """A tokenizer that took every letter for an A would also give the same tokens for all spellings."""
    content = json.loads(build(kind).to_str())
    steps = content["normalizer"]["normalizers"]
    bare = Tokenizer.from_str(json.dumps(content | {"normalizer": {"type": "Sequence", "normalizers": steps[17:]}}))
    assert len({tuple(build(kind).encode(sequence).ids) for sequence in SEQUENCES}) == len(SEQUENCES)
    for sequence in SEQUENCES + WITH_UNKNOWN:
        assert build(kind).encode(sequence).ids == bare.encode(sequence).ids
        if kind != "kmer_overlapping":
            assert build(kind).encode(sequence).tokens.count("[UNK]") == unknown_letters(sequence)
    assert 0 not in build(kind).encode(SEQUENCES[0]).ids


def test_a_mask_in_a_text_stays_a_mask():
    assert build("nucleotide").encode("ac[MASK]u").tokens == ["[CLS]", "A", "C", "[MASK]", "T", "[SEP]"]


def test_a_copy_reads_all_letters_and_copies_of_it_are_the_same(tmp_path):
    published = json.loads(build("bpe").to_str()) | {"normalizer": None}
    write_json(tmp_path / "published.json", published)
    copy_tokenizer(tmp_path / "published.json", tmp_path / "once.json")
    copy_tokenizer(tmp_path / "once.json", tmp_path / "twice.json")
    assert (tmp_path / "once.json").read_bytes() == (tmp_path / "twice.json").read_bytes()
    assert read_json(tmp_path / "once.json") | {"normalizer": None} == portable(published)
    before, after = (Tokenizer.from_file(str(tmp_path / f"{name}.json")) for name in ("published", "once"))
    for sequence in SEQUENCES + WITH_UNKNOWN:
        assert before.encode(sequence).ids == after.encode(sequence).ids
        assert {tuple(after.encode(spelling).ids) for spelling in spellings(sequence)} == {
            tuple(before.encode(sequence).ids)
        }
    assert before.encode("acgu").tokens == ["[CLS]", *["[UNK]"] * 4, "[SEP]"]


def test_the_normalizers_that_a_tokenizer_has_follow_those_of_letters():
    own = {"type": "Lowercase"}
    (*ours, last) = with_letters({"normalizer": own})["normalizer"]["normalizers"]
    assert last == own and len(ours) == len(IUPAC) + 1
    both = with_letters({"normalizer": {"type": "Sequence", "normalizers": [own, own]}})["normalizer"]["normalizers"]
    assert both == [*ours, own, own]
    for content in ({"normalizer": None}, {"normalizer": own}, json.loads(build("kmer_overlapping").to_str())):
        assert with_letters(with_letters(content)) == with_letters(content)
