"""Every kind of mistake in the configuration has its line, and all are reported together."""

from pathlib import Path

import pytest
import yaml

from tests.settings.conftest import REPOSITORY, change
from workflow_scripts.settings.configuration import mistakes
from workflow_scripts.settings.names import TASKS
from workflow_scripts.settings.patterns import matching

KMERS = ", ".join(f"dnabert_{k}" for k in (3, 4, 5, 6))
PUBLISHED = f"dnabert2_117m, {KMERS}, nt_500m_human, nt_500m_1000g, nt_2500m_1000g, nt_2500m_multi"


def test_the_configuration_of_the_repository_is_sound(sound):
    assert mistakes(sound) == []


def merged(whole: dict, part: dict) -> dict:
    """``part`` over ``whole`` as Snakemake joins configuration files: mappings key by key, all else replaced."""
    both = {key: merged(whole[key], part[key]) for key in whole.keys() & part.keys() if isinstance(part[key], dict)}
    return whole | part | both


@pytest.mark.parametrize(
    ("overlay", "told"),
    [
        ("demo", []),
        ("small", ["config gue.published: 'GUE.zip' is not there; name the folder or archive of the GUE files"]),
    ],
)
def test_the_overlays_are_sound_but_for_what_a_user_must_bring(default, monkeypatch, tmp_path, overlay, told):
    (tmp_path / "config").symlink_to(REPOSITORY / "config")
    monkeypatch.chdir(tmp_path)
    part = yaml.safe_load((REPOSITORY / f"config/{overlay}.yaml").read_text())
    assert mistakes(merged(default, part)) == told


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("genomes.chunk.lenght", 500, "config genomes.chunk: unknown key 'lenght'; did you mean 'length'?"),
        ("report.xyz", 1, "config report: unknown key 'xyz'; known are missing_fits, notice, paper_models, "),
        ("seed", "x", "config seed: 'x' is text, not an integer"),
        ("seed", 1.5, "config seed: 1.5 is a decimal number, not an integer"),
        ("genomes.keep_fasta", "no", "config genomes.keep_fasta: 'no' is text, not true or false; write false"),
        ("finetune.seeds", [42, "a"], "config finetune.seeds[1]: 'a' is text, not an integer"),
        (
            "finetune.runs.1.models",
            "dnabert2",
            "config finetune.runs[1].models: 'dnabert2' is text, not a list; write [dnabert2]",
        ),
        ("gue.origin", "web", "config gue.origin: 'web' is not one of primary, published"),
        ("tokenizer.bpe4096.vocab_size", 5, "config tokenizer.bpe4096.vocab_size: 5 is less than the minimum of 10"),
        ("genomes.exclude", ["virus"], "config genomes.exclude[0]: 'virus' is not one of organelle, plasmid"),
        ("genomes.validation.fraction", 2, "config genomes.validation.fraction: 2 is greater than the maximum of 1"),
        (
            "finetune.runs.0",
            {"models": ["dnabert2"]},
            "config finetune.runs[0]: method, datasets missing; see config/keys.md",
        ),
        ("finetune.runs.0.method", "adapter", "config finetune.runs[0].method: 'adapter' is not one of full, lora"),
        (
            "pretrain.dnabert2.architecture.heads",
            9,
            "config pretrain.dnabert2.architecture: unknown key 'heads'; known are",
        ),
    ],
)
def test_values_that_break_the_schema(sound, path, value, told):
    change(sound, path, value)
    (line,) = mistakes(sound)
    assert line.startswith(told)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("gue.datasets", ["emp/H33"], "config gue.datasets: no data set 'emp/H33'; did you mean 'emp/H3'?"),
        (
            "finetune.runs.1.datasets",
            ["xyz/*"],
            "config finetune.runs[1].datasets: no data set 'xyz/*'; {registry} lists them",
        ),
        (
            "finetune.runs.0.models",
            ["dnabert2", "dnabert3"],
            "config finetune.runs[0].models: no model 'dnabert3'; "
            f"defined are dnabert2, dnabert2_random, kmer_regression, cnn, {PUBLISHED}",
        ),
        (
            "pretrain.dnabert2.tokenizer",
            "bpe512",
            "config pretrain.dnabert2.tokenizer: no tokenizer 'bpe512'; defined are bpe4096",
        ),
        ("gue.length", {"enhancer": 100}, f"config gue.length: no task 'enhancer'; known are {', '.join(TASKS)}"),
        ("finetune.tasks", {"emps": {}}, f"config finetune.tasks: no task 'emps'; known are {', '.join(TASKS)}"),
        (
            "pretrain.dnabert2.architecture.hidden_size",
            100,
            "config pretrain.dnabert2.architecture: hidden_size 100 is not a multiple of num_attention_heads 12",
        ),
        (
            "pretrain.dnabert2.architecture",
            {"hidden_size": 36, "positions": "rotary"},
            "config pretrain.dnabert2.architecture.positions: rotary needs heads of an even size; "
            "hidden_size / num_attention_heads is 3",
        ),
        (
            "pretrain.dnabert2.architecture",
            {"positions": "learned", "max_positions": 127},
            "config pretrain.dnabert2.architecture.max_positions: 127 is less than training.length 128",
        ),
        (
            "pretrain.dnabert2.architecture.positions",
            "absolute",
            "config pretrain.dnabert2.architecture.positions: 'absolute' is not one of alibi, learned, rotary",
        ),
        (
            "pretrain.dnabert2.training.batch_size",
            4000,
            "config pretrain.dnabert2.training: batch_size 4000 is not a multiple of micro_batch_size 512",
        ),
        (
            "pretrain.dnabert2_random.training.batch_size",
            1000,
            "config pretrain.dnabert2_random.training: batch_size 1000 is not a multiple of micro_batch_size 512",
        ),
        (
            "pretrain.dnabert2.training.steps",
            100,
            "config pretrain.dnabert2.training: warmup_steps 30000 is more than steps 100",
        ),
        (
            "pretrain.dnabert2.training.length",
            1003,
            "config pretrain.dnabert2.training.length: 1003 tokens do not fit chunks of 1000 bases "
            "(genomes.chunk.length)",
        ),
        (
            "finetune.models.theirs",
            {"directory": "models/none"},
            "config finetune.models.theirs.directory: no config.json in 'models/none'",
        ),
        (
            "finetune.models.theirs",
            {"kmer": 6},
            "config finetune.models.theirs: nothing where one of directory, hub, baseline, pretrained belongs",
        ),
        (
            "finetune.models.theirs",
            {"hub": "a/b", "revision": "main", "baseline": "cnn"},
            "config finetune.models.theirs: hub and baseline where one of directory, hub, baseline, pretrained belongs",
        ),
        (
            "finetune.models.theirs",
            {"hub": "a/b"},
            "config finetune.models.theirs.revision: missing; give the commit of a/b that is meant",
        ),
        (
            "finetune.models.theirs",
            {"baseline": "cnn", "kmer": 6},
            "config finetune.models.theirs.kmer: has no meaning beside baseline; leave it out",
        ),
        (
            "finetune.runs.1.models",
            ["dnabert2", "cnn"],
            "config finetune.runs[1]: cnn is a baseline; lora needs a pre-trained model, use method: full",
        ),
        (
            "gue.custom",
            {"emp/mine": {"folder": "{custom}"}},
            "config gue.custom.emp/mine: task 'emp' is one of GUE's; choose another name",
        ),
        (
            "gue.custom",
            {"4mc/a": {}},
            "config gue.custom.4mc/a: name a folder with three files, one file to split, intervals, or fasta",
        ),
        ("gue.custom", {"mine/a": {"file": "no.csv"}}, "config gue.custom.mine/a.file: 'no.csv' is no file"),
        ("gue.custom", {"mine/a": {"fasta": ""}}, "config gue.custom.mine/a.fasta: '' is no file"),
        ("gue.custom", {"mine/a": {"fasta": "no.fa"}}, "config gue.custom.mine/a.fasta: 'no.fa' is no file"),
        (
            "gue.custom",
            {"mine/a": {"intervals": "a.bed"}},
            "config gue.custom.mine/a: genome missing; name the FASTA or .2bit file of the genome",
        ),
        (
            "gue.custom",
            {"mine/a": {"folder": "{custom}", "genome": "a.2bit"}},
            "config gue.custom.mine/a.genome: has no meaning beside folder; leave it out",
        ),
        (
            "gue.custom",
            {"mine/a": {"folder": "{custom}", "split": "random"}},
            "config gue.custom.mine/a.split: 'random' is for a file; the three files of a folder are split already",
        ),
        (
            "gue.custom",
            {"mine/a": {"folder": "{custom}", "problem": "regression", "metric": "mcc"}},
            "config gue.custom.mine/a.metric: mcc is not for regression, which has spearman, pearson",
        ),
        (
            "finetune.hparams",
            "none.tsv",
            "none.tsv: no such table",
        ),
        (
            "gue.origin",
            "published",
            "config gue.published: '' is not there; name the folder or archive of the GUE files",
        ),
        ("genomes.chunk.overlap", 1000, "config genomes.chunk.overlap: 1000 must be less than the length, 1000"),
        (
            "genomes.validation.genomes",
            ["GCF_1.1"],
            "config genomes.validation.genomes: no genome 'GCF_1.1' in {table}",
        ),
        (
            "genomes.max_group_bases",
            {"plant": 5},
            "config genomes.max_group_bases: no genome of 'plant' in {table}; it has bacteria, vertebrate_other",
        ),
        ("genomes.corpus", "none.tsv", "none.tsv: no such table"),
        *(
            (f"gue.{key}", "none.tsv", "none.tsv: no such table")
            for key in ("registry", "candidates", "known_files", "hub_files")
        ),
    ],
)
def test_values_that_do_not_fit_together(quick, path, value, told, tmp_path):
    for split in ("train", "dev", "test"):
        (tmp_path / f"{split}.csv").touch()
    if path == "gue.custom":
        value = {
            name: {key: text.replace("{custom}", str(tmp_path)) for key, text in custom.items()}
            for name, custom in value.items()
        }
    told = told.replace("{registry}", quick["gue"]["registry"]).replace("{table}", quick["genomes"]["corpus"])
    change(quick, path, value)
    assert mistakes(quick) == [told]


