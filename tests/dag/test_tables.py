"""Tables are found in the working directory, or else in the repository, by relative paths."""

from pathlib import Path

from tests.dag.conftest import DEFAULT
from workflow_scripts.dag.tables import TABLES, resolve_tables


def test_names_and_files_of_the_repository_are_found_from_anywhere(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    (tmp_path / "repository").mkdir()
    monkeypatch.chdir(tmp_path / "run")
    config = {"genomes": {"corpus": "nt850"}, "gue": {"registry": "config/gue.tsv"}}
    resolve_tables(config, tmp_path / "repository")
    assert config["genomes"]["corpus"] == "../repository/config/species_850.tsv"
    assert config["gue"]["registry"] == "../repository/config/gue.tsv"


def test_a_file_of_the_working_directory_goes_before_the_repositorys(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("config").mkdir()
    Path("config/gue.tsv").write_text("")
    config = {"gue": {"registry": "config/gue.tsv", "sources": str(tmp_path / "config/gue.tsv")}}
    resolve_tables(config, tmp_path / "repository")
    assert config["gue"] == {"registry": "config/gue.tsv", "sources": str(tmp_path / "config/gue.tsv")}


def test_what_the_check_is_going_to_refuse_passes():
    for config in ({}, {"genomes": None, "gue": []}, {"genomes": {"corpus": 3}}):
        before = repr(config)
        resolve_tables(config, Path())
        assert repr(config) == before


def test_every_table_of_the_configuration_is_resolved():
    named = {
        (section, key)
        for section, keys in DEFAULT.items()
        if isinstance(keys, dict)
        for key, value in keys.items()
        if isinstance(value, str) and value.endswith(".tsv")
    }
    assert named | {("genomes", "corpus")} == set(TABLES)
