"""The training sample: its size, its dependence on only seed and accession, and its content."""

from itertools import pairwise

import numpy as np
import pytest

from workflow_scripts.common.errors import UserError
from workflow_scripts.tokenizer import bpe, training_sample
from workflow_scripts.tokenizer.training_sample import Limits, draw_sample, quotas

SIZES, GROUPS = [1_000, 30_000, 60_000, 9_000], ["viral", "mammal", "mammal", "fungi"]


def spelled(genomes: list[training_sample.Genome], threads: int = 1) -> list[str]:
    """The sampled chunks in the input of the trainer."""
    cells, _ = training_sample.load_sample(genomes, threads)
    ends = np.flatnonzero(cells == bpe.SEPARATOR)
    return ["".join(bpe.BASES[code - bpe.FIRST_BASE] for code in cells[a + 1 : b]) for a, b in pairwise(ends)]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(), SIZES),
        (Limits(total=10**9, genome=10**9, group=10**9), SIZES),
        (Limits(total=50_000), [500, 15_000, 30_000, 4_500]),
        (Limits(genome=20_000), [1_000, 20_000, 20_000, 9_000]),
        (Limits(group=9_000), [1_000, 3_000, 6_000, 9_000]),
        (Limits(genome=30_000, group=20_000), [1_000, 10_000, 10_000, 9_000]),
        (Limits(total=15_000, genome=30_000, group=20_000), [500, 5_000, 5_000, 4_500]),
    ],
)
def test_quotas_meet_limits_per_genome_per_group_and_in_total(limits, expected):
    assert quotas(SIZES, GROUPS, limits) == expected


def test_the_sample_has_the_requested_size_or_all_chunks(write_chunks, random_sequences):
    paths = [write_chunks(f"GCA_{key}.1", random_sequences(3000, 20, key)) for key in range(2)]
    genomes = draw_sample(paths, Limits(total=40_010), 42)
    assert all(abs(genome.bases - 20_005) < 20 for genome in genomes)
    assert sum(genome.bases for genome in draw_sample(paths, Limits(total=10**9), 42)) == 120_000
    assert all(genome.bases == 60_000 for genome in draw_sample(paths, Limits(), 42))


def test_the_last_chunk_is_included_with_the_probability_of_its_needed_share(write_chunks, random_sequences):
    """Otherwise small genomes would contribute nothing to a small sample."""
    path = write_chunks("GCA_1.1", random_sequences(3, 100))
    kept = sum(draw_sample([path], Limits(total=30), seed)[0].bases for seed in range(1000))
    assert abs(kept / 1000 - 30) < 4 * 100 * (0.3 * 0.7 / 1000) ** 0.5  # four standard deviations


def test_the_sample_depends_only_on_seed_and_accession(write_chunks, random_sequences):
    paths = [write_chunks(f"GCA_{key}.1", random_sequences(400, 20, key)) for key in range(3)]
    once = spelled(draw_sample(paths, Limits(total=8000), 42))
    assert once == spelled(draw_sample(paths[::-1], Limits(total=8000), 42), threads=3)
    assert once != spelled(draw_sample(paths, Limits(total=8000), 43))
    # another accession with the same sequences gives other chunks
    twins = [
        draw_sample([write_chunks(name, random_sequences(400, 20))], Limits(total=4000), 42) for name in ("A.1", "B.1")
    ]
    assert set(spelled(twins[0])) != set(spelled(twins[1]))


def test_a_larger_sample_includes_a_smaller_one(write_chunks, random_sequences):
    path = write_chunks("GCA_1.1", random_sequences(500, 20))
    small, large = (draw_sample([path], Limits(genome=bases), 42)[0].kept for bases in (2000, 5000))
    assert small.sum() < large.sum() and not np.any(small & ~large)


def test_exactly_the_sampled_training_chunks_are_read(write_chunks, random_sequences):
    """More chunks than are read at a time, of different lengths, with validation chunks between them."""
    sequences = [sequence[: 5 + number % 7] for number, sequence in enumerate(random_sequences(9000, 12))]
    splits = [("validation", "train", "train")[number % 3] for number in range(9000)]
    path = write_chunks("GCA_1.1", sequences, splits)
    training = [sequence for sequence, split in zip(sequences, splits, strict=True) if split == "train"]
    assert spelled(draw_sample([path], Limits(), 42)) == training
    (genome,) = draw_sample([path], Limits(total=20_000), 42)
    assert spelled([genome]) == [sequence for sequence, kept in zip(training, genome.kept, strict=True) if kept]
    assert genome.cells == genome.bases + genome.kept.sum()


def test_the_corpus_table_gives_the_groups(write_chunks, random_sequences):
    paths = [write_chunks(f"GCA_{key}.1", random_sequences(10, 100, key)) for key in range(3)]
    groups = {"GCA_0.1": "fungi", "GCA_1.1": "viral", "GCA_2.1": "viral"}
    assert [genome.bases for genome in draw_sample(paths, Limits(group=1000), 42, groups)] == [1000, 500, 500]
    with pytest.raises(UserError, match=r"GCA_2.1 is not in the corpus table"):
        draw_sample(paths, Limits(), 42, {"GCA_0.1": "fungi", "GCA_1.1": "viral"})


def test_examples_are_whole_runs_from_the_whole_sample():
    sequences = ["ACGT", "GGT", "TTTTTTTT", "C"]
    assert training_sample.example_runs(bpe.to_cells(sequences), 100) == sequences
    assert training_sample.example_runs(bpe.to_cells(["A" * 40, "C" * 40, "G" * 40]), 3) == [
        "A" * 40,
        "C" * 40,
        "G" * 40,
    ]
    assert training_sample.example_runs(bpe.to_cells([]), 3) == []
