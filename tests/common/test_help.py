"""Every program has a description and help for each of its options."""

import argparse
import importlib
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "workflow_scripts"
PROGRAMS = sorted(path for path in SCRIPTS.rglob("*.py") if "def build_parser(" in path.read_text())


def module_of(path: Path):
    return importlib.import_module(".".join(["workflow_scripts", *path.relative_to(SCRIPTS).with_suffix("").parts]))


def test_all_programs_have_a_parser():
    mains = {path for path in SCRIPTS.rglob("*.py") if '__name__ == "__main__"' in path.read_text()}
    server = SCRIPTS / "finetune/fork_server.py"  # fits start it, nobody else
    assert mains == {*PROGRAMS, server} and len(PROGRAMS) > 20


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_help_describes_the_program_and_its_options(path, capsys):
    module = module_of(path)
    with pytest.raises(SystemExit, match="0"):
        module.main(["--help"])
    shown = capsys.readouterr().out
    parser: argparse.ArgumentParser = module.build_parser()
    sentence = " ".join(parser.description.split("\n\n")[0].split())
    assert sentence[0].isupper() and sentence[-1] in ".:)", sentence
    assert parser.description.split("\n")[0] in shown
    for action in parser._actions:
        assert action.help, action.dest
