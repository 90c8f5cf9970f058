"""Every file that the documentation names is in the repository or is written by a rule; every link leads somewhere."""

import re
import subprocess
from functools import cache
from urllib.parse import urlsplit

import pytest

from tests.docs.markdown import PAGES, REPOSITORY, blocks, heading_anchors, inline, links, prose
from workflow_scripts.common.files import read_table

SUFFIXES = "csv|gz|json|jsonl|md|parquet|py|smk|tsv|txt|yaml|bin|npy"
NAME = re.compile(rf"[\w.<>-]+\.(?:{SUFFIXES})")
PATH = re.compile(r"(?!\./-)[\w.<>-]+/(?:[\w.<>-]+/)*[\w.<>-]*")
# What an error says that is not this project's own.
WORDS_OF_OTHERS = {"No space left on device", "Read-only file system", "Permission denied"}


@cache
def files() -> dict[str, str]:
    """The text of every tracked or new file of rules, scripts, profiles and configuration, by path."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    rooms = ("Snakefile", "Makefile", "rules/", "workflow_scripts/", "config/", "profiles/", "envs/", "pyproject.toml")
    return {path: (REPOSITORY / path).read_text() for path in listed if path.startswith(rooms)}


def as_pattern(path: str) -> str:
    """A pattern that finds a path of the documentation in the rules; names in angle brackets stand for any."""
    parts = path.strip("/").split("/")
    return "/".join(r"(?:\{+\w+\}+|[\w.-]+)" if part.startswith("<") else re.escape(part) for part in parts)


def is_known(path: str) -> bool:
    """Whether the repository has such a file or folder, or a rule or a script names one."""
    if (REPOSITORY / path).exists():
        return True
    if "/" in path:
        pattern = re.compile(as_pattern(path))
        return any(pattern.search(text) for text in files().values())
    return any(path in text or known.endswith(f"/{path}") for known, text in files().items())


def test_every_file_that_is_named_is_there():
    named = [piece for piece in inline() if PATH.fullmatch(piece.text) or NAME.fullmatch(piece.text)]
    assert len(named) > 30
    made_up = {name for block in blocks("bash") for name in NAME.findall(block.text)}
    made_up |= {name for language in ("yaml", "tsv") for block in blocks(language) for name in NAME.findall(block.text)}
    unknown = [f"{place}: {text}" for place, _, text in named if not is_known(text) and text not in made_up]
    assert unknown == []


@pytest.mark.parametrize(("page", "target"), list(links()), ids=str)
def test_every_link_leads_somewhere(page, target):
    if not target.startswith("https://"):
        path, _, anchor = target.partition("#")
        place = page.parent / path if path else page
        assert place.exists()
        assert not anchor or anchor in heading_anchors(place)


def test_every_symptom_is_what_the_workflow_says():
    """The first column of the README's table quotes messages: they stand in the code."""
    rows = re.findall(r"^\| (.+?) \|", (REPOSITORY / "README.md").read_text().split("| symptom |")[1], re.M)
    quoted = [words for row in rows for words in re.findall(r'"([^"]+)"', row)]
    assert len(quoted) > 5
    code = re.sub(r'"\s*\n\s*f?"', "", "\n".join(files().values()))
    assert [words for words in quoted if words not in code and words not in WORDS_OF_OTHERS] == []


def test_every_host_that_is_fetched_from_has_its_owner_told():
    config = REPOSITORY / "config"
    rows = [row for path in (*config.glob("gue_*s.tsv"), *config.glob("species_*.tsv")) for row in read_table(path)]
    hosts = {urlsplit(row["url"]).hostname for row in rows if row.get("url")}
    assert len(hosts) >= 6
    told = (REPOSITORY / "docs/data.md").read_text()
    assert [host for host in hosts if host not in told] == []


def test_lines_are_short():
    long = [
        f"{page.relative_to(REPOSITORY)}:{number}"
        for page in PAGES
        for number, line in enumerate(prose(page).splitlines(), start=1)
        if len(line) > 120 and not line.startswith("|")
    ]
    assert long == []
