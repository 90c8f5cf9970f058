"""Readers, import, baseline and the table of known files on real sources and released GUE files (REAL_DATA)."""

import gzip
import json
from collections import Counter

import pytest

from tests.real.gue_sets import KNOWN, REGISTRY, released
from workflow_scripts.common.files import open_text, read_table
from workflow_scripts.common.randomness import generator
from workflow_scripts.gue import import_dataset, promoter, score_candidate, source_readers
from workflow_scripts.gue.draw_candidates import classify
from workflow_scripts.gue.kmer_baseline import baseline_scores
from workflow_scripts.gue.labelled_examples import Example
from workflow_scripts.gue.published_hashes import git_sha1

pytestmark = pytest.mark.real

COMPLETE = {  # the sets with all three splits available
    **{("tf_mouse", n): f"mouse/{n}" for n in "023"},
    **{("tf_human", n): f"tf/{n}" for n in "124"},
    **{("promoter", "tata"): "prom/prom_300_tata", ("core_promoter", "tata"): "prom/prom_core_tata"},
    ("core_promoter", "notata"): "prom/prom_core_notata",
}


def test_tata_rule_on_the_released_promoters(real):
    tata = released(real, "prom/prom_300_tata")[1]
    others = released(real, "prom/prom_300_notata")[1]
    assert sum(promoter.has_tata_box(s, 249) for s in tata) / len(tata) == pytest.approx(0.634, abs=0.005)
    assert sum(promoter.has_tata_box(s, 249) for s in others) / len(others) == pytest.approx(0.006, abs=0.002)


def test_real_sources_are_read_completely(real):
    annotation = real / "annotation"
    assert len(source_readers.read_tss(annotation / "epd/human_epdnew_fH7d2.hg38.bed.gz")) == 29_598
    peaks = annotation / "encode_narrowpeak_hg19"
    assert len(source_readers.read_peaks(peaks / "wgEncodeAwgTfbsBroadGm12878CtcfUniPk.narrowPeak.gz")) == 44_982
    assert len(source_readers.read_peaks(peaks / "wgEncodeAwgTfbsSydhK562NelfeUniPk.narrowPeak.gz")) == 458
    assert len(source_readers.read_genes(annotation / "splice/spliceai_canonical_dataset_hg19.txt.gz")) == 18_677
    pairs = Counter(
        pair.label for pair in source_readers.read_pairs(annotation / "targetfinder/epi_pairs_GM12878.tsv.gz")
    )
    assert pairs == {0: 42_200, 1: 2113}
    tsv = source_readers.read_pairs(annotation / "targetfinder/epi_pairs_NHEK.tsv.gz")
    csv = source_readers.read_pairs(annotation / "targetfinder/NHEK_output-ep_training.csv.gz")
    key = lambda pair: (pair.enhancer, pair.promoter, pair.label)  # noqa: E731
    assert sorted(map(key, tsv)) == sorted(map(key, csv))


@pytest.mark.parametrize(("task", "dataset"), COMPLETE)
def test_imported_sets_are_unchanged_and_have_the_sizes_of_the_registry(real, tmp_path, task, dataset):
    arguments = ["--task", task, "--dataset", dataset, "--registry", str(REGISTRY), "--known", str(KNOWN)]
    assert import_dataset.main([*arguments, "--from", str(real / "gue"), "--out", str(tmp_path / "out")]) == 0
    sheet = json.loads((tmp_path / "out/datasheet.json").read_text())
    assert {name: split["rows"] for name, split in sheet["splits"].items()} == sheet["registry_rows"]
    assert {(source["verified"], source["rows"]) for source in sheet["sources"]} == {("git blob SHA-1", "as released")}
    with open_text(real / "gue" / COMPLETE[task, dataset] / "train.csv.gz") as handle:
        assert (tmp_path / "out/train.csv").read_text() == handle.read()


@pytest.mark.parametrize("folder", ["tf/1", "tf/2", "tf/4", "mouse/0", "mouse/2", "mouse/3"])
def test_released_binding_sets_would_be_usable_candidates(real, folder):
    """The paper chose them by difficulty, with other models; the F1 of the k-mer baseline is 0.74 to 0.89."""
    rows = [Example((window,), label) for label, windows in enumerate(released(real, folder)[:2]) for window in windows]
    order = generator(1, folder).permutation(len(rows))[: score_candidate.ROWS]
    test_rows = len(order) // score_candidate.TEST_SHARE
    splits = {"train": [rows[i] for i in order[test_rows:]], "dev": [], "test": [rows[i] for i in order[:test_rows]]}
    f1 = baseline_scores(splits, 42)["f1"]
    assert classify({"f1": f1, "test_rows": test_rows}) == "usable" and 0.7 < f1 < 0.93


def test_every_available_released_file_has_its_known_hash(real):
    """With either line end, at the path in the registry; including the files of incomplete sets."""
    registry = {(row["task"], row["dataset"]): row for row in read_table(REGISTRY)}
    seen = 0
    for row in read_table(KNOWN):
        dataset = registry[row["task"], row["dataset"]]
        path = real / "gue" / dataset["published_dir"] / f"{row['split']}.csv.gz"
        if not path.is_file():
            continue
        content = gzip.decompress(path.read_bytes())
        assert git_sha1(content) == row["git_sha1_lf"]
        assert git_sha1(content.replace(b"\n", b"\r\n")) == row["git_sha1_crlf"]
        assert content.count(b"\n") - 1 == int(row["rows"]) == int(dataset[row["split"]])
        seen += 1
    assert 41 <= seen == len(list((real / "gue").rglob("*.csv.gz")))


def test_the_table_of_known_files_agrees_with_the_registry(real):
    """Sizes, if they were counted, and the SHA-1s of the files that are not available."""
    registry = {(row["task"], row["dataset"]): row for row in read_table(REGISTRY)}
    known = read_table(KNOWN)
    assert len(known) == 84 and len({(row["task"], row["dataset"]) for row in known}) == 28
    assert all(row["rows"] in ("", registry[row["task"], row["dataset"]][row["split"]]) for row in known)
    hashes = {f"{registry[row['task'], row['dataset']]['published_dir']}/{row['split']}.csv": row for row in known}
    for row in read_table(real / "gue/missing_blob_sha1.tsv"):
        assert hashes[row["split_file"]]["git_sha1_lf"] == row["git_blob_sha1_in_DeepGene"]
        assert hashes[row["split_file"]]["git_sha1_crlf"] == row["git_blob_sha1_in_xinhexing(CRLF)"]
