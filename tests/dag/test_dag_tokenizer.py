"""What the rules of the tokenizers ask for."""

import pytest

from tests.dag.conftest import SIZES, job
from workflow_scripts.common import bpe_memory
from workflow_scripts.dag.genomes import Genomes
from workflow_scripts.dag.tokenizer import Tokenizers

BPE, KMER = job(tokenizer="bpe4096"), job(tokenizer="kmer6")


@pytest.fixture
def tokenizers(configured):
    """``tokenizers(overlay)``: with a tokenizer of 6-mers."""

    def tokenizers(overlay: dict | None = None) -> Tokenizers:
        settings = configured({"tokenizer": {"kmer6": {"kind": "kmer", "k": 6}}}, overlay or {})
        return Tokenizers(settings, Genomes(settings))

    return tokenizers


def test_settings_are_options_of_the_training(tokenizers):
    options = tokenizers().training_options(BPE)
    assert options[:4] == ["--kind", "bpe", "--min-frequency", "2"]
    assert options[options.index("--vocab-size") + 1] == "4096"
    assert options[options.index("--sample-bases") + 1] == "10000000000"
    assert "--reverse-complement" not in options, "of the encoding"
    fixed = tokenizers().training_options(KMER)
    assert fixed[fixed.index("--k") + 1] == "6" and "--vocab-size" not in fixed


def test_a_limit_by_group_needs_the_groups(tokenizers):
    assert tokenizers().corpus_table(BPE) == tokenizers().corpus_option(BPE) == []
    limited = tokenizers({"tokenizer": {"bpe4096": {"sample_group_bases": 5}}})
    assert limited.corpus_table(BPE) == ["results/genomes/corpus.tsv"]
    assert limited.corpus_option(BPE) == ["--corpus", "results/genomes/corpus.tsv"]


def test_memory_is_that_of_the_sample_or_of_all_genomes(tokenizers):
    def megabytes(bases: int, vocabulary: int) -> int:
        return int(1.1 * bpe_memory.needed_bytes(bases, vocabulary) / 1e6)

    genomes = 40_030_000
    assert tokenizers().training_megabytes(BPE, 1) == megabytes(genomes, 4096) + 600
    assert tokenizers().training_megabytes(BPE, 2) == megabytes(genomes, 4096) + 1200
    sampled = tokenizers({"tokenizer": {"bpe4096": {"sample_bases": 1_000_000}}})
    assert sampled.training_megabytes(BPE, 1) == megabytes(1_000_000, 4096) + 600
    everything = tokenizers({"tokenizer": {"bpe4096": {"sample_bases": 0}}})
    assert everything.training_megabytes(BPE, 1) == megabytes(genomes, 4096) + 600
    assert tokenizers().training_megabytes(KMER, 1) == megabytes(genomes, 0) + 600


def test_the_encoding_is_seeded_only_if_it_draws(tokenizers):
    assert tokenizers().encoding_options(BPE) == ["--kind", "bpe"]
    assert tokenizers().encoding_options(KMER) == ["--kind", "kmer", "--k", "6"]
    turned = tokenizers({"seed": 5, "tokenizer": {"bpe4096": {"reverse_complement": 0.5}}})
    assert turned.encoding_options(BPE) == ["--kind", "bpe", "--reverse-complement", "0.5", "--seed", "5"]


def test_the_corpus_is_encoded_for_the_models_that_start_from_nothing(tokenizers):
    assert tokenizers().encoding == ["bpe4096"]
    more = {"from": "dnabert2", "data": "gue", "gpus": 1, "training": {"steps": 1, "warmup_steps": 0}}
    other = {"tokenizer": "kmer6", "gpus": 0, "architecture": SIZES, "training": {"steps": 0, "warmup_steps": 0}}
    assert tokenizers({"pretrain": {"more": more, "other": other}}).encoding == ["bpe4096", "kmer6"]
