"""Data sets from real intervals: CTCF peaks on three pieces of hg19, and transcription start sites of yeast."""

import csv
import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from tests.gue.made_rows import better_auroc, by_label, gc, read_rows
from workflow_scripts.common.files import open_text
from workflow_scripts.common.sequences import known_kmers, reverse_complement
from workflow_scripts.gue.take_dataset import main

pytestmark = pytest.mark.real
PIECES = {
    "chr3": ("aug_chr3_42M", 42_000_000),
    "chr4": ("aug_chr4_103M", 103_000_000),
    "chr5": ("aug_chr5_124M", 124_000_000),
}
PIECE = 2_000_000  # bases
ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV", "XVI")


def take(tmp_path, *options):
    words = ["--name", "mine", "real", "--metric", "auroc", *options, "--out", tmp_path / "out"]
    assert main(list(map(str, words))) == 0
    return read_rows(tmp_path / "out"), json.loads((tmp_path / "out/datasheet.json").read_text())


def kmer_auroc(rows, k):
    """That of a logistic regression on k-mers of both strands, fitted to train, on dev and test."""

    def counts(sequence):
        both = np.concatenate([known_kmers(strand, k) for strand in (sequence, reverse_complement(sequence))])
        return np.sqrt(np.bincount(both, minlength=4**k))

    parts = [[row for row in rows if (row[0] == "train") == training] for training in (True, False)]
    (train, fitted), (rest, expected) = [
        (np.array([counts(row[1]) for row in part]), [row[2] for row in part]) for part in parts
    ]
    model = LogisticRegression(C=0.01, max_iter=1000).fit(train, fitted)
    return roc_auc_score(expected, model.decision_function(rest))


def test_ctcf_is_told_from_its_background_but_not_by_gc(real, tmp_path):
    folder = real / "genomes/vertebrate_mammalian"
    with (tmp_path / "human.fa").open("w") as out:
        for name, _ in PIECES.values():
            with open_text(folder / f"{name}.fa.gz") as piece:
                out.writelines(piece)
    peaks = real / "annotation/encode_narrowpeak_hg19/wgEncodeAwgTfbsBroadGm12878CtcfUniPk.narrowPeak.gz"
    with open_text(peaks) as lines, (tmp_path / "ctcf.narrowPeak").open("w") as out:
        for contig, start, end, *rest in (line.rstrip("\n").split("\t") for line in lines):
            before = PIECES.get(contig, ("", 0))[1]
            if before and before <= int(start) and int(end) <= before + PIECE:
                out.write("\t".join([contig, str(int(start) - before), str(int(end) - before), *rest]) + "\n")
    options = ["--intervals", tmp_path / "ctcf.narrowPeak", "--genome", tmp_path / "human.fa", "--width", 101]
    rows, sheet = take(tmp_path, *options, "--centre", "summit", "--ratio", 5)
    negatives, positives = by_label(rows)
    assert len(positives) == 102 == sheet["positives"]["read"] and len(negatives) == 510
    assert better_auroc(rows, gc) < 0.51 and kmer_auroc(rows, 6) > 0.65


def test_yeast_start_sites_by_chromosome(real, tmp_path):
    with open_text(real / "annotation/yeast/SGD_TSS.tab.gz") as lines, (tmp_path / "tss.bed").open("w") as out:
        for row in csv.DictReader(lines, delimiter="\t"):
            if row["TSS"] not in ("NaN", ""):
                contig, site = ROMAN[int(row["chr"].removeprefix("chr")) - 1], int(float(row["TSS"]))
                strand = "+" if int(row["start"]) < int(row["end"]) else "-"
                out.write(f"{contig}\t{site - 1}\t{site}\t{row['IACC']}\t0\t{strand}\n")
    genome = real / "genomes/fungi/s_cerevisiae_R64-1-1.fa.gz"
    split = ["--split", "chromosome", "--dev-chromosomes", "II", "IX", "--test-chromosomes", "IV", "XII"]
    rows, sheet = take(tmp_path, "--intervals", tmp_path / "tss.bed", "--genome", genome, "--width", 200, *split)
    assert sheet["positives"]["read"] == 5540 and sheet["positives"]["dropped"] == {"duplicate": 117}
    assert better_auroc(rows, gc) < 0.51 and kmer_auroc(rows, 4) > 0.75
    sites = sorted((place.contig, place.start, place.end) for _, _, label, (place,) in rows if label)
    starts = {contig: np.array([start for name, start, _ in sites if name == contig]) for contig in ROMAN}
    for place in (row[3][0] for row in by_label(rows)[0]):
        assert np.abs(starts[place.contig] - place.start).min() >= 1200
