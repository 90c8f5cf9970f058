"""The stage ``genomes``: the species table in use, and what its rules ask for."""

from collections.abc import Callable
from pathlib import Path

from workflow_scripts.common import addresses
from workflow_scripts.common.files import read_table
from workflow_scripts.dag.costs import GZIP
from workflow_scripts.dag.file_digests import digests, tidy
from workflow_scripts.dag.rule_values import Wildcards, option
from workflow_scripts.settings.configuration import Configuration
from workflow_scripts.settings.corpora import lock_of, species_in_use

SMALL = 20_000_000  # bases; smaller genomes share a cluster job
MAMMAL = 3_000_000_000  # bases of a genome about which neither the table nor a file says anything


class Genomes:
    """The genomes of a configuration, and the inputs, params, resources and groups of their rules.

    table: the species table in use, which is the lock if there is one; ``lock`` is where that is written.
    species: its rows by accession; ``left_out`` is the number of rows without one.
    sizes: bases of each genome by accession, estimated where the table does not say.
    """

    def __init__(self, settings: Configuration) -> None:
        self.settings = settings.genomes
        self.simulated = settings.demo is not None
        self.lock = lock_of(settings.genomes.corpus)
        self.table = species_in_use(settings.genomes.corpus)
        rows = read_table(self.table)
        self.species = {row["accession"]: row for row in rows if row["accession"]}
        self.left_out = len(rows) - len(self.species)
        self.sizes = {accession: self._size(row) for accession, row in self.species.items()}

    @property
    def chosen(self) -> bool:
        """Whether chunks are chosen among those of all genomes: duplicates are dropped, or a cap is set."""
        settings = self.settings
        return settings.duplicates != "keep" or settings.max_genome_bases > 0 or bool(settings.max_group_bases)

    @property
    def warnings(self) -> list[str]:
        if not self.left_out:
            return []
        of = f"{self.left_out} of {self.left_out + len(self.species)} species"
        return [f"{self.table}: {of} have no assembly and are left out."]

    @property
    def first_cut(self) -> str:
        """The folder for the chunks of a genome when they are cut: the final one, or the one to choose from."""
        return "results/genomes/windows" if self.chosen else "results/genomes/chunks"

    # ---- inputs and params

    def simulated_files(self) -> list[str]:
        """What the demo writes of its genomes."""
        return [path for row in self.species.values() for path in addresses.assembly_files(row["url"])]

    def made_files(self, wildcards: Wildcards) -> list[str]:
        """The files of a genome that the demo makes, as input of the download; none of a real genome."""
        return self._files(self.species[wildcards.accession]) if self.simulated else []

    def local_files(self, wildcards: Wildcards) -> list[str]:
        """A user's files of a genome; none of one that comes from NCBI or a mirror of it, or from elsewhere."""
        url = self.species[wildcards.accession].get("url", "")
        named = not self.simulated and url and addresses.local_path(url)
        return list(map(tidy, self._files(self.species[wildcards.accession]))) if named else []

    def source(self, wildcards: Wildcards) -> list[str]:
        """What makes a genome what it is, beside its accession: the digests of a user's files, or a web address.

        What comes from NCBI is verified, so the accession says it all, whichever mirror it comes from.
        """
        if files := self.local_files(wildcards):
            return digests(files)
        url = self.species[wildcards.accession].get("url", "")
        from_ncbi = self.simulated or not url or addresses.NCBI_HOST.match(url)
        return [] if from_ncbi else [addresses.spelled(url)]

    def url_option(self, wildcards: Wildcards) -> list[str]:
        return option("--url", self.species[wildcards.accession].get("url"))

    def held_out_share(self, wildcards: Wildcards) -> float:
        """The share of a genome that is held out for validation: all of a genome that is held out whole."""
        validation = self.settings.validation
        return 1 if wildcards.accession in validation.genomes else validation.fraction

    def in_order(self) -> list[str]:
        """What a choice over the corpus depends on of the species table: ACCESSION=GROUP for each genome."""
        return [f"{accession}={row['group']}" for accession, row in self.species.items()]

    def exclude_option(self) -> list[str]:
        return option("--exclude", *self.settings.exclude)

    def cap_options(self) -> list[str]:
        """The caps on bases of a genome and of each group, as options."""
        caps = [f"{group}={bases}" for group, bases in sorted(self.settings.max_group_bases.items())]
        genome_cap = option("--max-genome-bases", self.settings.max_genome_bases or None)
        return [*genome_cap, *option("--max-group-bases", *caps)]

    # ---- groups and resources

    def shared_job(self, small: str, large: str | None = None) -> Callable[[Wildcards], str | None]:
        """A group function: small genomes share a job, as many as the profile's group-components says.

        ``large`` is the group of the others, in which the jobs of one genome come together; without it each is alone.
        """

        def group(wildcards: Wildcards) -> str | None:
            return small if self.sizes[wildcards.accession] < SMALL else large

        return group

    def download_minutes(self, wildcards: Wildcards, attempt: int) -> int:
        """Five minutes, and the time for 0.285 bytes a base at one megabyte a second."""
        return attempt * (5 + self.sizes[wildcards.accession] * 285 // 1000 // 60_000_000)

    def chunk_megabytes(self, wildcards: Wildcards, attempt: int) -> int:
        """One byte a base covers most genomes; what the largest contig needs is not known before."""
        return attempt * (1000 + min(self.sizes[wildcards.accession] // 1_000_000, 7000))

    def chunk_minutes(self, wildcards: Wildcards, attempt: int) -> int:
        return attempt * (3 + self.sizes[wildcards.accession] // 1_000_000_000 * 5)

    def encoding_minutes(self, wildcards: Wildcards, attempt: int) -> int:
        """Two million bases a second, a tenth of what one core does."""
        return attempt * (5 + self.sizes[wildcards.accession] // (2_000_000 * 60))

    # ---- rows of the table

    def _files(self, row: dict[str, str]) -> list[str]:
        """The files on this machine of a row of the table; none for an address on the web.

        A folder that does not exist has none: the download looks for the accession next to it.
        """
        url = addresses.folder_address(row.get("url", ""), self.settings.mirror)
        path = addresses.local_path(url) if url else None
        if path is None:
            return []
        if addresses.is_fasta(path):
            return [path]
        if unpacked := addresses.unpacked_fasta(path, row["accession"]):
            return [unpacked]
        return [*addresses.assembly_files(path)] if self.simulated or Path(path).is_dir() else []

    def _size(self, row: dict[str, str]) -> int:
        """Bases of a genome by the table or by the size of its file; those of a mammal where neither says."""
        if row.get("genome_size_bp"):
            return int(row["genome_size_bp"])
        for path in map(Path, self._files(row)[:1]):
            if path.exists():
                return round(path.stat().st_size / (GZIP if path.suffix in (".gz", ".bgz") else 1))
        return MAMMAL
