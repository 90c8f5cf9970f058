"""A small NCBI: tables of assemblies, and folders with one-line genomes and checksums."""

import gzip
import hashlib
from pathlib import Path

from workflow_scripts.common.addresses import NCBI, parent_folder

OLD = """
    assembly_accession bioproject biosample wgs_master refseq_category taxid species_taxid organism_name
    infraspecific_name isolate version_status assembly_level release_type genome_rep seq_rel_date asm_name submitter
    gbrs_paired_asm paired_asm_comp ftp_path excluded_from_refseq relation_to_type_material
"""
NEW = """
    assembly_accession bioproject biosample wgs_master refseq_category taxid species_taxid organism_name
    infraspecific_name isolate version_status assembly_level release_type genome_rep seq_rel_date asm_name
    asm_submitter gbrs_paired_asm paired_asm_comp ftp_path excluded_from_refseq relation_to_type_material
    asm_not_live_date assembly_type group genome_size genome_size_ungapped gc_percent replicon_count scaffold_count
    contig_count annotation_provider annotation_name annotation_date total_gene_count protein_coding_gene_count
    non_coding_gene_count pubmed_id
"""
HEADS = {
    "old": "#   See ftp://ftp.ncbi.nlm.nih.gov/genomes/README_assembly_summary.txt for a description.\n# ",
    "new": "##  See ftp://ftp.ncbi.nlm.nih.gov/genomes/README_assembly_summary.txt for a description.\n#",
}


def assembly(accession, organism, **more):
    """One row of an assembly_summary.txt."""
    values = {
        "assembly_accession": accession,
        "organism_name": organism,
        "taxid": str(int(accession[4:13])),
        "refseq_category": "na",
        "version_status": "latest",
        "assembly_level": "Scaffold",
        "seq_rel_date": "2020/01/31",
        "ftp_path": f"{parent_folder(accession)}/{accession}_ASM",
        "excluded_from_refseq": "na",
        "genome_size": "1234",
    }
    return values | more


def summary(rows, style="new"):
    """The text of an assembly_summary.txt with the old or new columns and header."""
    columns = {"old": OLD, "new": NEW}[style].split()
    lines = ["\t".join(row.get(column, "na") for column in columns) for row in rows]
    return HEADS[style] + "\t".join(columns) + "\n" + "".join(f"{line}\n" for line in lines)


class Ncbi:
    """A folder tree with the files that the lock reads from NCBI."""

    def __init__(self, root: Path):
        self.root = root

    def table(self, section, group, rows, style="new", historical=False):
        name = "assembly_summary_historical.txt" if historical else "assembly_summary.txt"
        path = self.root / "genomes" / section / group / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(summary(rows, style))
        for row in rows:
            if not historical and row["version_status"] == "latest" and row["ftp_path"].startswith(NCBI):
                self.folder(row["ftp_path"])

    def folder(self, url):
        """An assembly's folder with its genome, which contains the folder's name, and its checksums."""
        folder = self.root / url.removeprefix(f"{NCBI}/").rstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        genome = folder / f"{folder.name}_genomic.fna.gz"
        genome.write_bytes(gzip.compress(f">{folder.name}\n".encode(), mtime=0))
        lines = [f"{'0' * 32}  ./{folder.name}_rna_from_genomic.fna.gz", f"{md5_of(genome)}  ./{genome.name}"]
        (folder / "md5checksums.txt").write_text("\n".join(lines) + "\n")

    def genome(self, accession):
        (path,) = self.root.glob(f"genomes/all/*/*/*/*/{accession}_*/*_genomic.fna.gz")
        return path


def md5_of(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def row(accession, organism, group="fungi", **more):
    """One row of a species table."""
    return {"accession": accession, "organism": organism, "group": group, **more}


def tables_read(lock):
    """The tables in the lock's head: section, group and file, with the rest of their line."""
    head = [line for line in lock.path.read_text().splitlines() if line.startswith("#")]
    return [line.split("/genomes/")[-1] for line in head[1:]]


def outcome(rows):
    """Accession and status of a lock's rows."""
    return {name: (row["accession"], row["status"]) for name, row in rows.items()}
