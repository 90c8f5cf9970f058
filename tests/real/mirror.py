"""Lay out real genomes as a local NCBI mirror, and write the configuration that runs the workflow on them.

    PYTHONPATH=. python tests/real/mirror.py --data $REAL_DATA --out real
    snakemake --directory real --configfile config/laptop.yaml real/real.yaml --cores 2 --scheduler greedy

The genomes are those in the manifest of the data folder: mammals and other animals, yeast, protozoa, viruses and some
bacteria. The data sets are the published GUE files that the folder has with all three splits. The model is that of
config/laptop.yaml.

With --studies it lays out fewer genomes and the data sets, for config/studies.yaml, and writes no configuration.
"""

import argparse
import hashlib
import shutil
from collections import Counter
from pathlib import Path

import yaml

from workflow_scripts.common.addresses import NCBI
from workflow_scripts.common.files import open_text, read_table, write_table, write_text

COLUMNS = ["accession", "organism", "taxid", "group", "genus", "genome_size_bp", "url"]
# The chicken blocks come from an alignment and share one name. The corpus has no plants. Three million bases of one
# centromeric satellite would fill a corpus of this size with tokens of 180 bases.
LEFT_OUT = ("chicken_galGal3_axt_blocks", "a_thaliana_braker", "human_chr8_cen")
# The eleven data sets with all three splits in the folder.
DATASETS = [
    *("tf_mouse/0", "tf_mouse/2", "tf_mouse/3", "tf_human/1", "tf_human/2", "tf_human/3", "tf_human/4"),
    *("promoter/tata", "core_promoter/tata", "core_promoter/notata", "core_promoter/all"),
]
# The model and the same without pre-training, fitted and frozen, and floors. Frozen fits are the same for any seed.
RUNS = [
    {"models": ["dnabert2", "dnabert2_random", "kmer_regression", "cnn"], "method": "full", "datasets": ["*"]},
    {"models": ["dnabert2", "dnabert2_random"], "method": "probe", "datasets": ["*"]},
    {"models": ["dnabert2"], "method": "knn", "datasets": ["*"]},
]
# Those of config/studies.yaml, some of each group; the last ones are new to every model.
STUDIED = [
    *("GCF_000005845.2_MG1655", "GCF_006742205.1", "GCF_000148585.2", "s_cerevisiae_R64-1-1", "p_falciparum_3D7_v3"),
    *("c_elegans_III_1Mb", "aug_chr3_42M", "aug_chr4_103M", "aug_chr5_124M", "cgp_mm10", "gerp_Ailurus_fulgens"),
    *("gerp_Balaenoptera_acutorostrata", "gerp_Lipotes_vexillifer", "lambda_phage", "mpox_NC_063383"),
    *("GCF_001457655.1", "GCF_001457455.1", "l_braziliensis_chr1", "d_melanogaster_r6.42_1pct"),
    *("gerp_Manis_javanica", "gerp_Tragulus_javanicus", "cgp_monDom5", "cgp_galGal4"),
]
ROMAN = dict(
    zip(
        map(str, range(1, 17)),
        ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV", "XVI"],
        strict=True,
    )
)
FEATURES = [
    *("ORF", "ARS", "centromere", "intron", "long_terminal_repeat", "LTR_retrotransposon", "tRNA_gene", "snoRNA_gene"),
    *("rRNA_gene", "telomere", "X_element", "Y_prime_element"),
]


def chosen_genomes(data: Path, bacteria: int) -> list[dict[str, str]]:
    """Rows of the manifest: all eukaryotes and viruses except LEFT_OUT, and the first ``bacteria`` bacteria."""
    rows = [row for row in read_table(data / "genomes" / "manifest.tsv") if row["id"] not in LEFT_OUT]
    prokaryotes = [row for row in rows if row["group"] == "bacteria"]
    return [row for row in rows if row["group"] != "bacteria"] + prokaryotes[:bacteria]


