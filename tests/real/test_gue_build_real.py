"""The human sets, built by the program from real bases and annotation (REAL_DATA).

The genome is pieces of four chromosomes of hg19, seven million bases in all; the annotation is shifted to the
coordinates of the pieces. EPDnew is on hg38, whose offsets to hg19 on the pieces follow from the released core
promoters. There are no mouse peaks, so the rule for the mouse runs on human peaks.
"""

import csv
import itertools
from collections import Counter, defaultdict

import pytest

from tests.real.gue_sets import REGISTRY, fasta, of_label, released
from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.gue import build_dataset, promoter, source_readers
from workflow_scripts.gue.packed_genome import gc_count

pytestmark = pytest.mark.real

# contig -> (file, bases of hg19 before the piece, {position of hg19: offset hg19 - hg38 from there on})
PIECES = {
    "chr3": ("aug_chr3_42M", 41_999_999, {0: 41_492}),
    "chr4": ("aug_chr4_103M", 102_999_999, {0: 921_157}),
    "chr5": ("aug_chr5_124M", 123_999_999, {0: -664_307, 125_000_000: -664_308}),
    "chr20": ("human_z_1mb1kgp", 1_000_000, {0: -19_357, 1_140_000: -19_356, 1_400_000: -19_355, 1_465_000: -19_354}),
}
PEAKS = {  # factor -> (file, peaks on the pieces)
    "CTCF": ("BroadGm12878Ctcf", 125),
    "PAX5": ("HaibGm12878Pax5c20Pcr1x", 62),
    "SRF": ("HaibK562SrfV0416101", 18),
    "GATA1": ("SydhK562Gata1Ucd", 10),
    "NFE2": ("SydhK562Nfe2", 10),
    "P300": ("BroadK562P300", 5),
    "NELFe": ("SydhK562Nelfe", 0),
}
# cell line -> pairs on the pieces: without and with interaction
PAIRS = {"GM12878": (61, 13), "HUVEC": (65, 0), "HeLa-S3": (39, 5), "IMR90": (40, 0), "K562": (57, 3), "NHEK": (49, 27)}


@pytest.fixture(scope="module")
def genome(real):
    """contig -> sequence of the piece."""
    folder = real / "genomes/vertebrate_mammalian"
    pieces = {contig: fasta(folder / f"{name}.fa.gz") for contig, (name, _, _) in PIECES.items()}
    return {contig: bases for contig, piece in pieces.items() for bases in piece.values()}


