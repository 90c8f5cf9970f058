"""What the rules of the tokenizers ask for."""

import pytest

from tests.dag.conftest import SIZES, job
from workflow_scripts.common import bpe_memory, kmer_tokenizers
from workflow_scripts.dag.genomes import Genomes
from workflow_scripts.dag.tokenizer import Tokenizers
from workflow_scripts.tokenizer.bpe import to_cells
from workflow_scripts.tokenizer.encode_genome import load_encoder
from workflow_scripts.tokenizer.train_tokenizer import train_bpe

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


@pytest.mark.parametrize(
    ("tokenizer", "options"),
    [
        (train_bpe(to_cells(["ACGTTGCAAT" * 9]), 12, 2), ["--kind", "bpe"]),
        (kmer_tokenizers.build("kmer", 3), ["--kind", "kmer", "--k", "3"]),
        (kmer_tokenizers.build("kmer_overlapping", 4), ["--kind", "kmer_overlapping", "--k", "4"]),
        (kmer_tokenizers.build("nucleotide"), ["--kind", "nucleotide"]),
    ],
    ids=lambda value: value[1] if isinstance(value, list) else "",
)
def test_a_model_of_a_directory_reads_the_corpus_with_the_tokenizer_in_it(tokenizers, tmp_path, tokenizer, options):
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    more = {"from": str(tmp_path), "data": "genomes", "training": {"steps": 1, "warmup_steps": 0}}
    found, continued = tokenizers({"pretrain": {"more": more}}), job(tokenizer="more")
    assert found.encoding == ["bpe4096", "more"]
    assert found.file(continued) == "tokenizer.json", "whatever the spelling of the path"
    assert found.file(BPE) == "results/tokenizer/bpe4096/tokenizer.json"
    assert found.encoding_options(continued) == options
    load_encoder(tmp_path / "tokenizer.json", options[1], int(options[3]) if len(options) > 2 else 1)
