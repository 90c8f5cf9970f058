"""What the rules of the data sets ask for."""

import hashlib
import re
from pathlib import Path

import pytest

from tests.dag.conftest import job
from workflow_scripts.dag.gue import ARCHIVE, Gue

H3, HUMAN = job(task="emp", dataset="H3"), job(task="tf_human", dataset="1")
MD5 = "0" * 32


@pytest.fixture
def gue(configured):
    """``gue(**keys)``: with these keys in the section."""
    return lambda **keys: Gue(configured({"gue": keys}))


@pytest.fixture
def fly(tmp_path) -> str:
    """The folder of a custom data set."""
    folder = tmp_path / "fly"
    folder.mkdir()
    for name in ("train.csv", "dev.csv.gz", "test.csv"):
        (folder / name).touch()
    return str(folder)


def test_patterns_choose_among_the_data_sets_of_the_registry(gue):
    assert len(gue().datasets) == 36 == len(gue().audited)
    assert gue(datasets=["tf_mouse/*", "emp/H3"]).datasets == ["emp/H3", *(f"tf_mouse/{n}" for n in range(5))]


def test_custom_data_sets_are_rows_like_the_others(gue, fly):
    custom = {"enhancers/fly": {"folder": fly}, "signal/fly": {"folder": fly, "problem": "regression"}}
    data = gue(custom=custom, datasets=["*/fly", "emp/H3"])
    assert data.datasets == ["emp/H3", "enhancers/fly", "signal/fly"]
    assert data.audited == ["emp/H3", "enhancers/fly"], "only classes are audited"
    assert [data.metric(job(task=task, dataset="fly")) for task in ("enhancers", "signal")] == ["mcc", "spearman"]
    assert data.custom_dataset_files(job(task="signal", dataset="fly")) == [
        f"fly/{name}" for name in ("train.csv", "dev.csv.gz", "test.csv")
    ]
    assert data.custom_place(job(task="signal", dataset="fly")) == ["--folder", fly]
    options = ["--problem", "regression", "--metric", "spearman"]
    assert data.custom_options(job(task="signal", dataset="fly")) == options
    assert data.audit(job(task="enhancers", dataset="fly")) == ["results/gue/enhancers/fly/audit.json"]
    assert data.audit(job(task="signal", dataset="fly")) == []
    accuracy = gue(custom={"enhancers/fly": {"folder": fly, "metric": "accuracy"}})
    assert accuracy.metric(job(task="enhancers", dataset="fly")) == "accuracy"


def test_intervals_and_fasta_bring_their_files_and_keys(gue, tmp_path):
    """Where files are is no param, so only what is tracked decides what runs again; defaults are written out."""
    for name in ("a.bed", "g.2bit", "x.fa", "y.fa"):
        (tmp_path / name).touch()
    chromosomes = {"dev": ["chr9"], "test": ["chr8", "chr21"]}
    data = gue(
        custom={
            "peaks/ctcf": {"intervals": "a.bed", "genome": "g.2bit", "split": "chromosome", "chromosomes": chromosomes},
            "parts/human": {"fasta": {"y": "y.fa", "x": "x.fa"}},
            "parts/one": {"fasta": "x.fa", "negatives": "shuffled"},
        }
    )
    peaks, human, one = (
        job(task=task, dataset=name) for task, name in map(str.split, ("peaks ctcf", "parts human", "parts one"))
    )
    assert data.custom_dataset_files(peaks) == ["a.bed", "g.2bit"] and data.custom_dataset_files(human) == [
        "x.fa",
        "y.fa",
    ]
    assert data.custom_place(peaks) == ["--intervals", "a.bed", "--genome", "g.2bit"]
    assert data.custom_place(human) == ["--fasta", "x.fa", "y.fa"] and data.custom_place(one) == ["--fasta", "x.fa"]
    made = "--negatives matched --centre middle --distance 1000 --ratio 1"
    common = "--seed 42 --problem classification --metric mcc"
    assert (
        data.custom_options(peaks)
        == f"--split chromosome {common} {made} --dev-chromosomes chr9 --test-chromosomes chr8 chr21".split()
    )
    assert data.custom_options(human) == f"{common} --negatives none --classes x y".split()
    assert data.custom_options(one) == f"{common} --negatives shuffled --ratio 1".split()


