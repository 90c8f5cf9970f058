"""Mistakes of the configuration stop the workflow before any job, all at once, one line each."""

import pytest

from tests.workflow.harness import REPOSITORY, snakemake

pytestmark = pytest.mark.slow


def refused(tmp_path, overlay: str) -> list[str]:
    """The lines that a configuration is refused with; nothing may have been written."""
    config = tmp_path / "mine.yaml"
    config.write_text(overlay)
    run = tmp_path / "run"
    run.mkdir()
    done = snakemake("--configfile", config, "-n", "--directory", run, check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    assert not (run / "results").exists()
    lines = done.stdout.splitlines()
    start = next(number for number, line in enumerate(lines) if "mistakes, nothing was started" in line)
    return [line.strip() for line in lines[start + 1 :] if line.strip() and not line.strip().startswith("File ")]


def test_mistakes_of_the_schema_are_reported_together(tmp_path):
    lines = refused(tmp_path, "genomes: {chunk: {lenght: 500}}\nfinetune: {seeds: [a]}\nspeed: 3\n")
    assert len(lines) == 3
    assert any("genomes.chunk: unknown key 'lenght'; did you mean 'length'?" in line for line in lines)
    assert any("finetune.seeds[0]: 'a' is text, not an integer" in line for line in lines)
    assert any("unknown key 'speed'" in line for line in lines)


def test_names_that_nothing_defines_are_reported_together(tmp_path):
    overlay = """
gue: {datasets: [emp/H33]}
finetune: {runs: [{models: [dnabert3], method: full, datasets: ["*"]}]}
pretrain: {dnabert2: {tokenizer: bpe512, training: {length: 2000}}}
"""
    lines = refused(tmp_path, overlay)
    for told in ("no data set 'emp/H33'; did you mean", "no model 'dnabert3'", "no tokenizer 'bpe512'", "do not fit"):
        assert any(told in line for line in lines), told


def test_a_table_row_without_organism_is_named_by_its_line(tmp_path):
    table = (REPOSITORY / "config/species_850.tsv").read_text().splitlines()
    number = next(n for n, line in enumerate(table) if line.startswith("GC"))
    table[number] = "\t".join([table[number].split("\t")[0], "", *table[number].split("\t")[2:]])
    path = tmp_path / "species.tsv"
    path.write_text("\n".join(table) + "\n")
    lines = refused(tmp_path, f"genomes: {{corpus: {path}}}\n")
    assert lines == [f"{path}:{number + 1} organism: '' should be non-empty"]
