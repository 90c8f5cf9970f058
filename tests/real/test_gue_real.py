"""The gue room against the real sources and the released GUE files (folder in REAL_DATA).

The hg19 piece of chromosome 3 starts at the 1-based position 42,000,000; there hg38 = hg19 - 41,492.
"""

import json
import os
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from workflow_scripts.common.files import open_text
from workflow_scripts.gue import promoter, published, sources, splice
from workflow_scripts.gue.examples import Built, Recipe
from workflow_scripts.gue.genome_file import read_genome
from workflow_scripts.gue.sources import Source

pytestmark = pytest.mark.real

REGISTRY = Path(__file__).parents[2] / "config/gue.tsv"
PIECE_START, HG38_TO_HG19 = 42_000_000, 41_492
COMPLETE = {  # the sets with all three splits at hand
    **{("tf_mouse", n): f"mouse/{n}" for n in "023"},
    **{("tf_human", n): f"tf/{n}" for n in "124"},
    **{("promoter", "tata"): "prom/prom_300_tata", ("core_promoter", "tata"): "prom/prom_core_tata"},
    ("core_promoter", "notata"): "prom/prom_core_notata",
}


@pytest.fixture(scope="module")
def real():
    folder = os.environ.get("REAL_DATA")
    if not folder:
        pytest.skip("REAL_DATA names no folder with real data")
    return Path(folder)


@pytest.fixture(scope="module")
def chr3(real, tmp_path_factory):
    """(genome source, tss source): the piece and the EPDnew promoters on it, in its own coordinates."""
    tss = tmp_path_factory.mktemp("chr3") / "tss.bed"
    genome = real / "genomes/vertebrate_mammalian/aug_chr3_42M.fa.gz"
    length = read_genome(genome).length("chr3")
    with tss.open("w") as handle:
        for site in sources.read_tss(real / "annotation/epd/human_epdnew_fH7d2.hg38.bed.gz"):
            at = site.position + 1 + HG38_TO_HG19 - PIECE_START
            if site.chrom == "chr3" and 300 < at < length - 300:
                handle.write(f"chr3\t{at}\t{at + 1}\t{site.name}\t1\t{site.strand}\n")
    return [Source("genome", "", genome), Source("tss", "", tss)]


def released(real, folder):
    """label -> set of sequences, over the splits at hand."""
    found = defaultdict(set)
    for path in sorted((real / "gue" / folder).glob("*.csv.gz")):
        with open_text(path) as handle:
            next(handle)
            for line in handle:
                sequence, label = line.rstrip("\n").split(",")
                found[int(label)].add(sequence)
    return found


def positives(chr3, task, length):
    built = promoter.build(chr3, Recipe(task, "all", length, 10_000, 42, ["non-promoter", "promoter"]))
    return [row.sequences[0] for row in built.examples if row.label == 1]


def test_core_promoters_equal_the_released_sequences(real, chr3):
    core = [released(real, f"prom/prom_core_{kind}")[1] for kind in ("tata", "notata")]
    built = positives(chr3, "core_promoter", 70)
    assert len(built) == 38
    assert all(sequence in core[0] | core[1] for sequence in built)


def test_promoters_equal_the_released_sequences_where_those_are_at_hand(real, chr3):
    kinds = [released(real, f"prom/prom_300_{kind}") for kind in ("tata", "notata", "all")]
    promoters, others = (set().union(*(kind[label] for kind in kinds)) for label in (1, 0))
    found = [sequence for sequence in positives(chr3, "promoter", 300) if sequence in promoters | others]
    assert len(found) >= 15 and not set(found) & (others - promoters)


def test_released_substituted_negatives_keep_eight_segments_and_the_last(real, chr3):
    segments = defaultdict(set)
    for negative in released(real, "prom/prom_300_notata")[0] | released(real, "prom/prom_300_all")[0]:
        for start in range(0, 300, 15):
            segments[start, negative[start : start + 15]].add(negative)
    kept = []
    for sequence in positives(chr3, "promoter", 300):
        shared = Counter(n for s in range(0, 300, 15) for n in segments[s, sequence[s : s + 15]])
        kept += [(count, sequence[285:] == negative[285:]) for negative, count in shared.items() if count > 5]
    assert len(kept) >= 10 and set(kept) == {(promoter.SEGMENTS - promoter.REPLACED, True)}


