"""What the pages of the documentation hold: blocks of code, code within a line, links."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = [
    *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "config/README.md")),
    *sorted((REPOSITORY / "docs").glob("*.md")),
]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


class Piece(NamedTuple):
    """A piece of a page: the place where it begins (page:line), its language where it is a block, and its text."""

    place: str
    language: str
    text: str


def place(page: Path, position: int) -> str:
    return f"{page.relative_to(REPOSITORY)}:{page.read_text()[:position].count(chr(10)) + 1}"


def blocks(language: str) -> list[Piece]:
    """The blocks of code of one language, page by page."""
    return [
        Piece(place(page, match.start()), language, match[2])
        for page in PAGES
        for match in BLOCK.finditer(page.read_text())
        if match[1] == language
    ]


def prose(page: Path) -> str:
    """A page with blanks for its blocks of code; every other character stays where it was."""
    return BLOCK.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), page.read_text())


def inline() -> Iterator[Piece]:
    """Code within a line, or broken over two."""
    for page in PAGES:
        for match in re.finditer(r"`([^`]+)`", prose(page)):
            yield Piece(place(page, match.start()), "", " ".join(match[1].split()))


def links() -> Iterator[tuple[Path, str]]:
    """The page and the target of every link and image."""
    for page in PAGES:
        for match in re.finditer(r"\]\(([^)\s]+)\)", prose(page)):
            yield page, match[1]


def heading_anchors(page: Path) -> set[str]:
    """What a link may name behind # of a page."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