def test_data_sets_of_the_benchmark_have_twins_if_asked_for(gue, fly):
    keys = {"custom": {"enhancers/fly": {"folder": fly}}, "datasets": ["*/fly", "emp/H3", "tf_mouse/0"]}
    data, without = gue(homology_twins=True, **keys), gue(**keys)
    assert data.datasets == without.datasets and without.twins == {}
    assert data.twins == {"emp/H3": "emp/H3.homology", "tf_mouse/0": "tf_mouse/0.homology"}
    assert data.audited == [*without.audited, *data.twins.values()]
    assert data.metric(job(task="emp", dataset="H3.homology")) == "mcc"


def test_tasks_of_the_benchmark_and_custom_ones_are_made_by_different_rules(gue, fly):
    data = gue(custom={"enhancers/fly": {"folder": fly}, "signal/fly": {"folder": fly}})
    assert all(re.fullmatch(data.custom_tasks, task) for task in ("enhancers", "signal"))
    assert not re.fullmatch(data.custom_tasks, "emp") and re.fullmatch(data.benchmark_tasks, "emp")
    assert not re.fullmatch(data.benchmark_tasks, "enhancers")
    assert not any(re.fullmatch(gue().custom_tasks, text) for text in ("", "emp"))


def test_a_data_set_is_built_from_the_sources_that_name_it(gue):
    sources = gue().source_files(job(task="promoter", dataset="tata"))
    assert sources and all(path.startswith("results/gue/sources/") for path in sources)
    options = gue().source_options(job(task="promoter", dataset="tata"))
    assert options[::2] == ["--source"] * len(sources)
    assert [option.split("=")[1] for option in options[1::2]] == sources
    assert {option.split("=")[0] for option in options[1::2]} >= {"genome"}
    labelled = gue().source_options(job(task="species", dataset="fungi"))[1::2]
    assert all(re.match(r"species_genome:[^=]+=results/", option) for option in labelled)


def test_a_source_on_this_machine_is_an_input(gue, tmp_path):
    table = tmp_path / "sources.tsv"
    table.write_text(
        "source\trole\tlabel\turl\tmd5\tdatasets\n"
        "here.txt\thistone\t\tfolder/a.txt\t\temp/H3\n"
        f"there.txt\thistone\t\tfile:///b.txt\t{MD5}\temp/*\n"
        "web.txt\thistone\t\thttps://example.org/c.txt\t\temp/H4\n"
    )
    data = gue(sources=str(table))
    local = {name: data.local_source(job(source=name)) for name in data.sources}
    assert local == {"here.txt": ["folder/a.txt"], "there.txt": ["/b.txt"], "web.txt": []}
    told = {name: data.source(job(source=name)) for name in data.sources}
    assert told == {"here.txt": ["no such file"], "there.txt": [], "web.txt": ["https://example.org/c.txt"]}
    assert data.source_url(job(source="web.txt")) == "https://example.org/c.txt"
    assert data.md5_option(job(source="web.txt")) == [] and data.md5_option(job(source="there.txt")) == ["--md5", MD5]
    assert data.source_files(H3) == ["results/gue/sources/here.txt", "results/gue/sources/there.txt"]
    assert data.source_records(H3) == ["results/gue/records/here.txt.json", "results/gue/records/there.txt.json"]
    assert data.simulated_files() == ["folder/a.txt", "file:///b.txt", "https://example.org/c.txt"]


def test_drawn_peaks_take_the_place_of_those_of_the_table(gue):
    fixed, drawn = gue().source_options(HUMAN), gue(calibrate=True).source_options(HUMAN)
    assert "peaks=results/gue/candidates/tf_human/1.narrowPeak.gz" in drawn
    assert not any("candidates" in option for option in fixed)
    assert [option for option in drawn if "genome=" in option] == [option for option in fixed if "genome=" in option]


def test_drawn_peaks_stand_for_themselves_and_fetched_files_have_records(gue):
    records = gue(calibrate=True).source_records(HUMAN)
    assert "results/gue/candidates/tf_human/1.narrowPeak.gz" in records
    assert sum(path.startswith("results/gue/records/") for path in records) == len(records) - 1