def test_tata_rule_against_the_released_kinds(real):
    tata = released(real, "prom/prom_300_tata")[1]
    others = released(real, "prom/prom_300_notata")[1]
    assert sum(promoter.has_tata_box(s, 249) for s in tata) / len(tata) == pytest.approx(0.634, abs=0.005)
    assert sum(promoter.has_tata_box(s, 249) for s in others) / len(others) == pytest.approx(0.006, abs=0.002)


def test_real_exon_boundaries_carry_the_splice_signals(real):
    genome = read_genome(real / "genomes/vertebrate_mammalian/aug_chr3_42M.fa.gz")
    genes = sources.read_genes(real / "annotation/splice/spliceai_canonical_dataset_hg19.txt.gz")
    assert len(genes) == 18_677
    here = [g for g in genes if g.chrom == "chr3" and g.start > PIECE_START + 300 and g.end < PIECE_START + 1_999_000]
    assert len(here) > 15
    dropped = Counter()
    for label, at, signal in ((splice.ACCEPTOR, 198, "AG"), (splice.DONOR, 200, "GT")):
        boundaries = [(c, p - PIECE_START + 1, strand) for c, p, strand in splice.sites(here)[label]]
        built = Built(dropped=dropped)
        windows = [splice.window_at(genome, boundary, 400, built).sequence for boundary in boundaries]
        assert sum(window[at : at + 2] == signal for window in windows) / len(windows) > 0.97
        of_class = released(real, "splice/reconstructed")[label]
        assert sum(window[at : at + 2] == signal for window in of_class) / len(of_class) > 0.97


def test_real_sources_are_read_whole(real):
    annotation = real / "annotation"
    assert len(sources.read_tss(annotation / "epd/human_epdnew_fH7d2.hg38.bed.gz")) == 29_598
    peaks = annotation / "encode_narrowpeak_hg19"
    assert len(sources.read_peaks(peaks / "wgEncodeAwgTfbsBroadGm12878CtcfUniPk.narrowPeak.gz")) == 44_982
    assert len(sources.read_peaks(peaks / "wgEncodeAwgTfbsSydhK562NelfeUniPk.narrowPeak.gz")) == 458
    pairs = Counter(pair.label for pair in sources.read_pairs(annotation / "targetfinder/epi_pairs_GM12878.tsv.gz"))
    assert pairs == {0: 42_200, 1: 2113}
    tsv = sources.read_pairs(annotation / "targetfinder/epi_pairs_NHEK.tsv.gz")
    csv = sources.read_pairs(annotation / "targetfinder/NHEK_output-ep_training.csv.gz")
    key = lambda pair: (pair.enhancer, pair.promoter, pair.label)  # noqa: E731
    assert sorted(map(key, tsv)) == sorted(map(key, csv))
    lineages = sources.read_lineages(annotation / "sars_cov_2/pango_lineage_consensus_2849.tsv.gz")
    assert len(lineages) == 239 and len(set(lineages.values())) == 9


@pytest.mark.parametrize(("task", "dataset"), COMPLETE)
def test_released_sets_have_the_sizes_of_the_registry(real, tmp_path, task, dataset):
    arguments = ["--task", task, "--dataset", dataset, "--registry", str(REGISTRY)]
    assert published.main([*arguments, "--from", str(real / "gue"), "--out", str(tmp_path / "out")]) == 0
    sheet = json.loads((tmp_path / "out/datasheet.json").read_text())
    assert {name: split["rows"] for name, split in sheet["splits"].items()} == sheet["registry_rows"]
    if (task, dataset) == ("tf_human", "4"):
        assert sheet["audit"]["dev_rows_in_train"] == 358
    with open_text(real / "gue" / COMPLETE[task, dataset] / "train.csv.gz") as handle:
        assert (tmp_path / "out/train.csv").read_text() == handle.read()
