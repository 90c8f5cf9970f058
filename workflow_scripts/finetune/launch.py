"""Run a fit in a fork of a server that has loaded the libraries, which takes most of the time of a small fit.

    python -m workflow_scripts.finetune.launch ARGUMENTS

The arguments are those of ``finetune_model``; output, result and exit status are those of running it.
The server starts on demand and serves the fits of one user, code, Python, Slurm job, processors and environment of the
libraries. Where there is any trouble with it the fit runs in this process.
"""

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from workflow_scripts.common import gpus
from workflow_scripts.common.locks import private_folder
from workflow_scripts.finetune.server import LENGTH

REPOSITORY = Path(__file__).resolve().parents[2]
# what libraries read when they are loaded, before the child has the environment of its client
LOADED = ("CUDA", "HF_", "HUGGINGFACE", "KMP_", "LD_", "MKL_", "NVIDIA_", "OMP_", "OPENBLAS_", "PYTHON", "PYTORCH")
LOADED += ("RAYON_", "ROCR_", "SLURM_JOB_ID", "TOKENIZERS_", "TORCH", "TRANSFORMERS_")
PATIENCE = 30.0  # seconds for a server to start listening
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def server_name() -> str:
    """A name that differs for whatever a server could do otherwise: code, Python, processors, environment."""
    told = hashlib.sha256()
    for path in sorted(REPOSITORY.glob("workflow_scripts/*/*.py")):
        told.update(f"{path}".encode() + path.read_bytes())
    variables = sorted(item for item in os.environ.items() if item[0].startswith(LOADED))
    told.update(repr((sys.executable, sorted(os.sched_getaffinity(0)), os.nice(0), variables)).encode())
    return told.hexdigest()[:16]


def start_server(folder: Path, name: str) -> None:
    """Start a server that outlives this process."""
    # asks NVIDIA's management library, and not CUDA, whether there is a GPU: CUDA does not outlive a fork
    environment = os.environ | {"PYTORCH_NVML_BASED_CUDA_CHECK": "1"}
    command = [sys.executable, "-m", "workflow_scripts.finetune.server", str(folder), name]
    closed = subprocess.DEVNULL
    subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdin=closed, stdout=closed, stderr=closed, start_new_session=True
    )


def connected() -> socket.socket:
    """A connection to the server, which is started if need be. Raises OSError where that does not work."""
    if not hasattr(os, "pidfd_open"):
        raise OSError("it needs Linux")
    folder, name = private_folder(), server_name()
    connection, deadline, started = socket.socket(socket.AF_UNIX), time.monotonic() + PATIENCE, False
    while True:
        try:
            connection.connect(str(folder / f"{name}.sock"))
            return connection
        except (FileNotFoundError, ConnectionRefusedError):
            if time.monotonic() > deadline:
                raise
        if not started:
            start_server(folder, name)
            started = True
        time.sleep(0.05)


@contextlib.contextmanager
def passed_on(connection: socket.socket) -> Iterator[list[int]]:
    """Pass signals on to the child instead of dying of them; gives those that came."""
    came: list[int] = []

    def pass_on(number: int, _frame: object) -> None:
        came.append(number)
        with contextlib.suppress(OSError):
            connection.send(bytes([number]))

    before = {number: signal.signal(number, pass_on) for number in SIGNALS}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run(arguments: list[str]) -> int:
    """Run a fit in a child of the server; returns its exit status, of a signal as a negative number.

    Raises OSError where the server does not answer.
    """
    request = {"arguments": arguments, "folder": str(Path.cwd()), "environment": dict(os.environ)}
    body = json.dumps(request).encode()
    with connected() as connection, passed_on(connection) as came:
        socket.send_fds(connection, [LENGTH.pack(len(body))], [1, 2])
        connection.sendall(body)
        with connection.makefile() as answers:
            answer = answers.readline()
    if answer:
        return int(answer)
    if came:
        return -came[0]
    raise ConnectionError("it has gone away")


def main() -> int:
    arguments = sys.argv[1:]
    gpus.claim(1)
    sys.stdout.flush()
    try:
        status = run(arguments)
    except OSError as error:
        print(f"server of the fits: {error}; the fit runs by itself", file=sys.stderr, flush=True)
        from workflow_scripts.finetune import finetune_model

        return finetune_model.main(arguments)
    if status < 0:  # end as the child has ended
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status


if __name__ == "__main__":
    sys.exit(main())
