"""What the demo's models say about a genome that none has read: planted features are found, and more than by chance."""

import csv
import gzip
import re
from pathlib import Path

import anndata
import numpy as np
import pysam
import pytest
from sklearn.metrics import roc_auc_score

from tests.workflow.harness import demo_results
from workflow_scripts.common.files import read_json, read_table

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results() -> Path:
    return demo_results()


def lines(path: Path) -> list[dict[str, str]]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return list(csv.DictReader(content.decode().splitlines(), delimiter="\t"))


def sequences(path: Path) -> dict[str, str]:
    """Header to letters of a FASTA file."""
    records = path.read_text().split(">")[1:]
    return {head: "".join(rest.split()).upper() for head, _, rest in (record.partition("\n") for record in records)}


def test_planted_promoters_are_told_from_other_sequences_better_than_by_their_composition(results):
    rows = lines(results / "apply/promoters/predictions.tsv")
    texts = sequences(results / "demo/apply/sequences.fa")
    labels = [row["description"] == "label=1" for row in rows]
    assert [f"{row['name']} {row['description']}" for row in rows] == list(texts) and sum(labels) == len(labels) / 2
    found = roc_auc_score(labels, [float(row["probability_promoter"]) for row in rows])
    content = [(text.count("G") + text.count("C")) / len(text) for text in texts.values()]
    assert found > max(0.8, roc_auc_score(labels, content) + 0.05)


def test_the_track_of_a_scan_is_higher_at_planted_promoters(results):
    contig = pysam.FastaFile(str(next((results / "apply/.genomes").glob("*/genome.fa.gz"))))
    track = np.zeros(contig.get_reference_length("chr1"))
    for line in (results / "apply/promoter_scan/promoter.bedgraph").read_text().splitlines()[1:]:
        _, start, end, value = line.split("\t")
        assert not track[int(start) : int(end)].any(), "each base has one value"
        track[int(start) : int(end)] = float(value)
    starts = [int(line.split("\t")[1]) for line in (results / "demo/apply/promoters.bed").read_text().splitlines()]
    near = np.zeros(len(track), dtype=bool)
    for start in starts:
        near[start - 50 : start + 50] = True
    assert roc_auc_score(near, track) > 0.75
    assert roc_auc_score(np.roll(near, 500), track) < 0.6, "places between the promoters are no higher"


def test_variants_that_break_a_planted_word_score_worse_than_neutral_ones(results):
    rows = read_table(results / "apply/site_variants/evaluation.tsv")
    scores = {(row["score"], row["worse"]): float(row["auroc"]) for row in rows if row["kind"] == "all"}
    floors = [value for (name, _), value in scores.items() if name.endswith("_change")]
    assert scores["logit_bound", "low"] > 0.8 and scores["logit_bound", "low"] > max(floors) + 0.1


def test_annotated_variants_agree_with_their_table(results):
    folder = results / "apply/site_variants"
    table = {row["id"]: row for row in lines(folder / "variants.tsv")}
    with pysam.VariantFile(str(folder / "variants.vcf.gz")) as variants:
        records = list(variants)
        assert all("simulated" not in name for name in variants.header.info)
    assert len(records) == len(table) > 100
    for record in records:
        assert record.info["EFFECT"] in ("breaks", "neutral"), "what the file had is kept"
        assert record.info["DNABERT_LOGIT_BOUND"][0] == pytest.approx(float(table[record.id]["logit_bound"]), abs=1e-4)


def test_the_mutagenesis_map_peaks_on_planted_words(results):
    words = {}
    for header in sequences(results / "demo/apply/sites.fa"):
        name, told = header.split()
        words[name] = [tuple(map(int, place)) for place in re.findall(r"(\d+)-(\d+)", told)]
    maps: dict[str, list[tuple[int, float]]] = {name: [] for name in words}
    for row in lines(results / "apply/site_bases/explanations.tsv.gz"):
        maps[row["name"]].append((int(row["position"]), float(row["importance"])))
    areas, peaks, shares = [], [], []
    for name, bases in maps.items():
        inside = np.array([any(start <= place < end for start, end in words[name]) for place, _ in bases])
        importance = np.array([value for _, value in bases])
        areas.append(roc_auc_score(inside, importance))
        peaks.append(inside[importance.argmax()])
        shares.append(inside.mean())
    assert np.mean(areas) > 0.7 and np.mean(peaks) > 0.8 > 2 * np.mean(shares)


def test_planted_motifs_are_enriched_and_decoys_are_not(results):
    found = {row["name"].split()[-1]: float(row["q"]) for row in read_table(results / "apply/site_motifs/motifs.tsv")}
    planted = {name for name, q in found.items() if name.startswith("planted") and q < 0.05}
    decoys = {name for name, q in found.items() if name.startswith("decoy") and q < 0.05}
    assert len(planted) == 3 and not decoys
    tokens = read_table(results / "apply/site_motifs/tokens.tsv")
    assert any(float(row["q"]) < 0.05 for row in tokens)


def test_embeddings_have_a_row_for_each_sequence(results):
    folder = results / "apply/sites"
    opened, record = anndata.read_h5ad(folder / "embeddings.h5ad"), read_json(folder / "record.json")
    names = [header.split()[0] for header in sequences(results / "demo/apply/sites.fa")]
    assert list(opened.obs["name"]) == names and opened.shape == (record["rows"], record["size"])
    np.testing.assert_array_equal(opened.X, np.load(folder / "embeddings.npy"))
