"""k-mer tokenizers: words and ids, ends and unknown letters, and numpy's ids against the library's."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from workflow_scripts.common import kmer_tokenizers
from workflow_scripts.common.files import open_text, write_json
from workflow_scripts.common.special_tokens import SPECIAL_TOKENS
from workflow_scripts.tokenizer.train_tokenizer import TOKENIZER_CONFIG

REPOSITORY = Path(__file__).resolve().parents[2]
KINDS = [("kmer_overlapping", 6), ("kmer_overlapping", 3), ("kmer_overlapping", 1), ("kmer", 6), ("kmer", 2)]
KINDS += [("nucleotide", 1)]


def mixed(count: int, alphabet: str, key: int) -> list[str]:
    """Sequences of 0 to 40 letters."""
    random = np.random.default_rng(key)
    return ["".join(random.choice(list(alphabet), random.integers(41))) for _ in range(count)]


def words(tokenizer: Tokenizer) -> list[str]:
    vocabulary = tokenizer.get_vocab()
    assert sorted(vocabulary.values()) == list(range(len(vocabulary)))
    return sorted(vocabulary, key=vocabulary.get)


def plain(tokenizer: Tokenizer, sequence: str) -> list[str]:
    return tokenizer.encode(sequence, add_special_tokens=False).tokens


def test_words_are_the_special_tokens_and_then_kmers_in_alphabetical_order():
    sixmers = ["".join(letters) for letters in itertools.product("ACGT", repeat=6)]
    assert words(kmer_tokenizers.build("kmer_overlapping", 6)) == [*SPECIAL_TOKENS, *sixmers]  # 4,101, as DNABERT's
    assert words(kmer_tokenizers.build("kmer", 6)) == [*SPECIAL_TOKENS, *"ACGT", *sixmers]
    assert words(kmer_tokenizers.build("nucleotide")) == [*SPECIAL_TOKENS, *"ACGT"]


def test_tokens_of_a_sequence():
    overlapping, blocks, single = (
        kmer_tokenizers.build("kmer_overlapping", 3),
        kmer_tokenizers.build("kmer", 3),
        kmer_tokenizers.build("nucleotide"),
    )
    assert plain(overlapping, "ACGTAC") == ["ACG", "CGT", "GTA", "TAC"]
    assert plain(overlapping, "AC") == []
    assert plain(blocks, "ACGTACGT") == ["ACG", "TAC", "G", "T"]
    assert plain(single, "ACT") == ["A", "C", "T"]


def test_tokens_of_unknown_letters():
    overlapping, blocks, single = (
        kmer_tokenizers.build("kmer_overlapping", 3),
        kmer_tokenizers.build("kmer", 3),
        kmer_tokenizers.build("nucleotide"),
    )
    unknown = "[UNK]"
    assert plain(overlapping, "ACGNTTTa") == ["ACG", unknown, unknown, unknown, "TTT", "TTA"]
    assert plain(blocks, "ACNNACGTn") == ["A", "C", unknown, unknown, "ACG", "T", unknown]
    assert plain(single, "ARc") == ["A", unknown, "C"]


@pytest.mark.parametrize(("kind", "k"), KINDS)
def test_numpy_and_the_library_give_the_same_ids(kind, k):
    tokenizer = kmer_tokenizers.build(kind, k)
    for number, alphabet in enumerate(("ACGT", "ACGTACGTACGTN", "ACGTUacgtuNnRr|é \n", "N")):
        sequences = ["", *mixed(300, alphabet, number), "", "A" * k, ""]
        encodings = tokenizer.encode_batch_fast(sequences, add_special_tokens=False)
        ids, counts = kmer_tokenizers.encode(sequences, kind, k)
        assert ids.dtype == np.uint16
        assert counts.tolist() == [len(encoding.ids) for encoding in encodings]
        assert ids.tolist() == list(itertools.chain.from_iterable(encoding.ids for encoding in encodings))


@pytest.mark.parametrize(("kind", "k"), KINDS)
def test_empty_sequences_have_no_tokens(kind, k):
    for sequences in ([], ["", ""]):
        ids, counts = kmer_tokenizers.encode(sequences, kind, k)
        assert not len(ids) and counts.tolist() == [0] * len(sequences)


@pytest.mark.parametrize(("kind", "k"), KINDS)
def test_tokens_spell_the_sequence(kind, k):
    tokenizer = kmer_tokenizers.build(kind, k)
    for sequence in mixed(50, "ACGT", 9):
        if kind != "kmer_overlapping" or len(sequence) >= k:
            assert kmer_tokenizers.spell(plain(tokenizer, sequence), kind) == sequence


@pytest.mark.parametrize(("kind", "k"), KINDS)
def test_a_directory_loads_in_transformers_with_its_template(kind, k, tmp_path):
    tokenizer = kmer_tokenizers.build(kind, k)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    write_json(tmp_path / "tokenizer_config.json", TOKENIZER_CONFIG)
    loaded = PreTrainedTokenizerFast.from_pretrained(tmp_path)
    first, second = "ACGTACGTAC", "TTGACCTTG"
    one, two = (tokenizer.encode(sequence, add_special_tokens=False).ids for sequence in (first, second))
    pair = loaded(first, second)
    assert pair["input_ids"] == [1, *one, 2, *two, 2]
    assert pair["token_type_ids"] == [0] * (len(one) + 2) + [1] * (len(two) + 1)
    assert loaded(first, max_length=4, truncation=True)["input_ids"] == [1, *one[:2], 2]
    assert (loaded.unk_token_id, loaded.pad_token_id, loaded.mask_token_id) == (0, 3, 4)
    assert loaded.convert_tokens_to_ids("[MASK]") == loaded("[MASK]", add_special_tokens=False)["input_ids"][0] == 4


def test_the_file_has_the_same_bytes_in_every_process(tmp_path):
    program = (
        "import sys; from workflow_scripts.common.kmer_tokenizers import build; build('kmer', 4).save(sys.argv[1])"
    )
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", program, str(tmp_path / seed)]
        subprocess.run(command, cwd=REPOSITORY, env=environment, check=True)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


@pytest.mark.parametrize(("kind", "k"), [("kmer_overlapping", 8), ("kmer", 1), ("kmer", 8), ("nucleotide", 2)])
def test_values_of_k_out_of_range_are_refused(kind, k):
    with pytest.raises(ValueError, match=f"k {k} of {kind} is not in"):
        kmer_tokenizers.build(kind, k)


def test_the_longest_words_fit_16_bits():
    assert words(kmer_tokenizers.build("kmer", kmer_tokenizers.MAX_K))[-1] == "T" * 7
    ids, _ = kmer_tokenizers.encode(["T" * 7], "kmer", kmer_tokenizers.MAX_K)
    assert ids.tolist() == [4 + 4 + 4**7]


@pytest.mark.real
@pytest.mark.skipif(not os.environ.get("REAL_DATA"), reason="REAL_DATA does not name the folder of real data")
@pytest.mark.parametrize(("kind", "k"), [("kmer_overlapping", 6), ("kmer", 6), ("nucleotide", 1)])
def test_numpy_and_the_library_agree_on_real_sequences_with_soft_masks_and_n(kind, k):
    with open_text(
        Path(os.environ["REAL_DATA"]) / "genomes/vertebrate_mammalian/sumatran_rhino_scaffold.fa.gz"
    ) as text:
        sequences = [line.rstrip("\n") for line in text if not line.startswith(">")]
    sequences = ["".join(sequences)[start : start + 1000] for start in range(0, 200_000, 1000)]
    sequences += [sequence.upper() for sequence in sequences]
    assert len(set("".join(sequences))) > 4
    encodings = kmer_tokenizers.build(kind, k).encode_batch_fast(sequences, add_special_tokens=False)
    ids, counts = kmer_tokenizers.encode(sequences, kind, k)
    assert counts.tolist() == [len(encoding.ids) for encoding in encodings]
    assert ids.tolist() == list(itertools.chain.from_iterable(encoding.ids for encoding in encodings))