def write_mirror(data: Path, mirror: Path, genomes: list[dict[str, str]]) -> list[dict[str, str]]:
    """Lay out assembly folders with FASTA and md5checksums.txt as NCBI does; return rows of a species table."""
    species = []
    for row in genomes:
        path = f"genomes/all/{row['group']}/{row['id']}_piece"
        fasta = mirror / path / f"{row['id']}_piece_genomic.fna.gz"
        fasta.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(data / "genomes" / row["file"], fasta)
        md5 = hashlib.md5(fasta.read_bytes(), usedforsecurity=False).hexdigest()
        write_text(fasta.parent / "md5checksums.txt", f"{md5}  ./{fasta.name}\n")
        organism = row["organism"]
        values = [row["id"], organism, "", row["group"], organism.split()[0], row["bp"], f"{NCBI}/{path}"]
        species.append(dict(zip(COLUMNS, values, strict=True)))
    return species


def configuration(data: Path, mirror: Path, table: Path, seeds: list[int]) -> dict:
    """The overlay over config/laptop.yaml: real genomes, published data sets, and the same short fits for all."""
    return {
        "genomes": {"corpus": str(table), "mirror": str(mirror), "validation": {"fraction": 0.02, "block": 20}},
        "gue": {"origin": "published", "published": str(data / "gue"), "datasets": DATASETS},
        "finetune": {
            "seeds": seeds,
            "runs": RUNS,
            "settings": {"max_steps": 300, "eval_steps": 100, "warmup_steps": 20},
        },
        "report": {
            "title": "A small DNABERT-2 on real genomes",
            "notice": "Real genomes and published GUE files; the model has 3 layers of width 128 and saw few tokens.",
        },
    }


def prepare(data: Path, out: Path, bacteria: int, seeds: list[int]) -> Path:
    """Write the mirror, the species table and the configuration below ``out``; return the path of the configuration."""
    out, data = out.resolve(), data.resolve()
    species = write_mirror(data, out / "mirror", chosen_genomes(data, bacteria))
    write_table(out / "species.tsv", species, COLUMNS)
    settings = configuration(data, out / "mirror", out / "species.tsv", seeds)
    write_text(out / "real.yaml", yaml.safe_dump(settings, sort_keys=False))
    return out / "real.yaml"


def write_yeast_annotation(data: Path, genes: Path, features: Path) -> None:
    """BED files from SGD's table of features, with the contig names of the genome (I to XVI).

    ``genes``: the verified genes of one exon. ``features``: all of FEATURES, named by their kind.
    """
    with open_text(data / "annotation" / "yeast" / "SGD_features.tab.gz") as handle:
        rows = [line.rstrip("\n").split("\t") for line in handle]
    exons = Counter(row[6] for row in rows if row[1] == "CDS")
    lines: dict[Path, list[str]] = {genes: [], features: []}
    for _, kind, qualifier, name, _, _, _, _, chromosome, start, end, strand, *_ in rows:
        if chromosome not in ROMAN or not start:
            continue
        first, last = sorted((int(start), int(end)))
        bed = f"{ROMAN[chromosome]}\t{first - 1}\t{last}\t%s\t0\t{'-' if strand == 'C' else '+'}\n"
        if (kind, qualifier, exons[name]) == ("ORF", "Verified", 1):
            lines[genes].append(bed % name)
        if kind in FEATURES:
            lines[features].append(bed % kind)
    for path, found in lines.items():
        write_text(path, "".join(found))


def prepare_studies(data: Path, out: Path) -> Path:
    """Write the mirror and the species table of STUDIED below ``out``, and a link to the data sets; return ``out``."""
    rows = {row["id"]: row for row in read_table(data / "genomes" / "manifest.tsv")}
    species = write_mirror(data, out / "mirror", [rows[name] for name in STUDIED])
    write_table(out / "species.tsv", species, COLUMNS)
    write_yeast_annotation(data, out / "yeast_genes.bed", out / "yeast_features.bed")
    (out / "gue").unlink(missing_ok=True)
    (out / "gue").symlink_to((data / "gue").resolve())
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with genomes/manifest.tsv and gue/")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--bacteria", type=int, default=6, help="bacterial genomes to include")
    parser.add_argument("--seeds", type=int, nargs="+", default=[42, 43, 44], help="fine-tuning seeds")
    parser.add_argument("--studies", action="store_true", help="lay out the data of config/studies.yaml")
    args = parser.parse_args()
    if args.studies:
        print(prepare_studies(args.data, args.out))
        return
    print(prepare(args.data, args.out, args.bacteria, args.seeds))


if __name__ == "__main__":
    main()
