"""NCBI's tables of assemblies, and the search for the assembly that a row of a species table stands for.

``assembly_summary.txt`` lists the latest assemblies of a group, ``assembly_summary_historical.txt`` those that were
replaced or suppressed (https://ftp.ncbi.nlm.nih.gov/genomes/README_assembly_summary.txt).
"""

import re
from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from workflow_scripts.common.addresses import NCBI_ACCESSION
from workflow_scripts.common.errors import UserError

# all in the order of preference; a section is known by the beginning of its accessions
SECTIONS = (("refseq", "GCF_"), ("genbank", "GCA_"))
CATEGORIES = ("reference genome", "representative genome")
LEVELS = ("Complete Genome", "Chromosome", "Scaffold", "Contig")
# words before or within a name that name no taxon
NO_TAXON = {"candidatus", "uncultured", "sp"}


class Assembly(NamedTuple):
    """One row of a table; the fields are columns under NCBI's names, whose values stay as they are."""

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


# columns that came late; a table without them gives empty values
LATE = {"excluded_from_refseq", "genome_size"}


def read_assemblies(path: Path, address: str) -> Iterator[Assembly]:
    """Stream the rows of a table that came from ``address``, which errors name.

    Both headers are read: ``# assembly_accession`` of old and ``#assembly_accession`` of now, behind a line of remarks.
    A row whose accession has not the form of NCBI's is left out.

    Raises UserError for a row whose columns are not those of the header, and for a table without header.
    """
    pick, width = None, 0
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
                raise UserError(
                    f"{address}:{number}: {len(values)} columns where the header has {width}; "
                    "the table is damaged or no table, fetch it again later"
                )
            else:
                assembly = pick(values)
                if NCBI_ACCESSION.fullmatch(assembly.assembly_accession):
                    yield assembly
    if pick is None:
        raise UserError(f"{address}: no line '#assembly_accession ...' before the first row; not NCBI's table")


def _picker(header: list[str], place: str) -> Callable[[list[str]], Assembly]:
    """A function that takes a row's values to an assembly, by the names of the columns."""
    missing = [name for name in Assembly._fields if name not in header and name not in LATE]
    if missing:
        raise UserError(f"{place}: no column {', '.join(missing)}; not NCBI's table, or its format has changed")
    places = itemgetter(*(header.index(name) if name in header else len(header) for name in Assembly._fields))
    return lambda values: Assembly._make(places([*values, ""]))


def same_number(accession: str) -> str:
    """The nine digits of an accession, which the versions and the GenBank and RefSeq copies of an assembly share."""
    return accession[4:13]


def genus_of(organism: str) -> str:
    """The first word that names a taxon, in lower case: the genus, or what stands in its place (``bacterium X``)."""
    for word in organism.split():
        word = word.strip("[]'\"").lower()
        if word not in NO_TAXON:
            return word
    return ""


def name_words(organism: str) -> list[str]:
    """The words and numbers of a name in lower case, without those that name no taxon."""
    return [word for word in re.findall(r"[a-z0-9]+", organism.lower()) if word not in NO_TAXON]


def preference(assembly: Assembly) -> tuple:
    """Sort key, the best first: category, level, not excluded from RefSeq, the newest, accession."""
    return (
        _place(CATEGORIES, assembly.refseq_category),
        _place(LEVELS, assembly.assembly_level),
        assembly.excluded_from_refseq not in ("", "na"),
        -int(re.sub(r"[^0-9]", "", assembly.seq_rel_date) or 0),
        assembly.assembly_accession,
    )


def _place(order: tuple[str, ...], value: str) -> int:
    return order.index(value) if value in order else len(order)


