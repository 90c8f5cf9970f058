"""Adversarial non-sites of real genes, compared with the released ones (REAL_DATA).

Three pieces of hg19 of two million bases contain 35 of SpliceAI's genes completely.
"""

import pytest

from tests.real.gue_sets import fasta, released
from workflow_scripts.common.files import open_text
from workflow_scripts.gue import splice
from workflow_scripts.gue.recipe import Recipe
from workflow_scripts.gue.sources import Source

pytestmark = pytest.mark.real

PIECES = {  # contig -> (file, 1-based position of its first base)
    "chr3": ("aug_chr3_42M", 42_000_000),
    "chr4": ("aug_chr4_103M", 103_000_000),
    "chr5": ("aug_chr5_124M", 124_000_000),
}


def shifted(positions: str, by: int) -> str:
    return "".join(f"{int(position) - by}," for position in positions.split(",") if position)


@pytest.fixture(scope="module")
def sources(real, tmp_path_factory):
    """The pieces as one genome, and the genes that are completely on them, in coordinates of the pieces."""
    folder = tmp_path_factory.mktemp("pieces")
    with (folder / "genome.fa").open("w") as handle:
        for contig, (name, _) in PIECES.items():
            (sequence,) = fasta(real / f"genomes/vertebrate_mammalian/{name}.fa.gz").values()
            handle.write(f">{contig}\n{sequence}\n")
    rows = []
    with open_text(real / "annotation/splice/spliceai_canonical_dataset_hg19.txt.gz") as handle:
        for line in handle:
            name, paralog, chrom, strand, start, end, ends, starts = line.rstrip("\n").split("\t")
            if chrom in PIECES:
                by = PIECES[chrom][1] - 1
                first, last = int(start) - by, int(end) - by
                if first > 300 and last < 2_000_000 - 300:
                    rows.append((name, paralog, chrom, strand, first, last, shifted(ends, by), shifted(starts, by)))
    assert len(rows) == 35
    (folder / "genes.txt").write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
    return [Source("genome", "", folder / "genome.fa"), Source("genes", "", folder / "genes.txt")]


def shares(windows):
    """The shares of windows with AG before the middle, with GT after it, and with either."""
    before = [window[198:200] == "AG" for window in windows]
    after = [window[200:202] == "GT" for window in windows]
    either = sum(a or b for a, b in zip(before, after, strict=True))
    return tuple(count / len(windows) for count in (sum(before), sum(after), either))


def test_class_proportions_and_splice_signals_agree_with_the_released_set(real, sources):
    built = splice.build(sources, Recipe("splice", "reconstructed", 400, 45_620, 42, ["acceptor", "donor", "no site"]))
    ours = {label: [row.sequences[0] for row in built.examples if row.label == label] for label in range(3)}
    theirs = released(real, "splice/reconstructed")
    rows, released_rows = len(built.examples), sum(map(len, theirs))
    for label in range(3):
        assert len(ours[label]) / rows == pytest.approx(len(theirs[label]) / released_rows, abs=0.01)
    assert shares(theirs[2]) == pytest.approx((0.397, 0.268, 0.572), abs=0.001)
    assert shares(ours[2]) == pytest.approx(shares(theirs[2]), abs=0.06)
