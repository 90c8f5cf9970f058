"""Variants in codons: sites on both strands, and scores that know, or only seem to know, the reading frame."""

import numpy as np
import pytest
import torch

from tests.studies.conftest import BETTER, EXPECTED, SAME, WORSE
from workflow_scripts.common import kmer_tokenizers
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import write_json
from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.model import DnaBert2Config, DnaBert2ForMaskedLM
from workflow_scripts.studies import study_variants
from workflow_scripts.studies.study_variants import Site

SIZES = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
GENE = "ATG" + "GCA" * 30 + "TAA"  # all first positions inside are G, all third ones A


def planted_sites(regions: int = 40, codons: int = 8) -> list[Site]:
    """Random bases; first positions are rich in G, third ones in T."""
    random = np.random.default_rng(0)
    shares = {0: [0.2, 0.2, 0.4, 0.2], 2: [0.2, 0.2, 0.2, 0.4]}
    return [
        Site(region, position, "A" + random.choice(list("ACGT"), p=shares[position]) + "A", 1)
        for region in range(regions)
        for _ in range(codons)
        for position in (0, 2)
    ]


def logs_of(found: list[Site], constraint: float, noise: float = 0.3) -> np.ndarray:
    """Logarithms of probabilities that favour G, and at first positions the reference by ``constraint``."""
    random = np.random.default_rng(1)
    logs = np.log([0.2, 0.2, 0.4, 0.2]) + random.normal(0, noise, (len(found), 4))
    for row, site in enumerate(found):
        logs[row, site.reference] += constraint * (site.position == 0)
    return logs


@pytest.mark.parametrize(("planned", "constraint"), [(BETTER, 0.3), (WORSE, -0.3), (SAME, 0.0)])
def test_planted_constraint_decides(planned, constraint):
    found = planted_sites()
    part = study_variants.compare(found, logs_of(found, constraint), "a", 0)
    assert part.verdict == EXPECTED[planned], part
    assert part.value == pytest.approx(-constraint, abs=0.15)


def test_the_frequencies_of_bases_gain_exactly_nothing():
    """Although their mean scores differ between first and third positions, whose bases differ."""
    found = planted_sites()
    logs = logs_of(found, 0, noise=0)
    part = study_variants.compare(found, logs, "a", 0)
    assert (part.value, part.low, part.high) == pytest.approx((0, 0, 0), abs=1e-12) and part.verdict == "not decided"
    rows = study_variants.table(found, logs)
    means = [sum(row["sites"] * row["mean_score"] for row in rows if row["codon_position"] == n) for n in (1, 3)]
    assert abs(means[0] - means[1]) > 10


@pytest.fixture
def genome(write_chunks, tmp_path):
    """A held-out chunk with the gene on either strand, and the BED file of both."""
    flank = "T" * 20
    chunk = write_chunks("A", [flank + GENE + flank + reverse_complement(GENE) + flank], ["validation"])
    second = 40 + len(GENE)
    bed = tmp_path / "genes.bed"
    bed.write_text(f"contig\t20\t{20 + len(GENE)}\ta\t0\t+\ncontig\t{second}\t{second + len(GENE)}\tb\t0\t-\n")
    return chunk, bed


def test_sites_are_read_on_the_strand_of_their_region(genome):
    chunk, bed = genome
    found = study_variants.sites(chunk, study_variants.read_regions(bed), 11, 10, 0)
    assert len(found) == 2 * 10 * 2
    assert {(site.region, site.position, site.reference) for site in found} == {
        (region, position, reference) for region in (0, 1) for position, reference in ((0, 2), (2, 0))
    }
    assert all(len(site.window) == 11 and site.centre == 5 for site in found)


def test_the_program_scores_a_model(genome, planted, capsys):
    chunk, bed = genome
    for kind, k in (("nucleotide", 1), ("kmer", 3)):
        folder = planted.root / kind
        folder.mkdir()
        kmer_tokenizers.build(kind, k).save(str(folder / "tokenizer.json"))
        write_json(folder / "stats.json", {"kind": kind})
    torch.manual_seed(0)
    DnaBert2ForMaskedLM(DnaBert2Config(vocab_size=9, **SIZES)).save_pretrained(planted.root / "models" / "ours")
    options = [
        "--models",
        planted.root / "models",
        "--model",
        "ours",
        "--chunks",
        chunk,
        "--regions",
        bed,
        "--window",
        11,
    ]
    options = [str(word) for word in options]
    result = planted.judge(study_variants.main, *options, "--tokenizer", str(planted.root / "nucleotide"))
    assert result["setting"]["sites"] == 80 and len(result["comparisons"]) == 1
    files = ["--out", str(planted.root / "x"), "--table", str(planted.root / "y")]
    assert study_variants.main([*options, "--tokenizer", str(planted.root / "kmer"), *files]) == 1
    assert "a tokenizer of kind kmer; name a model with kind nucleotide" in capsys.readouterr().err


def test_a_line_that_is_no_bed_is_named(tmp_path):
    path = tmp_path / "a.bed"
    path.write_text("I\t1\t4\ta\t0\t+\nI\t1\t4\n")
    with pytest.raises(UserError, match=r"a.bed:2: not BED with six columns"):
        study_variants.read_regions(path)
