"""A model with an environment of its own: its fits run in the interpreter that it names."""

import json
import subprocess
import sys
import sysconfig
import venv

import pytest

from workflow_scripts.common.files import read_json
from workflow_scripts.settings.fitted_models import Model, model_errors

PROGRAM = [sys.executable, "-m", "workflow_scripts.finetune.finetune_model"]


def run(command: list[str], interpreter: str) -> subprocess.CompletedProcess[str]:
    """The program with another interpreter in the entry of its model."""
    place = command.index("--model") + 1
    command[place] = json.dumps(json.loads(command[place]) | {"environment": interpreter})
    return subprocess.run([*PROGRAM, *command, "--gpus", "0"], capture_output=True, text=True, timeout=300)


@pytest.fixture
def interpreter(tmp_path) -> str:
    """An environment of its own, which takes its packages from that of the tests."""
    venv.create(tmp_path / "env", symlinks=True)
    packages = next((tmp_path / "env" / "lib").glob("python*")) / "site-packages"
    (packages / "tests.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    (packages / "sitecustomize.py").write_text(f"open({str(tmp_path / 'used')!r}, 'a').write('x')\n")
    return str(tmp_path / "env" / "bin" / "python")


@pytest.mark.slow
def test_a_fit_runs_in_the_environment_of_its_model(arguments, interpreter, tmp_path):
    found = run(arguments("out", max_steps=1), interpreter)
    assert found.returncode == 0, found.stderr
    assert (tmp_path / "used").is_file() and read_json(tmp_path / "out" / "metrics.json")["steps"] == 1


@pytest.mark.slow
def test_an_environment_that_lacks_packages_is_told_in_one_line(arguments, tmp_path):
    venv.create(tmp_path / "env", symlinks=True)
    bare = str(tmp_path / "env" / "bin" / "python")
    for interpreter, reason in ((bare, "No module named"), (str(tmp_path / "none"), "No such file")):
        found = run(arguments("out"), interpreter)
        lines = found.stderr.strip().splitlines()
        assert found.returncode == 1 and len(lines) == 1
        assert f"environment: {interpreter}: " in lines[0] and reason in lines[0]


def test_the_interpreter_is_checked_before_the_run(tmp_path):
    entries = {
        "there": Model(hub="a/b", revision="c", environment=sys.executable),
        "missing": Model(hub="a/b", revision="c", environment=str(tmp_path / "python")),
        "folder": Model(pretrained="dnabert2", environment=sys.executable),
    }
    told = list(model_errors(entries, ["dnabert2"]))
    assert [line.split(":")[0] for line in told] == [
        "config finetune.models.missing.environment",
        "config finetune.models.folder.environment",
    ]
