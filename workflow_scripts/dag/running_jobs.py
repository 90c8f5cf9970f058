"""Jobs of this machine that a killed Snakemake has left running."""

from pathlib import Path

# It belongs to the user and works for many runs; each fit that it runs has a process of its own that is found.
SERVER = b"workflow_scripts.finetune.fork_server"


def running_jobs(directory: Path) -> list[int]:
    """Ids of this machine's processes that run a program of the workflow with ``directory`` as working directory.

    None are found without /proc, Linux's account of its processes.
    """
    return sorted(int(path.name) for path in Path("/proc").glob("[0-9]*") if _is_job(path, directory))


def _is_job(process: Path, directory: Path) -> bool:
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
        programs = [word for word in words[:4] if word.startswith(b"workflow_scripts.") and word != SERVER]
        return bool(programs) and (process / "cwd").samefile(directory)
    except OSError:  # it has ended, or is another user's
        return False
