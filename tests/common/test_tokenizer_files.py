"""A tokenizer.json that we write is read by every version of the libraries, and decodes to the sequence."""

import json
import random

import pytest
from tokenizers import Tokenizer, decoders
from transformers import AutoTokenizer

from workflow_scripts.common import kmer_tokenizers
from workflow_scripts.common.files import read_json, write_json
from workflow_scripts.common.tokenizer_files import copy_tokenizer, portable, save_tokenizer
from workflow_scripts.tokenizer.bpe import to_cells
from workflow_scripts.tokenizer.train_tokenizer import TOKENIZER_CONFIG, train_bpe

KINDS = {"bpe": 1, "kmer": 4, "nucleotide": 1}
SEQUENCES = ["".join(random.Random(number).choices("ACGT", k=150 + number)) for number in range(20)]


def build(kind: str) -> Tokenizer:
    return train_bpe(to_cells(SEQUENCES), 64, 2) if kind == "bpe" else kmer_tokenizers.build(kind, KINDS[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_decoding_gives_the_sequence(kind, tmp_path):
    save_tokenizer(build(kind), tmp_path / "tokenizer.json")
    write_json(tmp_path / "tokenizer_config.json", TOKENIZER_CONFIG)
    for tokenizer in (build(kind), Tokenizer.from_file(str(tmp_path / "tokenizer.json"))):
        assert [tokenizer.decode(tokenizer.encode(sequence).ids) for sequence in SEQUENCES] == SEQUENCES
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert loaded.batch_decode(loaded(SEQUENCES)["input_ids"], skip_special_tokens=True) == SEQUENCES
    assert loaded.decode(loaded("ACGT")["input_ids"]) == "[CLS]ACGT[SEP]"
    assert len(build(kind).encode(SEQUENCES[0]).ids) > 3  # one token for all would be easy to join


def test_merges_are_written_as_strings_and_mean_the_same(tmp_path):
    pairs = json.loads(build("bpe").to_str())
    assert isinstance(pairs["model"]["merges"][0], list)
    save_tokenizer(build("bpe"), tmp_path / "saved.json")
    write_json(tmp_path / "pairs.json", pairs)
    copy_tokenizer(tmp_path / "pairs.json", tmp_path / "copied.json")
    expected = [" ".join(pair) for pair in pairs["model"]["merges"]]
    for name in ("saved", "copied"):
        assert read_json(tmp_path / f"{name}.json")["model"]["merges"] == expected
        read = Tokenizer.from_file(str(tmp_path / f"{name}.json"))
        assert [read.encode(s).ids for s in SEQUENCES] == [build("bpe").encode(s).ids for s in SEQUENCES]


def test_a_decoder_is_added_only_where_none_is_and_words_do_not_overlap():
    own = decoders.WordPiece("##")
    tokenizer = build("bpe")
    tokenizer.decoder = own
    assert portable(json.loads(tokenizer.to_str()))["decoder"] == json.loads(own.__getstate__())
    published = json.loads(tokenizer.to_str()) | {"decoder": None}
    assert Tokenizer.from_str(json.dumps(published)).decode([5, 6, 7]) == "A C G"
    assert Tokenizer.from_str(json.dumps(portable(published))).decode([5, 6, 7]) == "ACG"
    overlapping = json.loads(kmer_tokenizers.build("kmer_overlapping", 3).to_str())
    assert portable(overlapping) == overlapping and overlapping["decoder"] is None
