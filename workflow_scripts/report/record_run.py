"""Record what the results of a run were made from and with.

In:  results/configuration.json, which the workflow writes when a run starts: the resolved configuration, Snakemake's
     version and deployment methods; and the input and result files of the run.
Out: ``run.json``: the same, with the versions of Python and of all packages of this environment, digests of the
     environment files, the repository's commit and changed files, and the sha256 of each file.

The record is written only when results change, so that it describes the run that made them.
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


def git(repository: Path, *arguments: str) -> str:
    """The output of a git command. Raises OSError without git, CalledProcessError outside a repository."""
    # without optional locks, so that the command changes nothing
    command = ["git", "--no-optional-locks", "-C", str(repository), *arguments]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def git_state(repository: Path) -> dict[str, Any] | None:
    """The commit and the changed or untracked files; ``None`` without git or if ``repository`` is not a repository.

    ``dirty``: whether there are such files. A repository in a parent folder does not count, as it is not the code's.
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


def package_versions() -> dict[str, str]:
    """The version of each package of this environment, by name."""
    versions = {found.metadata["Name"]: found.version for found in distributions()}
    return dict(sorted(versions.items(), key=lambda item: item[0].lower()))


def record(run: dict[str, Any], files: list[Path]) -> dict[str, Any]:
    """The record of a run. ``run`` is the content of results/configuration.json."""
    return run | {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "git": git_state(REPOSITORY),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": package_versions(),
        "environments": {path.name: digest(path) for path in sorted((REPOSITORY / "envs").iterdir())},
        "files": {str(path): digest(path) for path in files},
    }


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="configuration and Snakemake's version (.json)")
    parser.add_argument("--files", type=Path, nargs="+", required=True, help="files to record with their digests")
    parser.add_argument("--out", type=Path, required=True, help="record to write (.json)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    args = build_parser().parse_args(argv)
    if not args.run.is_file():
        raise UserError(f"{args.run}: no such file; Snakemake writes it when a run starts, unless with --no-hooks")
    write_json(args.out, record(read_json(args.run), args.files))


if __name__ == "__main__":
    sys.exit(main())
