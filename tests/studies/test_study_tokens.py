"""Enriched words: planted in features, absent from them, or only clustered like them."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import stats

from tests.studies.conftest import BETTER, EXPECTED, SAME
from workflow_scripts.common import kmer_tokenizers
from workflow_scripts.common.files import write_json
from workflow_scripts.studies import study_tokens
from workflow_scripts.studies.study_tokens import corrected, enrichment, inside, read_features, study, token_places
from workflow_scripts.studies.vocabularies import load
from workflow_scripts.tokenizer import encode_genome

TOKENS, WORDS = 20_000, 20


def clusters(random: np.random.Generator, count: int = 40, length: int = 50) -> np.ndarray:
    """Stretches of tokens at random places, [tokens]."""
    found = np.zeros(TOKENS, dtype=bool)
    for start in random.integers(0, TOKENS - length, count):
        found[start : start + length] = True
    return found


@pytest.mark.parametrize("planned", [BETTER, SAME])
def test_words_that_follow_the_features_decide_and_words_that_only_cluster_do_not(planned):
    """Words 0 to 4 come in clusters: those of the features, or other ones, which Fisher's test alone would take for
    enriched somewhere."""
    random = np.random.default_rng(5)
    features = np.array([clusters(random) for _ in range(3)])
    places = features[0] if planned == BETTER else clusters(random)
    ids = random.integers(0, WORDS, TOKENS)
    ids[places] = random.integers(0, 5, int(places.sum()))
    part = study(ids, features, np.arange(WORDS), 0, moves=60)
    assert part.verdict == EXPECTED[planned], part


def test_p_is_that_of_fishers_exact_test():
    random = np.random.default_rng(0)
    ids, within = random.integers(0, 4, 300), random.random(300) < 0.3
    _, _, p = enrichment(ids, within, 4)
    for word in range(4):
        sides = (True, False)
        cells = [[int(np.sum(((ids == word) == one) & (within == two))) for two in sides] for one in sides]
        assert p[word] == pytest.approx(stats.fisher_exact(cells, alternative="greater").pvalue)


def test_q_is_that_of_benjamini_and_hochberg():
    p = np.random.default_rng(0).random((3, 7)) ** 3
    assert corrected(p) == pytest.approx(stats.false_discovery_control(p.ravel()).reshape(3, 7))


def test_a_token_is_inside_by_its_middle():
    contigs = np.array(["a", "a", "a", "b"], dtype=object)
    middles = np.array([1.5, 5.0, 9.5, 5.0])
    assert inside(contigs, middles, {"a": [(1, 2), (4, 8), (5, 6)]}).tolist() == [True, True, False, False]


@pytest.fixture
def genome(write_chunks, random_sequences, tmp_path):
    """Chunks of a genome, its shard in 3-mers, half of it reversed, and the directory of the tokenizer."""
    chunks = write_chunks("A", random_sequences(20, 90))
    folder = tmp_path / "kmer"
    folder.mkdir()
    kmer_tokenizers.build("kmer", 3).save(str(folder / "tokenizer.json"))
    write_json(folder / "stats.json", {"kind": "kmer"})
    shard = folder / "A.npy"
    options = ["--chunks", chunks, "--tokenizer", folder / "tokenizer.json", "--kind", "kmer", "--k", 3]
    options += [
        "--tokens",
        shard,
        "--index",
        shard.with_suffix(".index.npy"),
        "--counts",
        folder / "A.json",
        "--reverse-complement",
        0.5,
    ]
    assert encode_genome.main([str(word) for word in options]) == 0
    return chunks, shard, folder


def test_tokens_are_placed_on_the_contig_whichever_way_their_chunk_was_read(genome):
    chunks, shard, folder = genome
    _, contigs, middles = token_places(chunks, shard, load(folder))
    assert set(contigs) == {"contig"}
    assert sorted(middles) == [1.5 + 3 * number for number in range(20 * 30)]
    reverse = np.load(shard.with_suffix(".index.npy"))["reverse"]
    assert 0 < reverse.sum() < 20
    first = middles.reshape(20, 30)[:, 0]
    assert (np.where(reverse, first - 88.5, first - 1.5) == pq.read_table(chunks)["start"].to_numpy()).all()


def test_the_program_finds_the_features(genome, planted, capsys):
    chunks, shard, folder = genome
    bed = planted.root / "features.bed"
    bed.write_text("contig\t0\t300\ttRNA\ncontig\t600\t900\ttRNA\ncontig\t100\t200\tARS\n")
    assert {kind: len(places["contig"]) for kind, places in read_features(bed).items()} == {"tRNA": 2, "ARS": 1}
    options = ["--model", "ours", "--tokenizer", folder, "--chunks", chunks, "--tokens", shard, "--features", bed]
    options = [str(word) for word in options]
    result = planted.judge(study_tokens.main, *options)
    assert result["setting"]["features"] == {"tRNA": 2, "ARS": 1} and result["verdict"] == "not decided"
    bed.write_text("other\t0\t300\ttRNA\n")
    files = ["--out", str(planted.root / "x"), "--table", str(planted.root / "y")]
    assert study_tokens.main([*options, *files]) == 1
    assert "no feature in the chunks of" in capsys.readouterr().err
