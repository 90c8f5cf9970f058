"""Configurations for the tests of what rules ask for."""

import copy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from snakemake.utils import update_config

from workflow_scripts.dag.tables import resolve_tables
from workflow_scripts.settings.configuration import Configuration

REPOSITORY = Path(__file__).resolve().parents[2]
DEFAULT = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())
DEMO = yaml.safe_load((REPOSITORY / "config/demo.yaml").read_text())
DEMO_APPLY = yaml.safe_load((REPOSITORY / "config/demo_apply.yaml").read_text())
LAPTOP = yaml.safe_load((REPOSITORY / "config/laptop.yaml").read_text())
SMALL = yaml.safe_load((REPOSITORY / "config/small.yaml").read_text())
SIZES = {"hidden_size": 96, "num_hidden_layers": 2, "num_attention_heads": 6, "intermediate_size": 192}


def job(**wildcards: str) -> SimpleNamespace:
    """The wildcards of a job."""
    return SimpleNamespace(**wildcards)


@pytest.fixture
def configured(tmp_path, monkeypatch) -> Callable[..., Configuration]:
    """``configured(overlay, ...)``: the configuration of the repository with overlays, in an empty directory.

    Without a corpus of its own it has two genomes, small.1 and large.1.
    """
    monkeypatch.chdir(tmp_path)
    write_species(
        "small.1\tAus bus\tviral\thttps://example.org/small\t30000",
        "large.1\tCus dus\tfungi\thttps://example.org/large\t40000000",
    )

    def configured(*overlays: dict[str, Any]) -> Configuration:
        config = copy.deepcopy(DEFAULT)
        for overlay in ({"genomes": {"corpus": "species.tsv"}}, *overlays):
            update_config(config, copy.deepcopy(overlay))
        resolve_tables(config, REPOSITORY)
        return Configuration.model_validate(config)

    return configured


def write_species(*rows: str) -> None:
    """Write species.tsv in the working directory."""
    header = "accession\torganism\tgroup\turl\tgenome_size_bp"
    Path("species.tsv").write_text("\n".join([header, *rows]) + "\n")
