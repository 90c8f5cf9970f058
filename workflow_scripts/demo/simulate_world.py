"""Simulate a small world: an NCBI-like mirror of genomes, and the primary sources of the benchmark.

In:  the species table (columns like config/species_850.tsv) and the table of benchmark sources (columns like
     config/gue_sources.tsv).
Out: in one folder, every file of their ``url`` columns:
     - ``<folder>_genomic.fna.gz`` and ``md5checksums.txt`` in the folder of each species, and an
       ``assembly_summary.txt`` per group;
     - promoters, peaks, genes, histone windows, variants, contacts and species genomes in the formats of the real
       sources, with signals planted on the genomes of the mirror;
     - in the folder ``apply`` a genome that no model has read, with sequences, intervals and variants of it.

The first vertebrate_mammalian species of the table represents the human genome and its annotation, the second one that
of the mouse. All names, accessions and sequences are simulated. The same seed and tables give the same bytes.
"""

import argparse
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import atomic_directory, digest, read_table, write_gzip, write_text
from workflow_scripts.common.progress import Progress
from workflow_scripts.demo import formats, panels
from workflow_scripts.demo.annotations import all_features, annotate, draw_contacts, site_features
from workflow_scripts.demo.applications import FILES, Applications
from workflow_scripts.demo.genomes import GROUPS, Contig, ancestor, assemble
from workflow_scripts.demo.motifs import CELL_LINES, MARKS, TF_HUMAN_WORDS, TF_MOUSE_WORDS
from workflow_scripts.demo.sequences import N
from workflow_scripts.settings.demo import Demo

PAIRS = 700  # enhancer-promoter pairs per cell line, half of them in contact
APPLY = "apply"
COMPRESSION = 1  # fast, because the files are read only once
GROUP_OF_DATASET = {"fungi": "fungi", "virus": "viral"}
SPECIES_COLUMNS = {"accession", "organism", "taxid", "group", "genome_size_bp", "url"}
SOURCE_COLUMNS = {"source", "role", "datasets", "label", "url"}


class World:
    """The genomes of a species table, the annotation of two of them, and the benchmark's sources."""

    def __init__(self, seed: int, species: list[dict[str, str]]):
        self.seed = seed
        ancestors = ancestors_of(seed, species)
        self.genomes = simulate_genomes(seed, species, ancestors)
        mammals = [row["accession"] for row in species if row["group"] == "vertebrate_mammalian"]
        if len(mammals) < 2:
            raise UserError(
                "the species table has fewer than two vertebrate_mammalian rows, which get the annotation; add rows"
            )
        self.human, self.mouse = self.genomes[mammals[0]], self.genomes[mammals[1]]
        self.human_annotation = annotate(
            seed, mammals[0], self.human, TF_HUMAN_WORDS, all_features(seed, len(TF_HUMAN_WORDS))
        )
        self.mouse_annotation = annotate(
            seed, mammals[1], self.mouse, TF_MOUSE_WORDS, site_features(len(TF_MOUSE_WORDS))
        )
        yeasts = [row["accession"] for row in species if row["group"] == "fungi"]
        if not yeasts:
            raise UserError("the species table has no fungi row, from which histone windows are drawn; add one")
        chromosome = self.genomes[yeasts[0]][0].sequence
        self.yeast = chromosome[chromosome != N]
        self.variants = panels.variants(seed)
        self.applications = Applications(seed, ancestors["vertebrate_mammalian"])

    def source(self, row: dict[str, str], number: int) -> str | bytes:
        """The content of a row of the sources table, the ``number``-th with its role and data sets."""
        role, datasets = row["role"], row["datasets"].split()
        task, _, dataset = datasets[0].partition("/") if datasets else ("", "", "")
        human, mouse = self.human_annotation, self.mouse_annotation
        match role:
            case "genome":
                return formats.genome_fasta(self.mouse if task == "tf_mouse" else self.human, ncbi=False)
            case "tss":
                return formats.tss_bed(human.promoters)
            case "tata_motifs":
                return formats.promoter_motifs(human.promoters)
            case "genes":
                return formats.gene_table(human.genes)
            case "peaks" if task in ("tf_human", "tf_mouse") and dataset in tuple("01234"):
                annotation = human if task == "tf_human" else mouse
                return formats.narrow_peaks(annotation.summits[int(dataset)])
            case "histone" if dataset in MARKS:
                return formats.histone_fasta(panels.histone_windows(self.seed, dataset, self.yeast))
            case "variants":
                return formats.variant_fasta(self.variants)
            case "lineages":
                return formats.lineage_table(self.variants)
            case "pairs" if dataset in CELL_LINES:
                return formats.contact_pairs(dataset, draw_contacts(self.seed, human, dataset, PAIRS))
            case "species_genome" if dataset in GROUP_OF_DATASET and row["label"]:
                group = GROUP_OF_DATASET[dataset]
                sequence = panels.species_genome(self.seed, group, row["label"], number)
                return formats.genome_fasta([Contig(row["label"], "", sequence)], ncbi=False)
        raise UserError(
            f"source {row['source']}: cannot simulate role '{role}' for datasets '{row['datasets']}' and label "
            f"'{row['label']}'; known are the roles and data sets of config/demo/gue_sources.tsv"
        )