@pytest.fixture(scope="module")
def human(real, genome, tmp_path_factory):
    """A folder with genome.fa, tss.bed, genes.txt, peaks/FACTOR and pairs/CELL, in coordinates of the pieces."""
    folder = tmp_path_factory.mktemp("human")
    annotation = real / "annotation"
    (folder / "genome.fa").write_text("".join(f">{contig}\n{bases}\n" for contig, bases in genome.items()))

    def shifted(contig, *positions):
        """The positions on the piece; ``None`` if one of them is not well within it."""
        before = PIECES[contig][1] if contig in PIECES else 0
        found = [position - before for position in positions]
        return found if contig in PIECES and all(1000 < at < len(genome[contig]) - 1000 for at in found) else None

    rows = []
    for site in source_readers.read_tss(annotation / "epd/human_epdnew_fH7d2.hg38.bed.gz"):
        offsets = PIECES[site.contig][2] if site.contig in PIECES else {}
        in_hg19 = [site.position + offset for first, offset in offsets.items() if site.position + offset >= first]
        if at := shifted(site.contig, *in_hg19[-1:]):
            rows.append(f"{site.contig}\t{at[0]}\t{at[0] + 1}\t{site.name}\t1\t{site.strand}\n")
    (folder / "tss.bed").write_text("".join(rows))
    rows = []
    for gene in source_readers.read_genes(annotation / "splice/spliceai_canonical_dataset_hg19.txt.gz"):
        if at := shifted(gene.contig, gene.start + 1, gene.end):
            before = PIECES[gene.contig][1]
            ends = ",".join(str(end - before) for end in gene.exon_ends)
            starts = ",".join(str(start + 1 - before) for start in gene.exon_starts)
            rows.append("\t".join(map(str, (gene.name, 0, gene.contig, gene.strand, *at, ends, starts))) + "\n")
    (folder / "genes.txt").write_text("".join(rows))
    (folder / "peaks").mkdir()
    for factor, (name, _) in PEAKS.items():
        rows = []
        path = annotation / f"encode_narrowpeak_hg19/wgEncodeAwgTfbs{name}UniPk.narrowPeak.gz"
        for peak in source_readers.read_peaks(path):
            if at := shifted(peak.contig, peak.start, peak.end):
                offset = peak.summit - peak.start
                rows.append("\t".join(map(str, (peak.contig, *at, ".", 1, ".", 1, -1, -1, offset))) + "\n")
        (folder / "peaks" / factor).write_text("".join(rows))
    (folder / "pairs").mkdir()
    for cell in PAIRS:
        rows = ["enhancer_chrom,enhancer_start,enhancer_end,promoter_chrom,promoter_start,promoter_end,label\n"]
        for pair in source_readers.read_pairs(annotation / f"targetfinder/epi_pairs_{cell}.tsv.gz"):
            (contig, *enhancer), (other, *promoter) = pair.enhancer, pair.promoter
            if (first := shifted(contig, *enhancer)) and (second := shifted(other, *promoter)):
                rows.append(",".join(map(str, (contig, *first, other, *second, pair.label))) + "\n")
        (folder / "pairs" / cell).write_text("".join(rows))
    return folder


def promoter_windows(human, genome, length, index):
    """Promoter name -> its window with the TSS at ``index``, along its strand."""
    windows = {}
    for line in (human / "tss.bed").read_text().splitlines():
        contig, at, _, name, _, strand = line.split()
        start = int(at) - (index if strand == "+" else length - 1 - index)
        window = genome[contig][start : start + length]
        windows[name] = window if strand == "+" else reverse_complement(window)
    return windows


@pytest.fixture(scope="module")
def motifs(real, human, genome):
    """A replacement for EPD's motif table, from the released core promoters with and without a TATA box."""
    flagged, plain = (released(real, f"prom/prom_core_{kind}")[1] for kind in ("tata", "notata"))
    windows = promoter_windows(human, genome, 70, 33)
    assert all((window in flagged) != (window in plain) for window in windows.values())
    path = human / "promoter_motifs.txt"
    rows = "".join(f"{name} {int(window in flagged)}\n" for name, window in windows.items())
    path.write_text("#Name TATA-box\n" + rows)
    return path


# rows, and promoters that are also in the available released files (dev and test of prom_300_all and _notata)
@pytest.mark.parametrize(
    ("task", "dataset", "rows", "equal"),
    [
        ("core_promoter", "all", 200, 100),
        ("core_promoter", "notata", 190, 95),
        ("core_promoter", "tata", 10, 5),
        ("promoter", "all", 200, 31),
        ("promoter", "notata", 190, 26),
        ("promoter", "tata", 10, 5),
    ],
)
def test_promoters(real, human, genome, motifs, make, task, dataset, rows, equal):
    roles = {"genome": human / "genome.fa", "tss": human / "tss.bed", "tata_motifs": motifs}
    _, splits = make(task, dataset, roles)
    windows = promoter_windows(human, genome, *((300, 249) if task == "promoter" else (70, 33)))
    promoters, others = of_label(splits, 1), of_label(splits, 0)
    assert len(promoters) + len(others) == rows
    assert set(promoters) <= set(windows.values()) and not set(others) & set(windows.values())
    folder = "prom/prom_300" if task == "promoter" else "prom/prom_core"
    negatives, positives, _ = released(real, *(f"{folder}_{kind}" for kind in ("all", "notata", "tata")))
    assert sum(window in positives for window in promoters) == equal
    assert not set(promoters) & (negatives.keys() - positives.keys())


