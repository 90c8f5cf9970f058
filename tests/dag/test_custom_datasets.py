"""The user's data sets are checked when the rules are read, and read again only after a change."""

import os

import pytest

from workflow_scripts.dag import custom_datasets
from workflow_scripts.dag.custom_datasets import custom_mistakes
from workflow_scripts.dag.gue import Gue

SOUND = "Sequence;Label\nACGT;host\nGGGG;virus\n"


@pytest.fixture
def check(configured, tmp_path, monkeypatch):
    """``check(**keys)``: the mistakes of the data set in the folder ``fly``, and what was said."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fly").mkdir()
    for split in ("train", "dev", "test"):
        (tmp_path / "fly" / f"{split}.csv").write_text(SOUND)

    def check(datasets=("*/fly",)):
        said: list[str] = []
        custom = {"h3k4/fly": {"folder": "fly"}}
        return custom_mistakes(
            Gue(configured({"gue": {"custom": custom, "datasets": list(datasets)}})), said.append
        ), said

    return check


def test_a_sound_data_set_is_explained_once_and_then_not_read_again(check, monkeypatch):
    mistakes, said = check()
    assert mistakes == [] and len(said) == 3
    assert said[0] == "data set h3k4/fly: fly/train.csv: semicolons, utf-8; 'Sequence' as sequence, 'Label' as label"
    monkeypatch.setattr(custom_datasets, "read_labelled_set", None)
    assert check() == ([], [])


def test_a_replaced_file_is_read_again_though_size_and_time_are_the_same(check, tmp_path):
    check()
    path = tmp_path / "fly" / "dev.csv"
    time = path.stat().st_mtime_ns
    (tmp_path / "new").write_text(SOUND.replace("GGGG", "GG-G"))
    (tmp_path / "new").replace(path)
    os.utime(path, ns=(time, time))
    assert check()[0] == ["fly/dev.csv:3: '-' at letter 3 is not a nucleotide code (one of ACGTUNRYSWKMBDHV)"]


def test_a_broken_data_set_is_reported_every_time_and_only_if_it_is_chosen(check, tmp_path):
    for split in ("train", "test"):
        (tmp_path / "fly" / f"{split}.csv").write_text(SOUND + "MKLV;host\n")
    for _ in range(2):
        assert [line.split(" ")[0] for line in check()[0]] == ["fly/train.csv:4:", "fly/test.csv:4:"]
    assert check(["emp/H3"]) == ([], [])


def test_intervals_are_checked_with_their_genome_before_any_job(configured, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "genome.fa").write_text(">chr1\n" + "ACGT" * 5000 + "\n")
    (tmp_path / "a.bed").write_text("".join(f"1\t{at}\t{at + 50}\n" for at in range(0, 10_000, 1000)))
    entry = {"intervals": "a.bed", "genome": "genome.fa"}
    keys = {"gue": {"custom": {"mine/a": entry | {"distance": 100}}, "datasets": ["mine/a"]}}
    said: list[str] = []
    told = (
        "a.bed:1: contig '1' is 'chr1' in genome.fa (10 intervals on 1 contig); "
        "write the names in one way in both files"
    )
    assert custom_mistakes(Gue(configured(keys)), said.append) == [told] and said == []
    (tmp_path / "a.bed").write_text(
        (tmp_path / "a.bed").read_text().replace("1\t", "chr1\t", 1).replace("\n1\t", "\nchr1\t")
    )
    assert custom_mistakes(Gue(configured(keys)), said.append) == []
    assert said == ["data set mine/a: a.bed: 10 intervals on 1 contig; 50 bases of each, as it is"]
    monkeypatch.setattr(custom_datasets, "read_made_sources", None)
    assert custom_mistakes(Gue(configured(keys)), said.append) == [] and len(said) == 1, "read once"
