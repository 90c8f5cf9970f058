"""Configurations and tables in the documentation are valid, and every key that it names is known."""

import random
import re
import sys

import pytest
import yaml
from snakemake.utils import update_config

from tests.docs.markdown import PAGES, REPOSITORY, Piece, blocks, inline
from tests.tiny_models import write_dnabert2, write_published
from tests.workflow.harness import job_counts, snakemake
from workflow_scripts.settings.configuration import Configuration, mistakes
from workflow_scripts.settings.corpora import table_path
from workflow_scripts.settings.reference import keys
from workflow_scripts.settings.tables import table_errors

SECTIONS = "seed|genomes|tokenizer|pretrain|gue|finetune|studies|report|demo"
CONFIG = REPOSITORY / "config"
SPECIES = "accession\torganism\tgroup\turl\nmine\tAus bus\tviral\tmine.fa\n"


def pieces() -> list[Piece]:
    """YAML blocks, and whole sections as inline code."""
    whole = [piece for piece in inline() if re.match(rf"({SECTIONS}): ?[{{]", piece.text)]
    return [*blocks("yaml"), *whole]


def write_intervals(folder):
    """Peaks and elements on three contigs, their genome, and FASTA files of two classes."""
    draw = random.Random(0)
    contigs = {name: "".join(draw.choices("ACGT", k=60_000)) for name in ("chr1", "chr8", "chr9")}
    (folder / "hg38.2bit").write_text("".join(f">{name}\n{bases}\n" for name, bases in contigs.items()))
    places = [(name, start) for name in contigs for start in range(3000, 60_000, 9000)]
    lines = {"ctcf.narrowPeak": "{}\t{}\t{}\t.\t0\t.\t1\t-1\t-1\t50\n", "elements.bed": "{}\t{}\t{}\t{}\n"}
    for file, line in lines.items():
        rows = [line.format(name, at, at + 100, ("promoter", "enhancer")[at % 2000 > 0]) for name, at in places]
        (folder / file).write_text("".join(rows))
    for file in ("enhancers.fa", "others.fa"):
        (folder / file).write_text("".join(f">s{number}\n{'ACGT' * number}\n" for number in range(1, 9)))


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """A directory with the files that the examples assume: genomes, data sets, a model."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").symlink_to(CONFIG)
    for folder in ("my_data", "data/fly"):
        (tmp_path / folder).mkdir(parents=True)
        for split in ("train", "dev", "test"):
            (tmp_path / folder / f"{split}.csv").write_text("sequence,label\nACGT,0\nTTTT,1\n")
    write_intervals(tmp_path / "data")
    (tmp_path / "data/my_model").mkdir()
    (tmp_path / "data/my_model/config.json").write_text("{}")
    write_published(tmp_path / "data/DNABERT-2-117M", write_dnabert2(tmp_path / "tiny"))
    interpreter = tmp_path / "environments/transformers-4.57.6/bin/python"
    interpreter.parent.mkdir(parents=True)
    interpreter.symlink_to(sys.executable)
    (tmp_path / "models/NTv3_8M_pre").mkdir(parents=True)
    (tmp_path / "models/NTv3_8M_pre/config.json").write_text("{}")
    (tmp_path / "my_species.tsv").write_text(SPECIES)
    (tmp_path / "mine.fa").write_text(">chr1\nACGT\n")
    for name in ("GUE.zip", "peaks.bed", "my.vcf.gz", "hg38.fa.gz"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_configuration_of_a_page_is_valid(page, reader):
    """Each example overrides those before it on the page; a dry run with all of them succeeds."""
    config = yaml.safe_load((CONFIG / "config.yaml").read_text())
    overlays = [reader / "small.yaml"]
    overlays[0].write_text("genomes: {corpus: config/species_small.tsv}")
    for piece in pieces():
        if piece.place.startswith(f"{page.relative_to(REPOSITORY)}:"):
            text = piece.text.replace("/data/", f"{reader}/data/")
            update_config(config, yaml.safe_load(text))
            config["genomes"]["corpus"] = table_path(config["genomes"]["corpus"])
            assert mistakes(config) == [], piece.place
            overlays.append(reader / f"{len(overlays)}.yaml")
            overlays[-1].write_text(text)
    if len(overlays) > 1:
        snakemake("-n", "--quiet", "all", "--directory", reader, "--configfile", *overlays)


@pytest.mark.slow
def test_the_table_of_published_models_needs_no_pretraining(reader):
    text = next(block.text for block in blocks("yaml") if "dnabert2_117m" in block.text)
    (reader / "mine.yaml").write_text(text.replace("/data/", f"{reader}/data/"))
    output = snakemake("gue_results", "-n", "--directory", reader, "--configfile", reader / "mine.yaml").stdout
    counts = job_counts(output)
    assert (counts["fetch_model"], counts["build_dataset"]) == (3, 6)
    assert not {"pretrain_model", "download_genome"} & counts.keys()


@pytest.mark.parametrize("block", blocks("tsv"), ids=lambda block: block.place)
def test_every_table_is_valid(block, tmp_path):
    table = tmp_path / "table.tsv"
    table.write_text(block.text)
    if "role" in block.text.split("\n")[0].split("\t"):
        assert list(table_errors(table, "gue_sources", ["source"])) == []
    else:
        assert list(table_errors(table, "species", ["accession"])) == []


def test_every_key_that_is_named_is_known():
    known = {key.name for key in keys(Configuration)}
    named = {
        piece.place: match[1]
        for piece in inline()
        if (match := re.match(rf"((?:{SECTIONS})(?:\.[\w<>]+)+)(: |$)", piece.text))
        and not (CONFIG / piece.text).is_file()
    }
    assert len(named) > 10
    for place, key in named.items():
        # the reader chooses the names of tasks
        assert re.sub(r"\.<task>$", "", key) in known, f"{place}: {key}"