def test_largest_length_that_fits_is_accepted(quick):
    quick["pretrain"]["dnabert2"]["training"]["length"] = 1002
    assert mistakes(quick) == []


def test_the_table_of_the_hub_has_the_data_sets_and_their_commits(quick, tmp_path):
    quick["gue"] |= {"origin": "published", "published": "hub", "datasets": ["emp/H3", "emp/H4"]}
    assert mistakes(quick) == []
    rows = Path(quick["gue"]["hub_files"]).read_text().splitlines()
    head = next(row for row in rows if row.startswith("task"))
    (h3,) = [row for row in rows if row.startswith("emp\tH3\t")]
    table = quick["gue"]["hub_files"] = str(tmp_path / "hub.tsv")
    Path(table).write_text(f"{head}\n{h3}\n")
    missing = f"config gue.hub_files: {table} has no row for emp/H4; add them, or leave them out"
    assert mistakes(quick) == [missing]
    commit = h3.split("\t")[3]
    Path(table).write_text(f"{head}\n{h3.replace(commit, 'main')}\n{h3.replace('H3', 'H4')}\n")
    must = "be a commit of the hub's data set, 40 digits and letters from a to f"
    assert mistakes(quick) == [f"{table}:2 commit: 'main' must {must}"]


def test_a_draw_of_peaks_needs_candidates_and_primary_sources(quick, tmp_path):
    quick["gue"] |= {"calibrate": True, "datasets": ["tf_human/0", "tf_human/1", "emp/H3"]}
    assert mistakes(quick) == []
    table = tmp_path / "few.tsv"
    columns = ["task", "source", "factor", "cell", "url", "md5", "accession"]
    table.write_text("\t".join(columns) + "\ntf_human\ta.gz\tA\tX\tfile:///a\t\t\n")
    quick["gue"]["candidates"] = str(table)
    assert mistakes(quick) == [
        f"config gue.candidates: 1 of tf_human in {table}, where 5 are drawn for 2 data sets; add some, or set "
        "gue.calibrate to false"
    ]
    quick["gue"]["candidates"] = "none.tsv"
    assert mistakes(quick) == ["none.tsv: no such table"]
    quick["gue"] |= {"candidates": str(table), "datasets": ["emp/H3"]}
    assert mistakes(quick) == []
    quick["gue"] |= {"origin": "published", "published": str(tmp_path)}
    assert mistakes(quick) == [
        "config gue.calibrate: true, but gue.origin is published; peaks are drawn for primary sources only"
    ]


