"""The published tokenizer, and ours compared with it; merges and ids on real DNA compared with `tokenizers`."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from tests.real.marks import NEEDS_REAL_DATA
from workflow_scripts.common.files import open_text
from workflow_scripts.common.special_tokens import SPECIAL_TOKENS
from workflow_scripts.common.tokenizer_files import copy_tokenizer
from workflow_scripts.tokenizer.bpe import to_cells
from workflow_scripts.tokenizer.bpe_encoder import Encoder
from workflow_scripts.tokenizer.train_tokenizer import TOKENIZER_CONFIG, train_bpe

pytestmark = NEEDS_REAL_DATA
SEQUENCE = "ACGTAGCATCGGATCTATCTATCGACACTTGGTTATCGATCTACGAGCATCTCGTTAGC"
IDS = [1, 5, 194, 32, 757, 1239, 2092, 294, 24, 359, 88, 93, 32, 75, 77, 19, 2]


@pytest.fixture(scope="module")
def folder():
    return Path(os.environ["REAL_DATA"]) / "published_model"


@pytest.fixture(scope="module")
def published(folder):
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def test_ids_of_a_known_sequence(published):
    encoding = published.encode(SEQUENCE)
    assert encoding.ids == IDS
    assert "".join(encoding.tokens[1:-1]) == SEQUENCE


def test_special_tokens_and_templates_are_ours(published):
    vocabulary = published.get_vocab()
    words = sorted(vocabulary, key=vocabulary.get)
    assert len(words) == 4096
    assert words[:13] == [*SPECIAL_TOKENS, "A", "C", "G", "T", "AA", "TT", "TG", "CA"]
    pair = published.encode("ACGT", "TTGA")
    assert pair.ids[0] == 1 and pair.ids[-1] == 2 and pair.type_ids[-1] == 1 and pair.type_ids[0] == 0
    assert published.encode("aN").tokens == ["[CLS]", "[UNK]", "[UNK]", "[SEP]"]


def test_our_tokenizer_config_loads_it(folder, tmp_path):
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tmp_path, **TOKENIZER_CONFIG)
    assert tokenizer(SEQUENCE)["input_ids"] == IDS
    assert tokenizer.pad_token_id == 3 and tokenizer.mask_token_id == 4


def test_a_copy_has_its_ids_and_decodes_without_blanks(folder, published, tmp_path):
    copy_tokenizer(folder / "tokenizer.json", tmp_path / "tokenizer.json")
    copied = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert copied.get_vocab() == published.get_vocab()
    assert copied.encode(SEQUENCE).ids == copied.encode(SEQUENCE.lower()).ids == IDS
    assert copied.decode(IDS) == SEQUENCE != published.decode(IDS)


def real_chunks(bases: int, *patterns: str) -> list[str]:
    """The first chunks of 1,000 bases of each genome that matches a pattern, ``bases`` in total, in upper case."""
    folder = Path(os.environ["REAL_DATA"]) / "genomes"
    paths = sorted(path for pattern in patterns for path in folder.glob(pattern))
    chunks = []
    for path in paths:
        with open_text(path) as handle:
            text = handle.read(2 * bases // len(paths) + 2000)
        sequence = "".join(line for line in text.upper().split("\n") if not line.startswith(">"))
        chunks += re.findall("[ACGT]{1000}", sequence)[: bases // 1000 // len(paths)]
    return chunks


CORPORA = {
    "bacteria": ["bacteria/GCF_000005845.2_MG1655.fa.gz"],
    "yeast": ["fungi/s_cerevisiae_R64-1-1.fa.gz"],
    "mammal": ["vertebrate_mammalian/aug_chr3_42M.fa.gz"],
    "satellite": ["vertebrate_mammalian/human_chr8_cen.fa.gz"],
    "mixed": ["bacteria/*.fa.gz", "fungi/*.fa.gz", "protozoa/*.fa.gz", "vertebrate_mammalian/gerp_*.fa.gz"],
}


@pytest.mark.parametrize("corpus", CORPORA)
def test_merges_equal_those_of_tokenizers_on_real_dna(corpus):
    chunks = real_chunks(600_000, *CORPORA[corpus])
    assert len(chunks) > 500
    library = Tokenizer(models.BPE(unk_token="[UNK]"))
    library.pre_tokenizer = pre_tokenizers.Whitespace()
    library.train_from_iterator(
        chunks, trainers.BpeTrainer(special_tokens=SPECIAL_TOKENS, vocab_size=4096, min_frequency=2)
    )
    expected = json.loads(library.to_str())["model"]
    assert len(expected["merges"]) == 4087
    for threads, order in ((1, chunks), (2, chunks[::-1])):
        ours = train_bpe(to_cells(order), 4096, 2, threads)
        assert json.loads(ours.to_str())["model"] == expected


@pytest.mark.parametrize("kind", ["real", "random"])
def test_ids_equal_those_of_tokenizers_on_ten_million_bases(published, kind, folder):
    if kind == "real":
        chunks = real_chunks(6_000_000, "vertebrate_mammalian/aug*.fa.gz", "vertebrate_mammalian/gerp_[AMT]*.fa.gz")
        chunks += real_chunks(7_000_000, "bacteria/*.fa.gz", "fungi/*.fa.gz", "protozoa/*.fa.gz")
    else:
        letters = np.random.default_rng(0).integers(0, 4, (10_000, 1000), dtype=np.uint8)
        chunks = ["".join(row) for row in np.array(list("ACGT"))[letters]]
    assert len(chunks) >= 10_000
    ids, counts = Encoder(published, folder / "tokenizer.json").encode(chunks)
    expected = [encoding.ids for encoding in published.encode_batch_fast(chunks, add_special_tokens=False)]
    assert counts.tolist() == [len(row) for row in expected]
    assert np.array_equal(ids, np.concatenate(expected))
