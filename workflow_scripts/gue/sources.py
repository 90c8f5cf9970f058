"""The primary files that a data set is built from, as named on the command line."""

from dataclasses import dataclass
from pathlib import Path

from workflow_scripts.common.errors import UserError


@dataclass(frozen=True, slots=True)
class Source:
    """A primary file. ``label`` is its class (species genomes) or its origin (covid genomes), else empty."""

    role: str
    label: str
    path: Path


def parse_source(text: str) -> Source:
    """Parse ``ROLE=PATH`` or ``ROLE:LABEL=PATH``."""
    key, equals, path = text.partition("=")
    role, _, label = key.partition(":")
    if not equals or not role or not path:
        raise UserError(f"--source {text!r}: write ROLE=PATH or ROLE:LABEL=PATH")
    return Source(role, label, Path(path))


def find_source(sources: list[Source], role: str) -> Source:
    """The only source with this role."""
    found = [source for source in sources if source.role == role]
    if len(found) != 1:
        raise UserError(f"--source {role}=PATH: needed once, given {len(found)} times; check the sources table")
    return found[0]


def source_path(sources: list[Source], role: str) -> Path:
    """The path of the only source with this role."""
    return find_source(sources, role).path


def optional_source_path(sources: list[Source], role: str) -> Path | None:
    """The path of the source with this role; ``None`` if there is none."""
    return source_path(sources, role) if any(source.role == role for source in sources) else None


def source_label(sources: list[Source], role: str) -> str:
    """The label of the only source with this role, which must have one."""
    label = find_source(sources, role).label
    if not label:
        raise UserError(f"--source {role}:LABEL=PATH: no label; name the origin of the file, such as {role}:GISAID")
    return label
