"""NCBI's tables of assemblies, and the search for the assembly of each row of a species table.

``assembly_summary.txt`` lists the latest assemblies of a group, ``assembly_summary_historical.txt`` those that were
replaced or suppressed (https://ftp.ncbi.nlm.nih.gov/genomes/README_assembly_summary.txt).
"""

import re
import sys
from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from workflow_scripts.common.addresses import NCBI_ACCESSION
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import too_many

# in order of preference; accessions of a section begin with its prefix
SECTIONS = (("refseq", "GCF_"), ("genbank", "GCA_"))
CATEGORIES = ("reference genome", "representative genome")
LEVELS = ("Complete Genome", "Chromosome", "Scaffold", "Contig")
# words of organism names that are not names of a taxon
NO_TAXON = {"candidatus", "uncultured", "sp"}


class Assembly(NamedTuple):
    """One row of a table, with NCBI's names and values of its columns."""

    assembly_accession: str
    organism_name: str
    taxid: str
    version_status: str
    refseq_category: str
    assembly_level: str
    seq_rel_date: str
    ftp_path: str
    excluded_from_refseq: str
    genome_size: str


# columns that older tables lack; their values are empty then
NEWER_COLUMNS = {"excluded_from_refseq", "genome_size"}


def read_assemblies(path: Path, address: str) -> Iterator[Assembly]:
    """Stream the rows of a table downloaded from ``address``, which errors name.

    Reads the older header ``# assembly_accession`` and the current one ``#assembly_accession``, after a comment line.
    Rows with an accession that does not have NCBI's form are left out.

    A row with more columns than the header, as of a name with a tab, is left out with a warning.

    Raises UserError for a table with many such rows, a row with fewer columns, and a table without header.
    """
    pick, width, damaged = None, 0, 0
    with path.open(encoding="utf-8", errors="replace", newline="\n") as lines:
        for number, line in enumerate(lines, start=1):
            values = line.rstrip("\r\n").split("\t")
            if line.startswith("#"):
                values[0] = values[0].lstrip("# ")
                if values[0] == "assembly_accession":
                    pick, width = _picker(values, f"{address}:{number}"), len(values)
            elif pick is None:
                break
            elif len(values) != width:
                damaged += 1
                problem = f"{address}:{number}: {len(values)} columns where the header has {width}"
                whole = line.endswith("\n") and len(values) > width and NCBI_ACCESSION.fullmatch(values[0])
                if not whole or too_many(damaged, number):
                    raise UserError(f"{problem}; the table is damaged or not a table, run again later")
                print(f"warning: {problem}; left out, its first is {values[0][:80]!r}", file=sys.stderr)
            else:
                assembly = pick(values)
                if NCBI_ACCESSION.fullmatch(assembly.assembly_accession):
                    yield assembly
    if pick is None:
        raise UserError(f"{address}: no line '#assembly_accession ...' before the first row; this is not NCBI's table")


def _picker(header: list[str], place: str) -> Callable[[list[str]], Assembly]:
    """A function from a row's values to an assembly, by the names of the columns."""
    missing = [name for name in Assembly._fields if name not in header and name not in NEWER_COLUMNS]
    if missing:
        raise UserError(f"{place}: no column {', '.join(missing)}; this is not NCBI's table, or its format has changed")
    places = itemgetter(*(header.index(name) if name in header else len(header) for name in Assembly._fields))
    return lambda values: Assembly._make(places([*values, ""]))


def same_number(accession: str) -> str:
    """The nine digits of an accession, which all versions and both copies (GenBank, RefSeq) of an assembly share."""
    return accession[4:13]


def genus_of(organism: str) -> str:
    """The first word that names a taxon, in lower case: the genus, or its substitute (``bacterium X``)."""
    for word in organism.split():
        word = word.strip("[]'\"").lower()
        if word not in NO_TAXON:
            return word
    return ""


def name_words(organism: str) -> list[str]:
    """The words and numbers of a name in lower case, except those of NO_TAXON."""
    return [word for word in re.findall(r"[a-z0-9]+", organism.lower()) if word not in NO_TAXON]


def preference(assembly: Assembly) -> tuple[int, int, bool, int, str]:
    """Sort key, best first: category, level, not excluded from RefSeq, newest, accession."""
    return (
        _rank(CATEGORIES, assembly.refseq_category),
        _rank(LEVELS, assembly.assembly_level),
        assembly.excluded_from_refseq not in ("", "na"),
        -int(re.sub(r"[^0-9]", "", assembly.seq_rel_date) or 0),
        assembly.assembly_accession,
    )


def _rank(order: tuple[str, ...], value: str) -> int:
    return order.index(value) if value in order else len(order)


