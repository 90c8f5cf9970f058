"""The record of a run: what the results were made from, with what, and how it was asked for.

In:  results/configuration.json, which the workflow writes when a run starts: the configuration as it was resolved,
     Snakemake's version and deployment methods; and the files that a run depends on and that say what came of them.
Out: ``run.json``: configuration, versions of Snakemake, Python and every package of this environment, digests of the
     environments' files, the repository's commit and what differs from it, a sha256 of each file.

The record is written when the results have changed, so that it is theirs, and not of a later look at them.
"""

import argparse
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import digest, read_json, write_json

REPOSITORY = Path(__file__).resolve().parents[2]


def git(repository: Path, *words: str) -> str:
    """What git says of a repository. Raises OSError without git, CalledProcessError where it is no repository."""
    # without optional locks a look changes nothing
    command = ["git", "--no-optional-locks", "-C", str(repository), *words]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def git_state(repository: Path) -> dict[str, Any] | None:
    """Commit, and the files that differ from it or are not in it; None where the code is no repository, or git absent.

    ``dirty``: whether there are such files. A repository around the code is not its own, and is not taken for it.
    """
    try:
        if Path(git(repository, "rev-parse", "--show-toplevel").rstrip("\n")) != repository:
            return None
        commit = git(repository, "rev-parse", "HEAD").strip()
        # each entry is two letters, a space and the path
        changed = [entry[3:] for entry in git(repository, "status", "--porcelain", "-z", "--no-renames").split("\0")]
    except (OSError, subprocess.CalledProcessError):
        return None
    changed = sorted(filter(None, changed))
    return {"commit": commit, "dirty": bool(changed), "changed": changed}


def installed() -> dict[str, str]:
    """Version of each package of this environment, by name."""
    versions = {found.metadata["Name"]: found.version for found in distributions()}
    return dict(sorted(versions.items(), key=lambda item: item[0].lower()))


def record(run: dict[str, Any], files: list[Path], repository: Path = REPOSITORY) -> dict[str, Any]:
    """The record of a run. ``run`` is what the workflow knows: its configuration, Snakemake's version, ``--sdm``."""
    return run | {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "git": git_state(repository),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": installed(),
        "environments": {path.name: digest(path) for path in sorted((repository / "envs").iterdir())},
        "files": {str(path): digest(path) for path in files},
    }


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="what the workflow knows of the run (.json)")
    parser.add_argument("--files", type=Path, nargs="+", required=True, help="files whose digests are recorded")
    parser.add_argument("--out", type=Path, required=True, help="record to write (.json)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    if not args.run.is_file():
        raise UserError(f"{args.run}: no such file; Snakemake writes it when a run starts, unless with --no-hooks")
    write_json(args.out, record(read_json(args.run), args.files))


if __name__ == "__main__":
    sys.exit(main())
