"""Text of the simulated annotation in the formats of the real sources."""

from collections.abc import Iterable

import numpy as np

from workflow_scripts.demo.annotations import Element, Gene, Tss
from workflow_scripts.demo.genomes import Contig
from workflow_scripts.demo.panels import Variant
from workflow_scripts.demo.sequences import LOWER, N, decode, fasta

MOTIFS = ("TATA-box", "Inr", "CCAAT-box", "GC-box")

ASSEMBLY_COLUMNS = [
    "assembly_accession",
    "bioproject",
    "biosample",
    "wgs_master",
    "refseq_category",
    "taxid",
    "species_taxid",
    "organism_name",
    "infraspecific_name",
    "isolate",
    "version_status",
    "assembly_level",
    "release_type",
    "genome_rep",
    "seq_rel_date",
    "asm_name",
    "asm_submitter",
    "gbrs_paired_asm",
    "paired_asm_comp",
    "ftp_path",
    "excluded_from_refseq",
    "relation_to_type_material",
    "asm_not_live_date",
    "assembly_type",
    "group",
    "genome_size",
    "genome_size_ungapped",
    "gc_percent",
    "replicon_count",
    "scaffold_count",
    "contig_count",
    "annotation_provider",
    "annotation_name",
    "annotation_date",
    "total_gene_count",
    "protein_coding_gene_count",
    "non_coding_gene_count",
    "pubmed_id",
]

PAIR_COLUMNS = [
    "bin",
    "enhancer_chrom",
    "enhancer_distance_to_promoter",
    "enhancer_end",
    "enhancer_name",
    "enhancer_start",
    "label",
    "promoter_chrom",
    "promoter_end",
    "promoter_name",
    "promoter_start",
    "window_end",
    "window_start",
    "window_chrom",
    "window_name",
]

LINEAGE_COLUMNS = [
    "name",
    "pango",
    "nextstrain_clade",
    "who",
    "gue_covid_class",
    "n_nuc_mutations",
    "n_deleted",
    "length",
    "in_fasta",
]


def lines(rows: Iterable[Iterable[object]], separator: str = "\t") -> str:
    """Rows as text, one per line."""
    return "".join(separator.join(map(str, row)) + "\n" for row in rows)


def tss_bed(promoters: list[Tss]) -> str:
    """EPDnew's BED6: the interval is the first transcribed base."""
    ordered = sorted(promoters, key=lambda p: (p.chrom, p.position))
    return lines((p.chrom, p.position, p.position + 1, p.name, 1, p.strand) for p in ordered)


def promoter_motifs(promoters: list[Tss]) -> str:
    """EPD's ``promoter_motifs.txt``: one flag per motif."""
    rows = [(p.name, *(int(p.motifs[motif]) for motif in MOTIFS)) for p in promoters]
    return lines([("#Name", *MOTIFS), *sorted(rows)])


def narrow_peaks(summits: list[tuple[str, int]]) -> str:
    """ENCODE's narrowPeak: 311 bases around each summit, with the offset of the summit in column 10."""
    rows = []
    for chrom, summit in sorted(summits):
        start = max(summit - 155, 0)
        strength = 100 + (summit * 37) % 900
        rows.append((chrom, start, summit + 156, ".", strength, ".", strength / 8, -1, 3.9, summit - start))
    return lines(rows)


def gene_table(genes: list[Gene]) -> str:
    """SpliceAI's gene table: 1-based transcript start and end, then last and first bases of exons around introns."""
    rows = []
    for gene in sorted(genes, key=lambda gene: (gene.chrom, gene.exons)):
        ends = "".join(f"{end}," for _, end in gene.exons[:-1])
        starts = "".join(f"{start}," for start, _ in gene.exons[1:])
        span = (gene.exons[0][0], gene.exons[-1][1])
        rows.append((gene.name, 0, gene.chrom, gene.strand, *span, ends, starts))
    return lines(rows)


def contact_pairs(cell: str, pairs: list[tuple[Element, Element, int]]) -> str:
    """TargetFinder's ``pairs.csv``."""
    rows = []
    for enhancer, promoter, label in pairs:
        first, second = sorted((enhancer, promoter), key=lambda element: element.start)
        window = (second.start - 1, first.end + 1)
        chrom = enhancer.chrom
        row = {
            "bin": '"(0, 1000000]"',
            "enhancer_distance_to_promoter": second.start - first.end,
            "label": label,
            "window_chrom": chrom,
            "window_start": window[1],
            "window_end": window[0],
            "window_name": f"{cell}|{chrom}:{window[1]}-{window[0]}",
        }
        for kind, element in (("enhancer", enhancer), ("promoter", promoter)):
            row[f"{kind}_chrom"], row[f"{kind}_start"], row[f"{kind}_end"] = element[:3]
            row[f"{kind}_name"] = f"{cell}|{element.chrom}:{element.start}-{element.end}"
        rows.append([row[column] for column in PAIR_COLUMNS])
    return lines([PAIR_COLUMNS, *rows], ",")


def histone_fasta(windows: list[tuple[str, np.ndarray, int]]) -> str:
    """The yeast histone sets: name, sequence and label on separate lines."""
    return "".join(f">{name}\n{decode(sequence)}\n{label}\n" for name, sequence, label in windows)


def variant_fasta(genomes: list[Variant]) -> bytes:
    """Variant genomes with headers ``name|pango|clade|who``."""
    return fasta([("|".join((v.name, v.pango, v.clade, v.who)).rstrip("|"), v.sequence) for v in genomes])


def lineage_table(genomes: list[Variant]) -> str:
    """The table of the variant genomes' lineages."""
    rows = [(v.name, v.pango, v.clade, v.who, v.who, v.mutations, 0, v.sequence.size, "yes") for v in genomes]
    return lines([LINEAGE_COLUMNS, *rows])


def genome_fasta(contigs: list[Contig], ncbi: bool) -> bytes:
    """A genome with NCBI's headers, or with UCSC's names chr1, chr2, ..."""
    return fasta([(contig.header if ncbi else contig.name, contig.sequence) for contig in contigs])


def assembly_row(row: dict[str, str], contigs: list[Contig]) -> list[str]:
    """A species' row of NCBI's ``assembly_summary.txt``; values that a simulation does not have are ``na``."""
    bases = b"".join((contig.sequence & ~LOWER).tobytes() for contig in contigs)
    known = sum(map(bases.count, b"ACGT"))
    values = dict.fromkeys(ASSEMBLY_COLUMNS, "na") | {
        "assembly_accession": row["accession"],
        "refseq_category": "reference genome",
        "taxid": row["taxid"],
        "species_taxid": row["taxid"],
        "organism_name": row["organism"],
        "version_status": "latest",
        "assembly_level": "Chromosome",
        "release_type": "Major",
        "genome_rep": "Full",
        "seq_rel_date": "2024/01/01",
        "asm_name": row["url"].rstrip("/").rpartition("_")[2],
        "asm_submitter": "simulation",
        "ftp_path": row["url"],
        "assembly_type": "haploid",
        "group": row["group"],
        "genome_size": str(len(bases)),
        "genome_size_ungapped": str(len(bases) - bases.count(bytes([N]))),
        "gc_percent": f"{100 * (bases.count(b'G') + bases.count(b'C')) / known:.1f}",
        "scaffold_count": str(len(contigs)),
        "contig_count": str(len(contigs)),
    }
    return [values[column] for column in ASSEMBLY_COLUMNS]
