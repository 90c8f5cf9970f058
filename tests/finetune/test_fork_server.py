"""A fit in a fork of the server is the fit itself: result, output, status, signals; without one it runs by itself."""

import json
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

from workflow_scripts.finetune import finetune_model, fork_server
from workflow_scripts.finetune.finetune_model import main

pytestmark = pytest.mark.slow
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
            if b"workflow_scripts.finetune.fork_server" in words and str(self.folder / "").encode() in b"".join(words):
                found.append(int(path.parent.name))
        return sorted(found)

    def fits(self) -> list[int]:
        """The children among them."""
        processes = self.processes()
        return [process for process in processes if parent(process) in processes]

    def start(self, command: list[str], **options) -> subprocess.Popen:
        environment = os.environ | {"TMPDIR": str(self.folder), "OMP_NUM_THREADS": "1"}
        environment.pop("PYTEST_CURRENT_TEST", None)  # each test would have a server of its own
        words = [sys.executable, "-m", "workflow_scripts.finetune.finetune_model", *command]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        options.setdefault("cwd", fork_server.REPOSITORY)
        environment["PYTHONPATH"] = str(fork_server.REPOSITORY)
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


def test_a_fault_of_the_program_has_its_traceback_and_status(place, arguments):
    command = arguments("out", epochs=1)
    command[command.index("--model") + 1] = json.dumps({"baseline": "none"})
    status, said = place.run(command)
    assert status == 1 and said.rstrip().endswith("baseline 'none' is neither 'kmer_regression' nor 'cnn'")
    assert "Traceback (most recent call last):" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_reach_the_fit_and_the_client_ends_as_it_does(place, running, tmp_path, number):
    client, fit = running
    client.send_signal(number)
    client.communicate(timeout=60)
    assert client.returncode == 128 + number, "as shells say it of a program that a signal has ended"
    assert fit not in place.processes() and not (tmp_path / "out").exists()


def test_fit_whose_client_is_gone_is_killed(place, running, tmp_path):
    client, fit = running
    server = parent(fit)
    client.kill()
    client.wait()
    until(lambda: not place.fits())
    assert server in place.processes() and fit not in place.processes(), "the server stays"
    assert not (tmp_path / "out").exists()


def test_killed_fit_is_told_by_the_status(place, running, tmp_path):
    client, fit = running
    os.kill(fit, signal.SIGKILL)
    client.communicate(timeout=60)
    assert client.returncode == 128 + signal.SIGKILL and not (tmp_path / "out").exists()


def test_fit_goes_on_without_its_server(place, arguments, results, tmp_path):
    client = place.start(arguments("out", max_steps=150, eval_steps=50))
    until(lambda: list((tmp_path / ".state-out").glob("*/lock")) or client.poll() is not None)
    (fit,) = place.fits()
    os.kill(parent(fit), signal.SIGKILL)
    _, said = client.communicate(timeout=120)
    assert client.returncode == 0 and "by itself" not in said
    assert main(arguments("alone", max_steps=150, eval_steps=50)) == 0
    assert results(tmp_path / "out") == results(tmp_path / "alone")
    status, said = place.run(arguments("next", epochs=1))
    assert status == 0 and "by itself" not in said, "the next fit starts another server"


def test_fit_runs_by_itself_when_the_server_does_not_answer(place, arguments, tmp_path, monkeypatch, capsys):
    """The server ends after it has been asked, as when its libraries do not load."""
    asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    asked[1].close()
    monkeypatch.setattr(fork_server, "connected", lambda path: asked[0])
    monkeypatch.setattr(sys, "argv", ["finetune_model", *arguments("out", epochs=1)])
    assert finetune_model.launch() == 0
    assert "the fit runs by itself" in capsys.readouterr().err
    assert (tmp_path / "out" / "metrics.json").is_file()


def test_without_a_folder_of_its_own_the_fit_runs_by_itself(arguments, tmp_path):
    (tmp_path / f"dnabert2-{os.getuid()}").mkdir(mode=0o755)
    status, said = Place(tmp_path).run(arguments("out", epochs=1))
    assert status == 0 and "is open to others; the fit runs by itself" in said
    assert (tmp_path / "out" / "metrics.json").is_file()
    assert not Place(tmp_path).processes()


def test_on_other_systems_than_linux_the_fit_runs_by_itself(arguments, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(sys, "argv", ["finetune_model", *arguments("out", epochs=1)])
    assert finetune_model.launch() == 0
    assert "server of the fits: it needs Linux; the fit runs by itself" in capsys.readouterr().err
    assert (tmp_path / "out" / "metrics.json").is_file()


def test_server_leaves_when_there_is_nothing_to_do(monkeypatch):
    folder = Path(tempfile.mkdtemp(prefix="idle"))
    monkeypatch.setattr(fork_server, "IDLE", 0.2)
    monkeypatch.setenv("PYTORCH_NVML_BASED_CUDA_CHECK", "0")  # to be as before
    began = time.monotonic()
    fork_server.serve(folder / "s")
    assert time.monotonic() - began >= 0.2 and not (folder / "s").exists()
    shutil.rmtree(folder)


def test_another_environment_folder_or_code_is_another_server(monkeypatch, tmp_path):
    addresses = [fork_server.address(), fork_server.address()]
    for name, value in (("CUDA_VISIBLE_DEVICES", "1"), ("OMP_NUM_THREADS", "7"), ("SLURM_JOB_ID", "3")):
        monkeypatch.setenv(name, value)
        addresses.append(fork_server.address())
    monkeypatch.chdir(tmp_path)
    addresses.append(fork_server.address())
    monkeypatch.setattr(fork_server, "REPOSITORY", tmp_path)
    addresses.append(fork_server.address())
    assert addresses[0] == addresses[1] and len(set(addresses)) == 6


@pytest.mark.parametrize(("gpus", "claimed", "visible"), [((), [1], "0,1"), (("--gpus", "0"), [], "")])
def test_a_gpu_is_claimed_unless_none_is_asked_for(arguments, monkeypatch, gpus, claimed, visible):
    calls: list[int] = []
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setattr(finetune_model.gpus, "claim", calls.append)
    monkeypatch.setattr(fork_server, "start", lambda words: (words, os.environ["CUDA_VISIBLE_DEVICES"]))
    monkeypatch.setattr(fork_server, "wait", lambda words, seen: (words, seen))
    command = [*arguments("out"), *gpus]
    monkeypatch.setattr(sys, "argv", ["finetune_model", *command])
    assert finetune_model.launch() == (command, visible) and calls == claimed
