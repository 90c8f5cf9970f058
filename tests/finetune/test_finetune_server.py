"""A fit in a fork of the server is the fit itself: result, output, status, signals; without a server it runs alone."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from workflow_scripts.finetune import launch, server
from workflow_scripts.finetune.finetune_model import main

LONG = {"max_steps": 1_000_000, "eval_steps": 1_000_000}


def until(true: Callable[[], object], seconds: float = 60) -> object:
    """Wait until something is true; returns it."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(0.05)
    return found


def parent(process: int) -> int | None:
    """The parent of a process, None where it has ended."""
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return None


class Place:
    """A folder for temporary files of its own, and so a server of its own."""

    def __init__(self, folder: Path):
        self.folder = folder

    def processes(self) -> list[int]:
        """The server and its children: all carry the folder in their command line."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:
                continue
            if b"workflow_scripts.finetune.server" in words and str(self.folder / "").encode() in b"".join(words):
                found.append(int(path.parent.name))
        return sorted(found)

    def fits(self) -> list[int]:
        """The children among them."""
        processes = self.processes()
        return [process for process in processes if parent(process) in processes]

    def start(self, command: list[str], **options) -> subprocess.Popen:
        environment = os.environ | {"TMPDIR": str(self.folder), "OMP_NUM_THREADS": "1"}
        words = [sys.executable, "-m", "workflow_scripts.finetune.launch", *command]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        options.setdefault("cwd", launch.REPOSITORY)
        environment["PYTHONPATH"] = str(launch.REPOSITORY)
        return subprocess.Popen(words, env=environment, **pipes, **options)

    def run(self, command: list[str], **options) -> tuple[int, str]:
        client = self.start(command, **options)
        _, said = client.communicate(timeout=120)
        return client.returncode, said


@pytest.fixture(scope="module")
def place():
    """One place for all tests, with a name short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="fits"))
    place = Place(folder)
    yield place
    for process in place.processes():
        os.kill(process, signal.SIGKILL)
    shutil.rmtree(folder)


@pytest.fixture
def running(place, arguments, tmp_path):
    """A client whose fit takes for ever and has begun; with the process of the fit."""
    client = place.start(arguments("out", **LONG))
    until(lambda: list((tmp_path / ".state-out").glob("*/lock")) or client.poll() is not None)
    assert client.poll() is None
    (fit,) = place.fits()
    yield client, fit
    client.kill()
    for process in place.fits():  # or it would hold the output open
        os.kill(process, signal.SIGKILL)
    client.communicate()


def test_result_output_and_status_are_those_of_the_fit(place, arguments, results, tmp_path):
    assert main(arguments("alone", epochs=1)) == 0
    status, said = place.run(arguments("forked", epochs=1))
    assert status == 0 and "fine-tuning: 5 of 5 (100%) steps" in said and "by itself" not in said
    assert results(tmp_path / "forked") == results(tmp_path / "alone")


def test_fits_at_a_time_share_one_server(place, arguments, results, tmp_path):
    clients = [place.start(arguments(str(number), epochs=1, seed=number)) for number in range(3)]
    for client in clients:
        _, said = client.communicate(timeout=120)
        assert client.returncode == 0, said
    assert len(place.processes()) == 1
    assert main(arguments("alone", epochs=1, seed=2)) == 0
    assert results(tmp_path / "2") == results(tmp_path / "alone")


def test_mistakes_are_told_as_by_the_fit(place, arguments, tmp_path):
    status, said = place.run(arguments("out", speed=1))
    assert status == 1 and said.startswith("error: --settings: unknown key 'speed'")
    status, said = place.run(["--seed", "x"])
    assert status == 2 and "--seed" in said
    command = arguments("out", epochs=1)
    command[command.index("--out") + 1] = "relative"
    assert place.run(command, cwd=tmp_path)[0] == 0
    assert (tmp_path / "relative" / "metrics.json").is_file()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_reach_the_fit_and_the_client_ends_as_it_does(place, running, tmp_path, number):
    client, fit = running
    client.send_signal(number)
    client.communicate(timeout=60)
    assert client.returncode == (130 if number == signal.SIGINT else -number)
    assert fit not in place.processes() and not (tmp_path / "out").exists()


def test_fit_whose_client_is_gone_is_killed(place, running, tmp_path):
    client, fit = running
    client.kill()
    client.wait()
    until(lambda: not place.fits())
    assert len(place.processes()) == 1 and fit not in place.processes(), "the server stays"
    assert not (tmp_path / "out").exists()


def test_fit_whose_server_is_gone_ends_with_it_and_runs_by_itself(place, arguments, results, tmp_path):
    client = place.start(arguments("out", max_steps=150, eval_steps=50))
    until(lambda: list((tmp_path / ".state-out").glob("*/lock")) or client.poll() is not None)
    (fit,) = place.fits()
    os.kill(parent(fit), signal.SIGKILL)
    _, said = client.communicate(timeout=120)
    assert client.returncode == 0, said
    assert "server of the fits: it has gone away; the fit runs by itself" in said
    assert main(arguments("alone", max_steps=150, eval_steps=50)) == 0
    assert results(tmp_path / "out") == results(tmp_path / "alone")


def test_without_a_folder_of_its_own_the_fit_runs_by_itself(arguments, tmp_path):
    (tmp_path / f"dnabert2-{os.getuid()}").mkdir(mode=0o755)
    status, said = Place(tmp_path).run(arguments("out", epochs=1))
    assert status == 0 and "is open to others; the fit runs by itself" in said
    assert (tmp_path / "out" / "metrics.json").is_file()
    assert not Place(tmp_path).processes()


def test_without_the_system_calls_of_linux_the_fit_runs_by_itself(arguments, monkeypatch, tmp_path, capsys):
    monkeypatch.delattr(os, "pidfd_open")
    monkeypatch.setattr(sys, "argv", ["launch", *arguments("out", epochs=1)])
    assert launch.main() == 0
    assert "server of the fits: it needs Linux; the fit runs by itself" in capsys.readouterr().err
    assert (tmp_path / "out" / "metrics.json").is_file()


def test_server_leaves_when_there_is_nothing_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(server, "IDLE", 0.2)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(Path(tempfile.mkdtemp(prefix="idle")) / "s"))
        listener.listen()
        began = time.monotonic()
        server.Server(listener).serve()
        assert time.monotonic() - began >= 0.2


def test_another_environment_or_code_is_another_server(monkeypatch, tmp_path):
    names = {launch.server_name()}
    for name, value in (("CUDA_VISIBLE_DEVICES", "1"), ("OMP_NUM_THREADS", "7"), ("SLURM_JOB_ID", "3")):
        monkeypatch.setenv(name, value)
        names.add(launch.server_name())
    monkeypatch.setenv("SOMETHING_ELSE", "1")
    names.add(launch.server_name())
    monkeypatch.setattr(launch, "REPOSITORY", tmp_path)
    names.add(launch.server_name())
    assert len(names) == 5