def ancestors_of(seed: int, species: list[dict[str, str]]) -> dict[str, np.ndarray]:
    """The ancestral sequence of each group of the table."""
    sizes: dict[str, int] = defaultdict(int)
    for row in species:
        if row["group"] not in GROUPS:
            raise UserError(f"{row['accession']}: unknown group '{row['group']}'; known are {', '.join(GROUPS)}")
        if not row["genome_size_bp"].isdigit():
            raise UserError(f"{row['accession']}: genome_size_bp '{row['genome_size_bp']}' is not a whole number")
        sizes[row["group"]] = max(sizes[row["group"]], int(row["genome_size_bp"]))
    # longer than the longest descendant, which loses bases to deletions
    return {group: ancestor(seed, group, size * 11 // 10) for group, size in sizes.items()}


def simulate_genomes(
    seed: int, species: list[dict[str, str]], ancestors: dict[str, np.ndarray]
) -> dict[str, list[Contig]]:
    """The genomes of all species of the table, by accession."""
    return {
        row["accession"]: assemble(seed, row, number, ancestors[row["group"]])
        for number, row in enumerate(species, start=1)
    }


def read_tables(species_path: str, sources_path: str) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """The rows of both tables. Raises UserError for a missing column or a repeated accession, url or source."""
    species, sources = read_table(species_path), read_table(sources_path)
    for path, rows, needed, unique in (
        (species_path, species, SPECIES_COLUMNS, ("accession", "url")),
        (sources_path, sources, SOURCE_COLUMNS, ("source",)),
    ):
        missing = needed - set(rows[0] if rows else ())
        if missing:
            raise UserError(f"{path}: no rows, or no column {', '.join(sorted(missing))}; add them")
        for column in unique:
            value, count = Counter(row[column] for row in rows).most_common(1)[0]
            if count > 1:
                raise UserError(f"{path}: {column} '{value}' occurs {count} times; it must be unique")
    return species, sources


def relative_path(out: Path, url: str) -> Path:
    """The path of a url relative to the folder ``out``. Raises UserError if it is outside of it."""
    path = Path(url)
    if not path.is_relative_to(out) or path == out or ".." in path.parts:
        raise UserError(f"url {url}: outside of the folder {out}; give a path inside of it")
    return path.relative_to(out)


def write_mirror(root: Path, out: Path, species: list[dict[str, str]], world: World, progress: Progress) -> None:
    """Write the genomes, their checksums, and the summary of every group."""
    summaries: dict[str, list[list[str]]] = defaultdict(list)
    for row in species:
        folder = relative_path(out, row["url"])
        name = f"{folder.name}_genomic.fna.gz"
        contigs = world.genomes[row["accession"]]
        write_gzip(root / folder / name, formats.genome_fasta(contigs, ncbi=True), COMPRESSION)
        write_text(root / folder / "md5checksums.txt", f"{digest(root / folder / name, 'md5')}  ./{name}\n")
        summaries[row["group"]].append(formats.assembly_row(row, contigs))
        progress.step()
    note = "##  See ftp://ftp.ncbi.nlm.nih.gov/genomes/README_assembly_summary.txt for a description of the columns.\n"
    for group, rows in summaries.items():
        header = "#" + "\t".join(formats.ASSEMBLY_COLUMNS) + "\n"
        path = root / "ncbi" / "genomes" / "refseq" / group / "assembly_summary.txt"
        write_text(path, note + header + formats.lines(rows))


def write_sources(root: Path, out: Path, sources: list[dict[str, str]], world: World, progress: Progress) -> None:
    """Write the sources of the benchmark, gzipped if the url ends in .gz."""
    counts: Counter[tuple[str, str]] = Counter()
    for row in sources:
        kind = (row["role"], row["datasets"])
        content = world.source(row, counts[kind])
        counts[kind] += 1
        data = content.encode() if isinstance(content, str) else content
        path = root / relative_path(out, row["url"])
        if path.suffix == ".gz":
            write_gzip(path, data, COMPRESSION)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        progress.step()


def write_applications(root: Path, world: World) -> None:
    """Write what the models are applied to."""
    for name, content in world.applications.files().items():
        path = root / APPLY / FILES[name]
        path.parent.mkdir(exist_ok=True)
        if path.suffix == ".gz":
            write_gzip(path, content, COMPRESSION)
        else:
            path.write_bytes(content)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--species", required=True, metavar="TSV", help="species table; every url is a path below --out"
    )
    parser.add_argument(
        "--sources", required=True, metavar="TSV", help="table of benchmark sources; every url is a path below --out"
    )
    parser.add_argument("--seed", type=int, default=Demo().seed, help="seed of the simulation (default: %(default)s)")
    parser.add_argument(
        "--out", required=True, metavar="FOLDER", help="folder to write; an earlier simulation in it is replaced"
    )
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    """Read the tables, simulate, write; an error does not change the folder."""
    arguments = build_parser().parse_args(argv)
    species, sources = read_tables(arguments.species, arguments.sources)
    out = Path(arguments.out)
    written = {"ncbi", APPLY} | {relative_path(out, row["url"]).parts[0] for row in species + sources}
    others = sorted({path.name for path in out.iterdir()} - written) if out.is_dir() else []
    if others:
        raise UserError(f"{out}: has '{others[0]}', which is not part of the simulation; give another folder")
    world = World(arguments.seed, species)
    with atomic_directory(out) as root, Progress(len(species) + len(sources), "file", "world") as progress:
        write_mirror(root, out, species, world, progress)
        write_sources(root, out, sources, world, progress)
        write_applications(root, world)


if __name__ == "__main__":
    sys.exit(main())