def test_candidates_are_sources_from_which_no_data_set_is_built(gue):
    data = gue(calibrate=True)
    peaks, scores = data.candidate_peaks(job(task="tf_mouse")), data.candidate_scores(job(task="tf_mouse"))
    assert len(peaks) == len(scores) == 5 and len(data.candidate_peaks(job(task="tf_human"))) == 174
    assert all(path.removeprefix("results/gue/sources/") in data.sources for path in peaks)
    names = [path.rsplit("/", 1)[1] for path in peaks]
    assert scores == [f"results/gue/candidates/tf_mouse/scores/{name}.json" for name in names]
    (genome,) = data.candidate_genome(job(task="tf_mouse"))
    assert genome in data.source_files(job(task="tf_mouse", dataset="3"))
    added = data.sources.keys() - gue().sources.keys()
    assert len(added) == 179 - 10 and all(name.startswith("peaks/") for name in added), "ten are sources of the table"
    assert {data.sources[name]["datasets"] for name in added} == {""}


def test_rows_and_lengths_are_options(gue):
    data = gue(max_rows={"train": 3, "test": 1}, length={"emp": 100})
    assert data.max_rows() == [3, 0, 1], "of train, dev and test"
    assert data.length_option(H3) == ["--length", "100"] and data.length_option(HUMAN) == []


def test_an_archive_on_the_web_is_one_more_source(gue):
    data = gue(origin="published", published="https://example.org/GUE.zip", published_md5=MD5)
    archive = job(source=ARCHIVE)
    assert data.source_url(archive) == "https://example.org/GUE.zip" and data.md5_option(archive) == ["--md5", MD5]
    assert data.local_source(archive) == []
    assert data.published(H3) == f"results/gue/sources/{ARCHIVE}"
    assert data.published_files(H3) == [data.published(H3)]
    assert data.published_record(H3) == [f"results/gue/records/{ARCHIVE}.json"] and data.published_content(H3) == []
    assert ARCHIVE not in "".join(data.source_files(H3))


def test_published_files_here_are_read_where_they_are(gue, tmp_path):
    archive = tmp_path / "GUE.zip"
    archive.touch()
    data = gue(origin="published", published=str(archive))
    assert ARCHIVE not in data.sources
    assert data.published(H3) == str(archive) and data.published_files(H3) == ["GUE.zip"]
    assert data.published_content(H3) == [hashlib.sha256(b"").hexdigest()] and data.published_record(H3) == []
    folder = tmp_path / "GUE"
    for name in ("EMP/H3/train.csv", "EMP/H3/dev.csv.gz", "EMP/H3/notes.txt", "EMP/H4/train.csv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    data = gue(origin="published", published=str(folder))
    assert data.published_files(H3) == ["GUE/EMP/H3/dev.csv.gz", "GUE/EMP/H3/train.csv"]
    assert len(data.published_content(H3)) == 2


def test_the_record_names_every_table_of_the_section(gue):
    names = [Path(table).name for table in gue().tables]
    assert names == ["gue.tsv", "gue_sources.tsv", "gue_candidates.tsv", "gue_published.tsv"]
    on_hub = [Path(table).name for table in gue(origin="published", published="hub").tables]
    assert on_hub == [*names, "gue_hub.tsv"]


def test_published_files_of_the_hub_are_fetched_data_set_by_data_set(gue):
    data = gue(origin="published", published="hub")
    commit = "240df51a2cd2c0fb1d88efffaf86e8d1e477f932"
    place = ["--hub", "leannmlindsey/GUE", "--revision", commit, "--folder", "GUE/emp_H3"]
    assert data.hub_options(H3) == place
    assert data.published(H3) == "results/gue/hub/emp/H3" and data.published_files(H3) == [data.published(H3)]
    assert data.published_record(H3) == ["results/gue/hub/emp/H3.json"] and data.published_content(H3) == []
    assert ARCHIVE not in data.sources and list(data.hub_rows) == list(data.datasets)
    assert gue(origin="published", published="./hub").on_hub is False, "a folder of that name"


def test_the_size_of_published_files_is_that_of_a_file_at_hand(gue):
    """prom_core_notata/train.csv of dnagpt/GUE has 3.14 MB, tf/0 of DeepGene 3,367,327 bytes with one less a row."""
    data = gue(origin="published", published="hub")
    notata = data.published_bytes(job(task="core_promoter", dataset="notata")) * 42_452 / (42_452 + 2 * 5_307)
    assert notata == pytest.approx(3.14e6, rel=0.001)
    tf = data.published_bytes(job(task="tf_human", dataset="0")) * 32_378 / 34_378
    assert tf == pytest.approx(3_367_327 + 32_378, rel=1e-4)
