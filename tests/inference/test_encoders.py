"""Each tokenizer gives the tokens of its model, and the bases that each token stands for."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoTokenizer

from workflow_scripts.common import kmer_tokenizers
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import write_json
from workflow_scripts.inference.encoders import TokenizerEncoder, kmers, load_tokenizer
from workflow_scripts.inference.encoding import NO_BASES, Text, sequences_of
from workflow_scripts.inference.models import read_pretrained
from workflow_scripts.tokenizer.train_tokenizer import TOKENIZER_CONFIG

LETTERS = np.random.default_rng(3)
SEQUENCE = "".join(LETTERS.choice(list("ACGT"), 61))
OTHER = "".join(LETTERS.choice(list("ACGT"), 34))
UNKNOWN = SEQUENCE[:20] + "N" + SEQUENCE[21:]


@pytest.fixture
def encoder_of(entries):
    """The encoder of a kind of model."""

    def encoder_of(kind: str) -> TokenizerEncoder:
        entry = entries[kind]
        return read_pretrained(Path(entry["directory"]), entry.get("kmer", 0)).encoder

    return encoder_of


@pytest.fixture
def fixed(tmp_path):
    """The encoder of a tokenizer with a fixed vocabulary, as this workflow makes them for models of its own."""

    def fixed(kind: str, k: int) -> TokenizerEncoder:
        kmer_tokenizers.build(kind, k).save(str(tmp_path / "tokenizer.json"))
        write_json(tmp_path / "tokenizer_config.json", TOKENIZER_CONFIG)
        return TokenizerEncoder(tmp_path, load_tokenizer(tmp_path, False), kmer=0, longest=0, typed=True)

    return fixed


def words_and_bases(encoder: TokenizerEncoder, text: Text, limit: int = 0) -> list[tuple[str, str]]:
    """Every token of a text as the tokenizer writes it, with the bases of its span."""
    encoded = encoder.encode([text], limit, spans=True)
    assert encoded.spans[0].shape == (len(encoded.ids[0]), 3)
    words = encoder.tokenizer.convert_ids_to_tokens(encoded.ids[0].tolist())
    places = encoded.spans[0].tolist()
    return [
        (word, "" if place == list(NO_BASES) else sequences_of(text)[place[0]][place[1] : place[2]])
        for word, place in zip(words, places, strict=True)
    ]


def test_kmers_of_a_sequence():
    assert kmers("ACGTA", 3) == "ACG CGT GTA"
    assert kmers("AC", 3) == ""


def test_tokens_of_each_kind(entries, encoder_of):
    def tokens(kind: str, text: Text, limit: int = 0) -> list[str]:
        tokenizer = AutoTokenizer.from_pretrained(entries[kind]["directory"])
        return tokenizer.convert_ids_to_tokens(encoder_of(kind).encode([text], limit).ids[0].tolist())

    assert tokens("esm", "ACGTACGTNA") == ["<cls>", "ACGTAC", "G", "T", "N", "A"]
    assert tokens("esm", ("ACGTAC", "GGGGGGA")) == ["<cls>", "ACGTAC", "GGGGGG", "A"]
    assert tokens("bert", "ACGTA") == ["[CLS]", "ACG", "CGT", "GTA", "[SEP]"]
    assert tokens("bert", ("ACGT", "TTT")) == ["[CLS]", "ACG", "CGT", "[SEP]", "TTT", "[SEP]"]
    assert tokens("bert", "ACGTA", limit=4) == ["[CLS]", "ACG", "CGT", "[SEP]"]


@pytest.mark.parametrize("kind", ["ours", "published", "esm", "bert"])
@pytest.mark.parametrize("text", [SEQUENCE, (SEQUENCE, OTHER), (OTHER, SEQUENCE)])
@pytest.mark.parametrize("limit", [0, 9])
def test_the_bases_of_a_token_are_the_token(encoder_of, kind, text, limit):
    told = words_and_bases(encoder_of(kind), text, limit)
    special = [(word, bases) for word, bases in told if word[0] in "[<"]
    assert all(word == bases for word, bases in told if word[0] not in "[<")
    assert {bases for _, bases in special} == {""} and len(told) - len(special) >= 5


@pytest.mark.parametrize(
    ("kind", "k"), [("kmer_overlapping", 3), ("kmer_overlapping", 6), ("kmer", 6), ("nucleotide", 1)]
)
@pytest.mark.parametrize("text", [SEQUENCE, (SEQUENCE, OTHER)])
def test_the_bases_of_a_token_of_a_fixed_vocabulary_are_the_token(fixed, kind, k, text):
    told = words_and_bases(fixed(kind, k), text)
    assert all(word == bases for word, bases in told if word[0] != "[")
    assert all(bases == "" for word, bases in told if word[0] == "[")
    if kind == "kmer_overlapping":
        expected = [part[start : start + k] for part in sequences_of(text) for start in range(len(part) - k + 1)]
        assert [bases for _, bases in told if bases] == expected


def test_unknown_letters_have_their_places_too(encoder_of, fixed):
    assert [bases for word, bases in words_and_bases(encoder_of("ours"), UNKNOWN) if word == "[UNK]"] == ["N"]
    for encoder in (encoder_of("bert"), fixed("kmer_overlapping", 3)):
        told = words_and_bases(encoder, UNKNOWN[:24])  # no longer than the model
        assert [bases for word, bases in told if word == "[UNK]"] == [
            UNKNOWN[start : start + 3] for start in (18, 19, 20)
        ]
    told = words_and_bases(encoder_of("esm"), UNKNOWN)
    assert "".join(bases for _, bases in told) == UNKNOWN and ("N", "N") in told


def test_spans_count_bases_of_the_sequence_that_they_name(encoder_of):
    spans = encoder_of("bert").encode([("ACGTA", "TTT")], 0, spans=True).spans[0]
    assert spans.tolist() == [[-1, 0, 0], [0, 0, 3], [0, 1, 4], [0, 2, 5], [-1, 0, 0], [1, 0, 3], [-1, 0, 0]]
    assert encoder_of("bert").encode(["ACGTA"], 0).spans is None


def test_a_tokenizer_that_rewrites_what_it_reads_has_no_places(encoder_of):
    encoder = encoder_of("esm")
    encoder.tokenizer.tokenize = lambda text: ["AAAAAA"] * 3
    encoder.encode(["ACGTACGTAC"], 0)
    with pytest.raises(UserError, match="its tokenizer rewrites sequences, so no token has a place in them"):
        encoder.encode(["ACGTACGTAC"], 0, spans=True)


def test_token_types_go_where_the_model_reads_them(entries, encoder_of):
    typed = {kind: encoder_of(kind).encode([("ACGTACG", "TTTTTTT")], 0).types for kind in entries}
    assert [kind for kind, types in typed.items() if types is not None] == ["ours", "published", "bert"]
    assert all(set(types[0]) == {0, 1} for types in typed.values() if types is not None)


@pytest.mark.parametrize(("kind", "longest", "bases_of_longest"), [("esm", 20, 19 * 6), ("bert", 24, 22 + 2)])
def test_what_a_model_has_no_position_for_is_cut_and_counted(encoder_of, kind, longest, bases_of_longest):
    encoder = encoder_of(kind)
    texts = ["ACGTAC" * 40, ("ACGTAC" * 40)[:bases_of_longest], "ACGTACG", ("ACGTAC" * 40)[: bases_of_longest + 1]]
    encoded = encoder.encode(texts, 0)
    assert [len(ids) for ids in encoded.ids[:2]] == [longest] * 2 and encoded.truncated == 0.5
    assert len(encoder.encode(texts, 10).ids[0]) == 10


def test_no_length_is_too_long_for_alibi(encoder_of):
    encoded = encoder_of("ours").encode(["ACGTTGCA" * 300], 0)
    assert encoded.truncated == 0 and len(encoded.ids[0]) > 600


def test_the_hash_of_a_tokenizer_tells_what_changes_its_tokens(entries, encoder_of, tmp_path):
    def fingerprint(folder, kmer: int) -> str:
        return TokenizerEncoder(folder, load_tokenizer(folder, False), kmer, 24, True).fingerprint

    assert len({encoder_of(kind).fingerprint for kind in entries}) == len(entries)
    bert = Path(entries["bert"]["directory"])
    folder = shutil.copytree(bert, tmp_path / "bert")
    assert fingerprint(bert, 3) == fingerprint(folder, 3) != fingerprint(bert, 2)
    words = (folder / "vocab.txt").read_text().split()
    (folder / "vocab.txt").write_text("\n".join([*words[:5], *reversed(words[5:])]))
    assert fingerprint(folder, 3) != fingerprint(bert, 3)


def test_a_tokenizer_that_does_not_fit_is_refused(entries, encoder_of):
    folder = Path(entries["bert"]["directory"])
    for kmer in (4, 0):
        with pytest.raises(UserError) as caught:
            read_pretrained(folder, kmer).encoder.encode(["ACGTACGTACGT"], 0)
        assert str(caught.value).startswith(f"{folder}: ") and "unknown to its tokenizer" in str(caught.value)
        assert "kmer" in str(caught.value) and "\n" not in str(caught.value)


def test_a_tokenizer_that_lacks_one_base_is_refused_and_unknown_letters_are_not(entries, tmp_path):
    """A model of RNA knows U and no T: a quarter of the tokens would be unknown, of every sequence."""
    rna = shutil.copytree(entries["esm"]["directory"], tmp_path / "esm")
    (rna / "vocab.txt").write_text("\n".join(["<unk>", "<pad>", "<mask>", "<cls>", *"AUCGN"]))
    with pytest.raises(UserError, match=r"25% of the tokens of ACGTACGT\.\.\. are unknown to its tokenizer"):
        TokenizerEncoder(rna, load_tokenizer(rna, False), 0, 0, False).encode(["ACGT"], 0)
    known = Path(entries["ours"]["directory"])
    encoder = TokenizerEncoder(known, load_tokenizer(known, False), 0, 0, False)
    assert encoder.encode(["N" * 30, "A"], 0).unknown == 30 / 31 and encoder.encode(["ACGTTG"], 0).unknown == 0
