"""Every command of the documentation works in a dry run, and every Python block runs."""

import os
import re
import shlex
import subprocess
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest
from snakemake.cli import get_argument_parser

from tests.apply import tiny_fits
from tests.docs.markdown import REPOSITORY, Piece, blocks, inline
from tests.workflow.harness import snakemake

PROGRAMS = ("snakemake", "make", "pip", "python", "source")
# Placeholders in the documentation -> values to test with.
PLACEHOLDERS = {"RULE": "pretrain_model", "downloads=N": "downloads=2"}
# Options that need a finished run, conda or real data -> the test that uses them.
RUN_ELSEWHERE = {
    "--report": "tests/workflow/test_record.py",
    "--containerize": "tests/workflow/test_conda.py",
    "config/studies.yaml": "tests/real/test_studies_real.py",
}
FOREIGN_OPTIONS = {"--gres"}  # Slurm's


def commands() -> list[Piece]:
    """The command lines of all bash blocks and of inline code."""
    found = [piece for piece in inline() if piece.text.split()[0] in PROGRAMS and " " in piece.text]
    for place, language, text in blocks("bash"):
        lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.replace("\\\n", " ").splitlines())
        found += [Piece(place, language, line) for line in lines if line]
    return found


def words(command: str) -> list[str]:
    """The words of a command line, without leading variable assignments and without redirection."""
    every = shlex.split(command)
    while re.match(r"[A-Z_]+=", every[0]):
        every = every[1:]
    return every[: every.index(">")] if ">" in every else every


def of_program(program: str) -> list[Piece]:
    return [piece for piece in commands() if words(piece.text)[0] == program]


@cache
def snakemake_parser():
    return get_argument_parser()


def parsed(arguments: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Targets and options of a Snakemake call; the parser exits with an error at an unknown option."""
    arguments = [PLACEHOLDERS.get(word, word) for word in arguments]
    targets = snakemake_parser().parse_args(arguments).targets
    return tuple(targets), tuple(word for word in arguments if word not in targets)


def test_every_command_is_of_a_program_tested_here():
    assert {words(piece.text)[0] for piece in commands()} <= set(PROGRAMS)
    assert len(of_program("snakemake")) > 10 and of_program("make")


@pytest.mark.slow
def test_every_call_of_snakemake_plans(tmp_path):
    """Calls that differ only in their targets share a dry run, with the demo's configuration, which needs no files."""
    targets: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for piece in of_program("snakemake"):
        goals, options = parsed(words(piece.text)[1:])
        targets[options] |= set(goals)
    small = [str(REPOSITORY / path) for path in ("config/demo.yaml", "tests/workflow/tiny.yaml")]
    (tmp_path / "mine.yaml").write_text("seed: 1\n")
    for options, goals in targets.items():
        if test := next((RUN_ELSEWHERE[option] for option in options if option in RUN_ELSEWHERE), None):
            assert f'"{options[0]}"' in (REPOSITORY / test).read_text()
            continue
        options = list(options)
        if "--configfile" in options:  # the last option that is given
            overlays = [word for word in options[options.index("--configfile") + 1 :] if word.endswith(".yaml")]
            options = [word for word in options if word not in overlays and word != "--configfile"]
            small_here = small + [str(path) for word in overlays for path in existing_overlay(word, tmp_path)]
        else:
            small_here = small
        if "--directory" in options:
            del options[(at := options.index("--directory")) : at + 2]
        done = snakemake(
            *sorted(goals), *options, *dry(options), "--directory", tmp_path / "run", "--configfile", *small_here
        )
        assert "Traceback" not in done.stdout
    assert not (tmp_path / "run/results").exists()


def existing_overlay(name: str, folder: Path) -> list[Path]:
    """The overlay ``name`` of the repository, or its replacement in ``folder``; empty if there is neither."""
    return [path for path in (REPOSITORY / name, folder / Path(name).name) if path.is_file()][:1]


def dry(options: list[str]) -> list[str]:
    """The option that makes a call a dry run, if it is not one already."""
    asks_only = {"-n", "--list", "--unlock"}
    return [] if asks_only & set(options) else ["-n"]


def test_every_named_option_of_snakemake_is_known():
    for place, _, text in inline():
        if text.startswith("--") and text.split()[0] not in FOREIGN_OPTIONS:
            options = text.split()
            try:
                parsed(options if len(options) > 1 else [*options, "1"])
            except SystemExit:
                # the parser refuses a value for an option that takes none
                assert len(options) == 1 and options[0] in snakemake_parser().format_help(), f"{place}: {text}"


def test_every_target_of_make_exists():
    for place, _, text in of_program("make"):
        done = subprocess.run(["make", "-n", *words(text)[1:]], cwd=REPOSITORY, capture_output=True, text=True)
        assert done.returncode == 0, f"{place}: {done.stderr}"


def test_installed_packages_are_those_of_the_environments():
    pinned = " ".join(path.read_text() for path in (REPOSITORY / "envs").iterdir()).split()
    for place, _, text in of_program("pip"):
        assert set(words(text)) <= set(pinned), place
    assert {piece.text for piece in of_program("source")} == {"source .venv/bin/activate"}


@pytest.mark.slow
def test_every_called_script_has_the_given_options():
    for place, _, text in of_program("python"):
        script, *arguments = words(text)[1:]
        program = ["-m", arguments.pop(0)] if script == "-m" else [script]
        variables = dict(re.findall(r"(?:^| )([A-Z_]+)=(\S+)", text.split(" python ")[0]))
        done = subprocess.run(
            [sys.executable, *program, "--help"],
            cwd=REPOSITORY,
            env=os.environ | variables,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{place}: {done.stderr}"
        for option in (word for word in arguments if word.startswith("--")):
            assert option in done.stdout, f"{place}: {option}"


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory) -> Path:
    """A folder with a fit where the pages have one."""
    root = tmp_path_factory.mktemp("run")
    fit = root / "results/finetune/dnabert2/full/promoter/tata/seed42"
    fit.parent.mkdir(parents=True)
    tiny_fits.write_fits(root / "tiny", ["full"])["full"].parent.rename(fit)
    return root


@pytest.mark.parametrize("block", blocks("python"), ids=lambda block: block.place)
def test_every_block_of_python_runs(block, finished_run, monkeypatch):
    """A model has the number of parameters given in its comment."""
    monkeypatch.chdir(finished_run)
    names: dict = {}
    exec(compile(block.text, block.place, "exec"), names)
    if said := re.search(r"# ([\d,]+) parameters", block.text):
        assert names["model"].num_parameters() == int(said[1].replace(",", ""))