class Search:
    """A row of the species table on its way to an assembly.

    ``sought``: the name that goes before the accession; empty if there is none. ``assembly``: what NCBI has for the
    accession, and in the end what was settled on. ``candidates``: the ``room`` best assemblies that may stand for the
    row, sorted, each behind its rank, which begins with whether the organism is *not* the species. ``withdrawn``: what
    NCBI says of an accession that is not the latest.
    """

    def __init__(self, row: dict[str, str], room: int):
        self.row, self.room = row, room
        self.accession, self.group = row["accession"], row["group"]
        self.genera = search_genera(row)
        self.sought = row.get("species", "") if self.accession else row["organism"]
        # behind the species an organism's name has the strain, which another assembly of the species has not
        self.species = name_words(self.sought) if self.sought else name_words(row["organism"])[:2]
        self.assembly: Assembly | None = None
        self.withdrawn = ""
        self.candidates: list[tuple[tuple, Assembly]] = []
        self.status = self.reason = ""

    @property
    def found(self) -> bool:
        """Is there the species that is sought, or without such the accession?"""
        if self.sought:
            return any(not other_species for (other_species, *_), _ in self.candidates)
        return self.assembly is not None

    def consider(self, assembly: Assembly, section: int) -> None:
        """Keep an assembly of the genus if it is among the best so far."""
        size = len(self.species)
        other_species = size < 2 or name_words(assembly.organism_name)[:size] != self.species
        # by NCBI's brackets it is in truth of another genus
        if other_species and assembly.organism_name.startswith("["):
            return
        insort(self.candidates, ((other_species, section, *preference(assembly)), assembly))
        del self.candidates[self.room :]

    def take_version(self) -> None:
        """Settle on the accession's latest version, or its other copy."""
        latest = self.assembly.assembly_accession
        self.status = "current" if latest == self.accession else "replaced"
        replaced = f"replaced by {latest}" if self.status == "replaced" else ""
        self.reason = "; ".join(filter(None, [replaced, self.sought and f"stands for {self.sought}"]))

    def take_candidate(self, taken: set[str], species_only: bool) -> None:
        """Settle on the best candidate whose number is not among ``taken``, if there is one."""
        for (other_species, *_), assembly in self.candidates:
            number = same_number(assembly.assembly_accession)
            if number in taken or (other_species and species_only):
                continue
            taken.add(number)
            self.assembly, self.status = assembly, "substitute"
            if other_species:
                self.reason = f"{self.lack}; another of the genus"
            elif not self.sought:
                self.reason = f"{self.lack}; another of the species"
            else:
                instead = f", in place of the substitute {self.accession}" if self.accession else ""
                self.status, self.reason = "current", f"found by name{instead}"
            return

    def give_up(self) -> None:
        """Settle on nothing."""
        if self.withdrawn:
            self.status, self.reason = "suppressed", f"{self.lack}; none within the genus"
        else:
            self.status = "missing"
            self.reason = f"none within the genus; {self.lack} in {self.group}; is the group right?"

    @property
    def lack(self) -> str:
        """Why there is not what was asked for."""
        if self.accession:
            return f"{self.accession} {self.withdrawn or 'not listed'}"
        return f"no assembly under the name {self.row['organism']}" if len(self.species) > 1 else "no species named"


def searches_for(rows: list[dict[str, str]]) -> list[Search]:
    """One search a row, with room for as many candidates as others of the genus may take before it is its turn."""
    rivals = Counter(genus for row in rows for genus in search_genera(row))
    # an assembly that is taken may be there twice, in RefSeq and in GenBank
    return [Search(row, 2 * sum(rivals[genus] for genus in search_genera(row))) for row in rows]


def search_genera(row: dict[str, str]) -> set[str]:
    """The genera within which to look for a row, in lower case: its own, and the first word of the species sought."""
    genus = row.get("genus", "").lower() or genus_of(row["organism"])
    return {genus, genus_of(row.get("species", "")) or genus}


def read_latest(
    assemblies: Iterable[Assembly], section: int, members: list[Search], own: dict[str, Search], used: set[str]
) -> None:
    """Find the latest versions of the accessions of all ``members``, and candidates within their genera.

    A version in the accession's own section goes before the other section's copy. ``own``: the rows by their accession
    in this section. ``used``: the numbers of all accessions in the species table, each for its row and no candidate.
    """
    versions, genera = defaultdict(list), defaultdict(list)
    for search in members:
        versions[same_number(search.accession)].append(search)
        for genus in search.genera:
            genera[genus].append(search)
    for assembly in assemblies:
        accession = assembly.assembly_accession
        if assembly.version_status != "latest":
            read_withdrawn([assembly], own)
            continue
        number = same_number(accession)
        if number in used:
            for search in versions.get(number, ()):
                if search.assembly is None or search.accession[:4] == accession[:4]:
                    search.assembly = assembly
            continue
        for search in genera.get(genus_of(assembly.organism_name), ()):
            search.consider(assembly, section)


def read_withdrawn(assemblies: Iterable[Assembly], own: dict[str, Search]) -> None:
    """Note of the rows' accessions that they are suppressed, or replaced, as NCBI says."""
    for assembly in assemblies:
        if assembly.assembly_accession in own:
            own[assembly.assembly_accession].withdrawn = assembly.version_status


def settle(searches: list[Search]) -> None:
    """Decide all rows in their order: species first, then accessions, then what stands for them within the genus."""
    taken: set[str] = set()
    for search in searches:
        if search.sought or not search.assembly:
            search.take_candidate(taken, species_only=True)
    for search in searches:
        if search.assembly and not search.status:
            search.take_version()
    for search in searches:
        if not search.assembly:
            search.take_candidate(taken, species_only=False)
    for search in searches:
        if not search.assembly:
            search.give_up()