def test_twins_of_what_is_split_by_homology_are_a_mistake(quick):
    quick["gue"] |= {"homology_twins": True, "split": "homology"}
    assert mistakes(quick) == ["config gue.homology_twins: true, but gue.split is homology already; set one of the two"]
    quick["gue"]["split"] = "paired"
    assert mistakes(quick) == []


def test_published_files_and_external_models_that_exist_are_accepted(quick, tmp_path):
    quick["gue"] |= {"origin": "published", "published": str(tmp_path)}
    (tmp_path / "config.json").write_text("{}")
    quick["finetune"]["models"] = {"theirs": {"directory": str(tmp_path)}}
    quick["finetune"]["runs"][0]["models"] = ["theirs"]
    assert mistakes(quick) == []
    quick["gue"]["published"] = str(tmp_path / "none")
    assert mistakes(quick) == [
        f"config gue.published: '{tmp_path}/none' is not there; name the folder or archive of the GUE files"
    ]
    quick["gue"] |= {"published": f"file://{tmp_path}"}
    assert mistakes(quick) == []
    quick["gue"] |= {"published": "https://example.org/GUE.zip", "published_md5": ""}
    assert mistakes(quick) == ["config gue.published_md5: empty; give the md5 of https://example.org/GUE.zip"]
    quick["gue"]["published_md5"] = "0123456789abcdef" * 2
    assert mistakes(quick) == []
    quick["gue"]["published"] = "http://example.org/GUE.zip"
    told = "config gue.published: 'http://example.org/GUE.zip' is neither a path nor an https:// address"
    assert mistakes(quick) == [told]
    quick["gue"] |= {"published": str(tmp_path), "split": "homology"}
    assert mistakes(quick) == []  # published rows are split again
    quick["gue"] |= {"published": str(tmp_path / "none"), "origin": "primary"}  # then nobody asks for them
    quick["finetune"]["models"] = {"dnabert2": {"directory": str(tmp_path)}}
    quick["finetune"]["runs"][0]["models"] = ["dnabert2"]
    assert mistakes(quick) == [
        "config finetune.models.dnabert2: the name is taken by pretrain.dnabert2; choose another"
    ]