def test_released_substituted_negatives_keep_eight_segments_including_the_last(real, human, genome):
    segments = defaultdict(set)
    for negative in released(real, "prom/prom_300_notata", "prom/prom_300_all")[0]:
        for start in range(0, 300, 15):
            segments[start, negative[start : start + 15]].add(negative)
    kept = []
    for window in promoter_windows(human, genome, 300, 249).values():
        shared = Counter(n for s in range(0, 300, 15) for n in segments[s, window[s : s + 15]])
        kept += [(count, window[285:] == negative[285:]) for negative, count in shared.items() if count > 5]
    assert len(kept) >= 10 and set(kept) == {(promoter.SEGMENTS - promoter.REPLACED, True)}


def peaks_of(human, factor):
    """[(contig, start, end, summit)] on the pieces."""
    rows = [line.split("\t") for line in (human / "peaks" / factor).read_text().splitlines()]
    return [(row[0], int(row[1]), int(row[2]), int(row[1]) + int(row[9])) for row in rows]


def dinucleotides(window):
    """The dinucleotides of a window with their counts."""
    return sorted(Counter(map("".join, itertools.pairwise(window))).items())


@pytest.mark.parametrize(
    ("dataset", "factor"), [(0, "CTCF"), (1, "PAX5"), (2, "SRF"), (3, "GATA1"), (4, "NFE2"), (0, "P300")]
)
@pytest.mark.parametrize("task", ["tf_human", "tf_mouse"])
def test_binding(human, genome, make, task, dataset, factor):
    """The rule for the mouse runs on human peaks. Splits are 8:1:1 instead of 30:1:1, as there are few rows."""
    roles = {"genome": human / "genome.fa", "peaks": human / "peaks" / factor}
    sheet, splits = make(task, str(dataset), roles, "--max-rows", "8000", "1000", "1000")
    peaks = peaks_of(human, factor)
    assert len(peaks) == PEAKS[factor][1]
    expected = {genome[contig][summit - 50 : summit + 51] for contig, _, _, summit in peaks}
    positives, negatives = of_label(splits, 1), of_label(splits, 0)
    assert set(positives) <= expected
    assert len(positives) == len(expected) - sheet["dropped"].get("no_matched_negative", 0) > 0.8 * len(expected)
    if task == "tf_mouse":
        pairs = [sorted(map(dinucleotides, windows)) for windows in (positives, negatives)]
        assert pairs[0] == pairs[1] and not set(positives) & set(negatives)
        return
    for window in negatives:
        places = [(contig, at) for contig, bases in genome.items() if (at := bases.find(window)) >= 0]
        assert any(
            not any(contig == other and start < at + 101 and at < end for other, start, end, _ in peaks)
            for contig, at in places
        )
    both = zip(sorted(map(gc_count, positives)), sorted(map(gc_count, negatives)), strict=True)
    assert all(abs(positive - negative) <= 3 for positive, negative in both)


def test_a_peak_file_without_peaks_is_an_error(human, tmp_path, capsys):
    arguments = ["--task", "tf_human", "--dataset", "0", "--registry", str(REGISTRY), "--out", str(tmp_path / "out")]
    roles = [f"--source=genome={human}/genome.fa", f"--source=peaks={human}/peaks/NELFe"]
    assert build_dataset.main([*arguments, *roles]) == 1
    assert "peaks/NELFe: no row; expected narrowPeak" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("folder", "bound", "unbound"),
    [("tf/1", (29, 6), (48, 1)), ("tf/2", (14, 11), (28, 2)), ("tf/4", (13, 7), (39, 0))],
)
def test_released_binding_rows_are_windows_of_the_plus_strand(real, human, genome, folder, bound, unbound):
    """``bound`` and ``unbound``: windows on the pieces of chromosomes 3 to 5, and how many are in an available peak.

    The factors of the released sets are unknown, but factors often bind at the same positions.
    """
    classes = released(real, folder)
    starts = {window[:24] for windows in classes for window in windows}
    peaks = [peak for factor in PEAKS for peak in peaks_of(human, factor)]
    found, in_peaks = Counter(), Counter()
    for contig in ("chr3", "chr4", "chr5"):
        bases = genome[contig]
        for at in range(len(bases) - 100):
            if bases[at : at + 24] not in starts:
                continue
            for label in (0, 1):
                if bases[at : at + 101] in classes[label]:
                    found[label] += 1
                    in_peaks[label] += any(c == contig and s <= at + 50 < e for c, s, e, _ in peaks)
    assert ((found[1], in_peaks[1]), (found[0], in_peaks[0])) == (bound, unbound)


