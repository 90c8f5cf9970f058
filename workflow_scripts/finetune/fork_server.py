"""Run fits in forks of a process that has imported the libraries.

The first fit starts the server, which listens at a socket in a folder of its user. It forks a child for each
connection and takes no further part: the client gives the child its arguments and its standard output and error, the
child sends its process id and at its end its exit status. The client passes on the signals that it gets. When either
of the two is killed the connection closes, and the other ends too. The server imports the libraries but never uses a
GPU, so its children can. It leaves after IDLE seconds without a new fit.
"""

import contextlib
import fcntl
import hashlib
import importlib
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from workflow_scripts.common.locks import private_folder

PROGRAM = "workflow_scripts.finetune.finetune_model"  # which starts the server, and so is not imported above
REPOSITORY = Path(__file__).resolve().parents[2]
IDLE = 60.0
PATIENCE = 10.0  # seconds for a new server to listen
REQUEST = 1 << 18  # bytes, more than Linux lets a client send at once
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def address() -> Path:
    """The socket of the server for fits with this code, Python, working directory, processors and environment."""
    key = sys.executable, Path.cwd(), os.sched_getaffinity(0), sorted(os.environ.items())
    name = hashlib.sha256(repr(key).encode())
    for path in sorted(REPOSITORY.glob("workflow_scripts/*/*.py")):
        name.update(path.read_bytes())
    return private_folder() / f"{name.hexdigest()[:16]}.sock"


def connected(path: Path) -> socket.socket:
    """A connection to the server, which is started if there is none. Raises OSError if it does not come."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server, deadline = None, time.monotonic() + PATIENCE
    while True:
        try:
            connection.connect(str(path))
            return connection
        except (FileNotFoundError, ConnectionRefusedError):
            if time.monotonic() > deadline:
                raise
        if server is None:
            command = [sys.executable, "-m", "workflow_scripts.finetune.fork_server", str(path)]
            null = subprocess.DEVNULL
            server = subprocess.Popen(command, stdin=null, stdout=null, stderr=null, start_new_session=True)
        time.sleep(0.02)


def start(arguments: list[str]) -> tuple[socket.socket, int]:
    """Start a fit in a child of the server; returns the connection to the child, and its process id.

    Raises OSError if no server answers.
    """
    if sys.platform != "linux":
        raise OSError("it needs Linux")
    child = connected(address())
    socket.send_fds(child, [json.dumps(arguments).encode()], [1, 2])
    process = child.recv(16)
    if not process:
        raise ConnectionError("it has gone away")
    return child, int(process)


def wait(child: socket.socket, process: int) -> int:
    """Wait for a fit and pass on signals; returns its exit status, of a killed one 128 and the signal, as shells do."""
    signals: list[int] = [signal.SIGKILL]

    def pass_on(number: int, _frame: object) -> None:
        signals.append(number)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)

    for number in SIGNALS:
        signal.signal(number, pass_on)
    status = child.recv(1)
    child.recv(1)  # nothing, when the child has ended
    return status[0] if status else 128 + signals[-1]


def end_with(client: socket.socket) -> None:
    """Kill this process when its client is gone."""
    client.recv(1)
    os.kill(os.getpid(), signal.SIGKILL)


def work(listener: socket.socket, client: socket.socket) -> None:
    """Run the fit of a client, in a child of the server."""
    listener.close()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    request, descriptors, _, _ = socket.recv_fds(client, REQUEST, 2)
    for number, descriptor in zip((1, 2), descriptors, strict=True):
        os.dup2(descriptor, number)
    threading.Thread(target=end_with, args=(client,), daemon=True).start()
    client.send(str(os.getpid()).encode())
    status = 1
    try:
        status = importlib.import_module(PROGRAM).main(json.loads(request))
    finally:
        client.send(bytes([status]))


def serve(path: Path) -> None:
    """Fork a child for each client until none has come for a while."""
    with path.with_suffix(".lock").open("w") as lock, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails if there is a server; children do not inherit it
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        listener.listen(128)
        listener.settimeout(IDLE)
        # Asks NVIDIA's library whether there is a GPU. CUDA itself does not survive a fork.
        os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
        import peft  # noqa: F401 - for the children

        from workflow_scripts.finetune import fine_tuning  # noqa: F401 - for the children

        with contextlib.suppress(TimeoutError):
            while True:
                client, _ = listener.accept()
                multiprocessing.get_context("fork").Process(target=work, args=(listener, client)).start()
                client.close()
        path.unlink()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