def test_data_sets_of_ones_own_are_known_by_name(quick, tmp_path):
    for split in ("train", "dev", "test"):
        (tmp_path / f"{split}.csv.gz").touch()
    quick["gue"]["custom"] = {"enhancers/fly": {"folder": str(tmp_path)}}
    quick["gue"]["datasets"] = ["enhancers/*"]
    quick["finetune"]["tasks"] = {"enhancers": {"epochs": 5}}
    assert mistakes(quick) == []
    (tmp_path / "dev.csv.gz").unlink()
    assert mistakes(quick) == [f"config gue.custom.enhancers/fly.folder: no dev.csv in '{tmp_path}'"]
    quick["gue"]["custom"] = {"Enhancers/fly": {"folder": str(tmp_path)}}
    (line,) = mistakes(quick)
    assert line.startswith("config gue.custom: 'Enhancers/fly' must be task/name")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("genomes.corpus", "-x.tsv"),
        ("genomes.mirror", "{mirror}"),
        ("gue.sources", "a\nb.tsv"),
        ("gue.published", "--from"),
        ("report.title", "{wildcards}"),
        ("report.notice", "-n"),
        ("finetune.models", {"theirs": {"directory": "{input}"}}),
        ("finetune.models", {"theirs": {"hub": "a/b", "revision": "--code"}}),
        ("finetune.models", {"a;b": {"baseline": "cnn"}}),
        ("tokenizer", {"../x": {"kind": "nucleotide", "k": 1}}),
        ("pretrain", {"a\n": {"gpus": 0, "training": {"steps": 0, "warmup_steps": 0}}}),
    ],
)
def test_what_cannot_be_a_name_or_a_path_is_refused(sound, key, value):
    change(sound, key, value)
    lines = mistakes(sound)
    assert any(line.startswith(f"config {key}") and " must be" in line for line in lines), lines
    assert not any("\n" in line for line in lines)


def test_mistakes_are_reported_together(quick):
    change(quick, "gue.datasets", ["emp/H33", "nothing"])
    change(quick, "finetune.runs.0.models", ["dnabert3"])
    change(quick, "pretrain.dnabert2.tokenizer", "bpe512")
    change(quick, "pretrain.dnabert2.architecture.num_attention_heads", 7)
    change(quick, "genomes.corpus", "none.tsv")
    told = mistakes(quick)
    assert len(told) == 6 and all("\n" not in line for line in told)
    change(quick, "seed", "x")
    change(quick, "genomes.corpse", "y")
    assert len(mistakes(quick)) == 2, "of a configuration without form nothing else can be said"


def test_patterns_choose_names_in_their_own_order():
    names = ["emp/H3", "emp/H4", "promoter/tata", "core_promoter/tata"]
    assert matching(names, ["*/tata", "emp/H3"]) == ["emp/H3", "promoter/tata", "core_promoter/tata"]
    assert matching(names, ["emp/H?"]) == ["emp/H3", "emp/H4"]
    assert matching(names, ["EMP/*"]) == []