def exon_boundaries(human, genome):
    """(acceptor windows, donor windows) of the gene table: 400 bp along the strand, centred on the boundary."""
    found = set(), set()
    for line in (human / "genes.txt").read_text().splitlines():
        _, _, contig, strand, _, _, ends, starts = line.split("\t")
        lefts, rights = ([int(at) for at in text.split(",") if at] for text in (ends, starts))
        for right_side, places in ((False, lefts), (True, [at - 1 for at in rights])):
            for at in places:
                window = genome[contig][at - 200 : at + 200]
                is_acceptor = right_side == (strand == "+")
                found[not is_acceptor].add(window if strand == "+" else reverse_complement(window))
    return found


def test_splice_sites(real, human, genome, make):
    roles = {"genome": human / "genome.fa", "genes": human / "genes.txt"}
    _, splits = make("splice", "reconstructed", roles, balanced=False)
    acceptors, donors = exon_boundaries(human, genome)
    built = [set(of_label(splits, label)) for label in range(3)]
    assert built[0] <= acceptors and built[1] <= donors and not built[2] & (acceptors | donors)
    assert min(len(built[0]), len(built[1])) > 350 and len(built[2]) >= max(len(built[0]), len(built[1]))
    known = released(real, "splice/reconstructed")
    for label, at, signal in ((0, 198, "AG"), (1, 200, "GT")):
        for windows in (built[label], known[label]):
            assert sum(window[at : at + 2] == signal for window in windows) / len(windows) > 0.97
    assert [len(windows & known[label].keys()) for label, windows in enumerate((acceptors, donors))] == [1, 4]
    assert not any(built[label] & known[other].keys() for label in (0, 1, 2) for other in (0, 1, 2) if label != other)


@pytest.mark.parametrize("cell", PAIRS)
def test_interactions(human, genome, make, tmp_path, capsys, cell):
    """Two cell lines have no interacting pair on the pieces, so the program fails and reports the counts."""
    path = human / "pairs" / cell
    with path.open() as handle:
        pairs = list(csv.DictReader(handle))
    without, with_interaction = (sum(pair["label"] == label for pair in pairs) for label in "01")
    assert (without, with_interaction) == PAIRS[cell]
    if not with_interaction:
        arguments = ["--task", "epi", "--dataset", cell, "--registry", str(REGISTRY), "--out", str(tmp_path / "out")]
        assert build_dataset.main([*arguments, f"--source=genome={human}/genome.fa", f"--source=pairs={path}"]) == 1
        assert f"epi/{cell}: too few rows (train 0, dev 0, test 0" in capsys.readouterr().err
        return
    labels = {}
    for pair in pairs:
        windows = []
        for element, length in (("enhancer", 3000), ("promoter", 2000)):
            start = (int(pair[f"{element}_start"]) + int(pair[f"{element}_end"])) // 2 - length // 2
            windows.append(genome[pair[f"{element}_chrom"]][start : start + length])
        labels[tuple(windows)] = int(pair["label"])
    _, splits = make("epi", cell, {"genome": human / "genome.fa", "pairs": path})
    rows = [row for rows in splits.values() for row in rows]
    assert len(rows) == 2 * with_interaction and all(labels[sequences] == label for sequences, label in rows)
