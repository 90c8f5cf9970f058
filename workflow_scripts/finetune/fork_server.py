"""Run fits in forks of a process that has imported the libraries.

The first fit starts the server, which listens at a socket in a folder of its user. It forks a child for each
connection and takes no further part: the client sends its arguments and its standard output and error to the child and
passes on the signals that it gets, a byte each; the child answers with a byte when it starts and with its exit status
when it ends. When one of the two is killed the connection closes, and the other ends too. The server imports the
libraries but never uses a GPU, so its children can. It leaves after IDLE seconds without a new fit.
"""

import contextlib
import fcntl
import gc
import hashlib
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


def run(arguments: list[str]) -> int:
    """Run a fit in a child of the server; returns its exit status, or ends by the signal that ended the child.

    Raises OSError if no server answers.
    """
    if sys.platform != "linux":
        raise OSError("it needs Linux")
    received, status = [signal.SIGKILL], b""
    with connected(address()) as child:
        socket.send_fds(child, [json.dumps(arguments).encode()], [1, 2])
        if not child.recv(1):
            raise ConnectionError("it has gone away")

        def pass_on(number: int, _frame: object) -> None:
            received.append(signal.Signals(number))
            with contextlib.suppress(OSError):
                child.send(bytes([number]))

        for number in SIGNALS:
            signal.signal(number, pass_on)
        with contextlib.suppress(ConnectionResetError):  # the child was killed before it had read a signal
            while answer := child.recv(1):  # until the child has ended
                status = answer
    if status:
        return status[0]
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), received[-1])
    return 1


def obey(client: socket.socket) -> None:
    """Give this process the signals of its client, and kill it when the client is gone."""
    while True:
        os.kill(os.getpid(), (client.recv(1) or bytes([signal.SIGKILL]))[0])


def work(listener: socket.socket, client: socket.socket) -> None:
    """Run the fit of a client, in a child of the server."""
    from workflow_scripts.finetune import finetune_model

    listener.close()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    request, descriptors, _, _ = socket.recv_fds(client, REQUEST, 2)
    for number, descriptor in zip((1, 2), descriptors, strict=True):
        os.dup2(descriptor, number)
    client.send(b"\0")
    threading.Thread(target=obey, args=(client,), daemon=True).start()
    status = 1
    try:
        status = finetune_model.main(json.loads(request))
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

        gc.freeze()
        with contextlib.suppress(TimeoutError):
            while True:
                client, _ = listener.accept()
                multiprocessing.get_context("fork").Process(target=work, args=(listener, client)).start()
                client.close()
        path.unlink()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