class Search:
    """The search for the assembly of a row of the species table.

    ``target``: the name that has priority over the accession; empty if there is none. ``assembly``: NCBI's latest
    version of the accession, and in the end the chosen assembly. ``candidates``: the ``limit`` best assemblies for the
    row with their ranks, sorted; the first element of a rank is whether the organism is *not* the species.
    ``withdrawn``: NCBI's status of an accession that is not the latest version.
    """

    def __init__(self, row: dict[str, str], limit: int):
        self.row, self.limit = row, limit
        self.accession, self.group = row["accession"], row["group"]
        self.genera = search_genera(row)
        self.target = row.get("species", "") if self.accession else row["organism"]
        # in an organism's name the strain follows the species; other assemblies of the species have another strain
        self.species = name_words(self.target) if self.target else name_words(row["organism"])[:2]
        self.assembly: Assembly | None = None
        self.withdrawn = ""
        self.candidates: list[tuple[tuple[Any, ...], Assembly]] = []
        self.status = self.reason = ""

    @property
    def found(self) -> bool:
        """Whether the target species was found, or the accession if there is no target."""
        if self.target:
            return any(not other_species for (other_species, *_), _ in self.candidates)
        return self.assembly is not None

    def consider(self, assembly: Assembly, section: int) -> None:
        """Keep an assembly of the genus if it is among the best candidates so far."""
        size = len(self.species)
        other_species = size < 2 or name_words(assembly.organism_name)[:size] != self.species
        # NCBI's brackets mark a species that belongs to another genus
        if other_species and assembly.organism_name.startswith("["):
            return
        insort(self.candidates, ((other_species, section, *preference(assembly)), assembly))
        del self.candidates[self.limit :]

    def take_version(self, assembly: Assembly) -> None:
        """Choose ``assembly``, the accession's latest version, or its copy in the other section."""
        latest = assembly.assembly_accession
        self.status = "current" if latest == self.accession else "replaced"
        replaced = f"replaced by {latest}" if self.status == "replaced" else ""
        self.reason = "; ".join(filter(None, [replaced, self.target and f"stands for {self.target}"]))

    def take_candidate(self, taken: set[str], species_only: bool) -> None:
        """Choose the best candidate whose number is not in ``taken``, if there is one."""
        for (other_species, *_), assembly in self.candidates:
            number = same_number(assembly.assembly_accession)
            if number in taken or (other_species and species_only):
                continue
            taken.add(number)
            self.assembly, self.status = assembly, "substitute"
            if other_species:
                self.reason = f"{self.reason_missing}; another of the genus"
            elif not self.target:
                self.reason = f"{self.reason_missing}; another of the species"
            else:
                instead = f", in place of the substitute {self.accession}" if self.accession else ""
                self.status, self.reason = "current", f"found by name{instead}"
            return

    def give_up(self) -> None:
        """Record that there is no assembly."""
        if self.withdrawn:
            self.status, self.reason = "suppressed", f"{self.reason_missing}; none within the genus"
        else:
            self.status = "missing"
            self.reason = f"none within the genus; {self.reason_missing} in {self.group}; is the group right?"

    @property
    def reason_missing(self) -> str:
        """Why the requested assembly was not found."""
        if self.accession:
            return f"{self.accession} {self.withdrawn or 'not listed'}"
        return f"no assembly under the name {self.row['organism']}" if len(self.species) > 1 else "no species named"


def searches_for(rows: list[dict[str, str]]) -> list[Search]:
    """One search per row, with enough candidates if other rows of the genus choose first."""
    rivals = Counter(genus for row in rows for genus in search_genera(row))
    # twice, because each assembly may be in RefSeq and in GenBank
    return [Search(row, 2 * sum(rivals[genus] for genus in search_genera(row))) for row in rows]


def search_genera(row: dict[str, str]) -> set[str]:
    """The genera to search for a row, in lower case: its own, and the first word of the target species."""
    genus = row.get("genus", "").lower() or genus_of(row["organism"])
    return {genus, genus_of(row.get("species", "")) or genus}


def read_latest(
    assemblies: Iterable[Assembly], section: int, members: list[Search], by_accession: dict[str, Search], used: set[str]
) -> None:
    """Find the latest versions of the accessions of all ``members``, and candidates within their genera.

    A version in the accession's own section has priority over the copy in the other section. ``by_accession``: the rows
    with an accession of this section. ``used``: the numbers of all accessions in the species table, which are no
    candidates for other rows.
    """
    versions: dict[str, list[Search]] = defaultdict(list)
    genera: dict[str, list[Search]] = defaultdict(list)
    for search in members:
        versions[same_number(search.accession)].append(search)
        for genus in search.genera:
            genera[genus].append(search)
    for assembly in assemblies:
        accession = assembly.assembly_accession
        if assembly.version_status != "latest":
            read_withdrawn([assembly], by_accession)
            continue
        number = same_number(accession)
        if number in used:
            for search in versions.get(number, ()):
                if search.assembly is None or search.accession[:4] == accession[:4]:
                    search.assembly = assembly
            continue
        for search in genera.get(genus_of(assembly.organism_name), ()):
            search.consider(assembly, section)


def read_withdrawn(assemblies: Iterable[Assembly], by_accession: dict[str, Search]) -> None:
    """Record which accessions of the rows are suppressed or replaced."""
    for assembly in assemblies:
        if assembly.assembly_accession in by_accession:
            by_accession[assembly.assembly_accession].withdrawn = assembly.version_status


def settle(searches: list[Search]) -> None:
    """Decide all rows in their order: first by species, then by accession, then by genus."""
    taken: set[str] = set()
    for search in searches:
        if search.target or not search.assembly:
            search.take_candidate(taken, species_only=True)
    for search in searches:
        if search.assembly and not search.status:
            search.take_version(search.assembly)
    for search in searches:
        if not search.assembly:
            search.take_candidate(taken, species_only=False)
    for search in searches:
        if not search.assembly:
            search.give_up()
