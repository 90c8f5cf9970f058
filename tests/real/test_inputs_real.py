"""Real intervals on real genomes: what lies under them is what their annotation says, on both strands."""

import gzip
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.real.marks import NEEDS_REAL_DATA
from workflow_scripts.apply.genome import open_genome
from workflow_scripts.apply.inputs import open_input
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.sequences import reverse_complement

pytestmark = NEEDS_REAL_DATA
CHR3 = "genomes/vertebrate_mammalian/aug_chr3_42M.fa.gz"
CHR3_START = 41_999_999  # bases of hg19 before the piece
CTCF = "wgEncodeAwgTfbsBroadGm12878CtcfUniPk.narrowPeak.gz"
CHROMOSOMES = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV", "XVI"]
MOTIF = re.compile("CC[AC][CGT][CT]AG[AGT][GT]GG")
STOPS = ("TAA", "TAG", "TGA")
INITIATORS = ("CA", "CG", "TA", "TG")
HG38_TO_HG19 = 41_492  # on this piece


def lines_of(path: Path):
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if not line.startswith("#"):
                yield line.rstrip("\n").split("\t")


def read(folder, genome, rows, name="a.bed"):
    (folder / name).write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
    return list(open_input(folder / name, genome).records())


@pytest.fixture(scope="module")
def yeast(real, tmp_path_factory):
    return open_genome(real / "genomes/fungi/s_cerevisiae_R64-1-1.fa.gz", tmp_path_factory.mktemp("yeast"))


@pytest.fixture(scope="module")
def chr3(real, tmp_path_factory):
    return open_genome(real / CHR3, tmp_path_factory.mktemp("chr3"))


def genes(real):
    """The verified genes of yeast as lines of BED6; SGD's contigs are numbers."""
    for cells in lines_of(real / "annotation/yeast/SGD_features.tab.gz"):
        if cells[1] == "ORF" and cells[2] == "Verified" and cells[8].isdecimal() and int(cells[8]) <= len(CHROMOSOMES):
            start, end = sorted((int(cells[9]), int(cells[10])))
            yield CHROMOSOMES[int(cells[8]) - 1], start - 1, end, cells[3], 0, "+" if cells[11] == "W" else "-"


def test_genes_of_yeast_begin_and_end_as_genes_do(real, yeast, tmp_path):
    found = read(tmp_path, yeast, genes(real))
    strands = Counter(record.place.strand for record in found)
    assert min(strands.values()) > 2000
    wrong = [record.name for record in found if record.text[:3] != "ATG" or record.text[-3:] not in STOPS]
    assert len(wrong) < len(found) / 1000, wrong  # those whose first or last exon SGD places otherwise


def test_the_contigs_of_another_source_are_offered(real, yeast, tmp_path):
    rows = [(f"chr{contig}", *rest) for contig, *rest in genes(real)]
    with pytest.raises(UserError, match=r"a\.bed:1: contig 'chrI' is not in .*: it has 'I'"):
        read(tmp_path, yeast, rows)


def test_transcription_of_human_promoters_starts_where_it_should(real, chr3, tmp_path):
    """Initiators are YR (CA, CG, TA or TG) around the start; a shift by one base or a wrong strand loses that."""
    around = 50
    rows = []
    for contig, _, end, *rest in lines_of(real / "annotation/epd/human_epdnew_fH7d2.hg38.bed.gz"):
        start = int(end) - 1 + HG38_TO_HG19 - CHR3_START
        if contig == "chr3" and around < start < chr3.lengths["chr3"] - around:
            rows.append((contig, start - around, start + around + 1, *rest))
    found = read(tmp_path, chr3, rows)
    shares = {}
    for strand in "+-":
        texts = [record.text for record in found if record.place.strand == strand]
        assert len(texts) > 10
        for shift in range(-5, 6):
            at = around + shift
            shares[strand, shift] = sum(text[at - 1 : at + 1] in INITIATORS for text in texts) / len(texts)
    for strand in "+-":
        others = [share for (of, shift), share in shares.items() if of == strand and shift]
        assert shares[strand, 0] > 0.6 and max(others) < 0.5


def test_summits_of_ctcf_peaks_are_near_its_motif(real, chr3, tmp_path):
    """The motif is ten times as frequent around the summits as in the rest of the peaks, and as elsewhere."""
    rows = []
    for contig, start, end, *rest in lines_of(real / "annotation/encode_narrowpeak_hg19" / CTCF):
        first, last = int(start) - CHR3_START, int(end) - CHR3_START
        if contig == "chr3" and first >= 0 and last <= chr3.lengths["chr3"]:
            rows.append((contig, first, last, *rest))
    (tmp_path / "a.narrowPeak").write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
    source = open_input(tmp_path / "a.narrowPeak", chr3)
    assert source.columns == ("score", "signalValue", "pValue", "qValue", "peak")
    found = list(source.records())
    assert len(found) == len(rows) > 50
    near, far = [], []
    for record in found:
        summit = int(record.columns[-1])
        assert 0 <= summit < len(record.text)
        near.append(record.text[max(summit - 30, 0) : summit + 30])
        far += [record.text[: max(summit - 30, 0)], record.text[summit + 30 :]]
    everywhere = motifs([chr3.fetch("chr3", 0, chr3.lengths["chr3"])])
    assert motifs(near) > 10 * max(motifs(far), everywhere)


def motifs(texts):
    """CTCF motifs on both strands for each base."""
    found = sum(len(MOTIF.findall(strand)) for text in texts for strand in (text, reverse_complement(text)))
    return found / sum(map(len, texts))
