"""The configuration of the repository, to be changed, and what is wrong with it then."""

import copy
from pathlib import Path

import pytest
import yaml

from workflow_scripts.settings.corpora import table_path

REPOSITORY = Path(__file__).resolve().parents[2]
GUE_TABLES = ("registry", "sources", "candidates", "known_files", "hub_files")
TABLES = (("genomes", "corpus"), *(("gue", key) for key in GUE_TABLES), ("finetune", "hparams"))


def change(config: dict, path: str, value: object) -> None:
    """Set the value at a dotted path; numbers are places in a list."""
    *parents, last = (int(part) if part.isdigit() else part for part in path.split("."))
    for part in parents:
        config = config[part]
    config[last] = value


@pytest.fixture(scope="module")
def default():
    return yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())


@pytest.fixture
def sound(default):
    """The configuration of the repository, with tables that open from anywhere."""
    config = copy.deepcopy(default)
    for section, key in TABLES:
        config[section][key] = str(REPOSITORY / table_path(config[section][key]))
    return config


@pytest.fixture
def quick(sound, tmp_path):
    """The same with a species table of three rows, which is read in no time."""
    lines = (REPOSITORY / "config/species_850.tsv").read_text().splitlines()
    table = [line for line in lines if not line.startswith("#")][:4]
    sound["genomes"]["corpus"] = str(tmp_path / "species.tsv")
    Path(sound["genomes"]["corpus"]).write_text("\n".join(table) + "\n")
    return sound
