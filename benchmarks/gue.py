"""Cost of making the human data sets of GUE at full size, compared with Biopython cutting the same windows.

In:  nothing; the genome and the annotation are simulated. The genome has uniformly random bases in 24 contigs with the
     proportions of the human chromosomes, N at their ends, and half of the bases in lower case, as .2bit and as FASTA.
     The annotation has the size of the real one: 29,598 promoters, 30,000 peaks, 18,677 genes with 9 introns (their
     signals are planted, each base with a probability of 80 %), 60,000 pairs.
Out: a table on standard output, and with --out in a file: CPU seconds (user and system, one thread) and peak memory of
     separate processes that
     - make the rows of promoter/all, tf_human/0, splice and epi/K562 from the sources;
     - read the genome and cut the windows of that data set again, with the workflow and with Biopython (its .2bit
       reader also reads from disk only what it needs); the sequences of both are compared;
     - do the same from the FASTA file, for the last data set.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

import numpy as np  # noqa: E402

from benchmarks.machine import cost, machine  # noqa: E402
from workflow_scripts.common.files import write_text  # noqa: E402
from workflow_scripts.common.twobit import SIGNATURE  # noqa: E402
from workflow_scripts.gue.build_dataset import BUILDERS  # noqa: E402
from workflow_scripts.gue.genome_reader import read_genome  # noqa: E402
from workflow_scripts.gue.packed_genome import cut_window, encode  # noqa: E402
from workflow_scripts.gue.recipe import Recipe  # noqa: E402
from workflow_scripts.gue.registry import read_dataset  # noqa: E402
from workflow_scripts.gue.sources import parse_source  # noqa: E402

MEGA = 1_000_000
SEED = 42
REGISTRY = REPOSITORY / "config/gue.tsv"
# Mbp of the human chromosomes 1 to 22, X, Y
CHROMOSOMES = (249, 243, 198, 191, 181, 171, 159, 146, 141, 136, 135, 134, 115, 107, 103, 90, 81, 78, 59, 63, 48, 51)
CHROMOSOMES += (155, 59)
TELOMERE = 10_000  # N at either end
REPEAT = 500  # bases; every second stretch of this length is lower case
INTRONS, EXON = 9, 150
DONOR, ACCEPTOR = "CAGGTAAGT", "TTTTTTTTTTTTCAGG"  # three exon bases first, one exon base last
DATASETS = {  # role and file of the annotation
    "promoter/all": ("tss", "tss"),
    "tf_human/0": ("peaks", "peaks"),
    "splice/reconstructed": ("genes", "genes"),
    "epi/K562": ("pairs", "pairs"),
}
LETTERS = np.frombuffer(b"TCAG", dtype=np.uint8)
CHILD = "import sys; from benchmarks.gue import {0}; {0}(*sys.argv[1:])"


def contig_lengths(mbp: int) -> dict[str, int]:
    """Contig name -> length; ``mbp`` million bases in total."""
    names = [f"chr{number}" for number in [*range(1, 23), "X", "Y"]]
    return {n: mbp * MEGA * size // sum(CHROMOSOMES) for n, size in zip(names, CHROMOSOMES, strict=True)}


def write_genome(folder: Path, lengths: dict[str, int], genes: dict[str, list], random: np.random.Generator) -> None:
    """Write genome.2bit and genome.fa, contig by contig."""
    offset = 16 + sum(1 + len(name) + 4 for name in lengths)
    heads = {name: head(length) for name, length in lengths.items()}
    with (folder / "genome.2bit").open("wb") as twobit, (folder / "genome.fa").open("wb") as fasta:
        twobit.write(np.array([SIGNATURE, 0, len(lengths), 0], dtype="<u4").tobytes())
        for name, length in lengths.items():
            twobit.write(bytes([len(name)]) + name.encode() + np.array([offset], dtype="<u4").tobytes())
            offset += len(heads[name]) + -(-length // 4)
        for name, length in lengths.items():
            codes = random.integers(4, size=-(-length // 4) * 4, dtype=np.uint8)
            for gene in genes[name]:
                plant(codes, gene, random)
            twobit.write(heads[name])
            twobit.write((codes[0::4] << 6 | codes[1::4] << 4 | codes[2::4] << 2 | codes[3::4]).tobytes())
            letters = LETTERS[codes[:length]]
            letters[:TELOMERE] = letters[-TELOMERE:] = ord("N")
            fasta.write(f">{name}\n".encode())
            fasta.write(in_lines(letters))


def head(length: int) -> bytes:
    """The header before the bases of a .2bit contig: its length, the blocks of N and those of lower case."""
    lower = np.arange(0, length - REPEAT, 2 * REPEAT)
    numbers = [length, 2, 0, length - TELOMERE, TELOMERE, TELOMERE, len(lower)]
    return np.concatenate([numbers, lower, np.full(len(lower), REPEAT), [0]]).astype("<u4").tobytes()


def in_lines(letters: np.ndarray, width: int = 50) -> bytes:
    """Lines of ``width`` bases, as UCSC writes them."""
    whole = len(letters) // width
    lines = np.full((whole, width + 1), ord("\n"), dtype=np.uint8)
    lines[:, :width] = letters[: whole * width].reshape(whole, width)
    return lines.tobytes() + letters[whole * width :].tobytes() + b"\n"


def draw_genes(lengths: dict[str, int], count: int, random: np.random.Generator) -> dict[str, list]:
    """Contig -> (start, end, strand, intron starts, intron ends) of genes that do not overlap, in order."""
    genes: dict[str, list] = {}
    total = sum(lengths.values())
    for name, length in lengths.items():
        genes[name] = []
        here = max(1, count * length // total)
        span = (length - 2 * TELOMERE) // here
        for start in range(TELOMERE + 1000, length - TELOMERE - span, span):
            size = int(span * random.uniform(0.1, 0.7))
            intron = (size - (INTRONS + 1) * EXON) // INTRONS
            begins = [start + EXON + number * (intron + EXON) for number in range(INTRONS)]
            strand = "+-"[int(random.integers(2))]
            genes[name].append((start, start + size, strand, begins, [begin + intron for begin in begins]))
    return genes


def plant(codes: np.ndarray, gene: tuple, random: np.random.Generator) -> None:
    """Write the signals of a gene's introns: each base with probability 80 %, the first and last two always."""
    _, _, strand, begins, ends = gene
    for begin, end in zip(begins, ends, strict=True):
        donor, acceptor = encode([DONOR])[0], encode([ACCEPTOR])[0]
        if strand == "+":
            places = (begin - 3, donor), (end - len(acceptor) + 1, acceptor)
            sure = [(begin, donor[3:5]), (end - 2, acceptor[-3:-1])]
        else:  # the complement of a code has its higher bit flipped
            places = (end - len(donor) + 3, donor[::-1] ^ 2), (begin - 1, acceptor[::-1] ^ 2)
            sure = [(end - 2, donor[3:5][::-1] ^ 2), (begin, acceptor[-3:-1][::-1] ^ 2)]
        for at, signal in places:
            stretch = codes[at : at + len(signal)]
            stretch[:] = np.where(random.random(len(signal)) < 0.8, signal, stretch)
        for at, signal in sure:
            codes[at : at + len(signal)] = signal


def spots(lengths: dict[str, int], count: int, random: np.random.Generator) -> Iterator[tuple[str, int]]:
    """Random (contig, position) pairs away from the ends."""
    names, sizes = list(lengths), np.array(list(lengths.values()))
    margin = 2 * TELOMERE
    for index in random.choice(len(names), count, p=sizes / sizes.sum()).tolist():
        yield names[index], int(random.integers(margin, sizes[index] - margin))


def make_world(folder: Path, mbp: int) -> None:
    """Write the genome and the four annotations."""
    random = np.random.default_rng(SEED)
    lengths = contig_lengths(mbp)
    genes = draw_genes(lengths, min(18_677, 7 * mbp), random)
    rows = [f"{c} {at} {at + 1} P{n} 1 {'+-'[n % 2]}\n" for n, (c, at) in enumerate(spots(lengths, 29_598, random))]
    write_text(folder / "tss", "".join(rows))
    rows = [f"{c}\t{at}\t{at + 300}\t.\t1\t.\t1\t-1\t-1\t150\n" for c, at in spots(lengths, 30_000, random)]
    write_text(folder / "peaks", "".join(rows))
    rows = []
    for contig, members in genes.items():
        for number, (start, end, strand, begins, ends) in enumerate(members):
            lists = ("".join(f"{b}," for b in begins), "".join(f"{e + 1}," for e in ends))
            rows.append("\t".join([f"{contig}_{number}", "0", contig, strand, str(start + 1), str(end), *lists]) + "\n")
    write_text(folder / "genes", "".join(rows))
    keys = [f"{element}_{part}" for element in ("enhancer", "promoter") for part in ("chrom", "start", "end")]
    rows = [",".join([*keys, "label"]) + "\n"]
    for number, ((a, at), (b, to)) in enumerate(
        zip(spots(lengths, 60_000, random), spots(lengths, 60_000, random), strict=True)
    ):
        rows.append(f"{a},{at},{at + 200},{b},{to},{to + 200},{int(number % 6 == 0)}\n")
    write_text(folder / "pairs", "".join(rows))
    write_genome(folder, lengths, genes, random)


def make_rows(folder: str, name: str, out: str) -> None:
    """Make the rows of a data set; write their number and the distinct positions of their windows."""
    task, dataset = name.split("/")
    row = read_dataset(REGISTRY, task, dataset)
    sources = [parse_source(f"{role}={folder}/{file}") for role, file in [("genome", "genome.2bit"), DATASETS[name]]]
    built = BUILDERS[task](sources, Recipe(task, dataset, row.length, sum(row.rows), SEED, list(row.classes)))
    places = dict.fromkeys(place for example in built.examples for place in example.places)
    write_text(out, json.dumps({"rows": len(built.examples), "places": list(places)}))


def cut_by_the_workflow(genome: str, places: str, out: str) -> None:
    """Read the genome and cut the windows."""
    found, dropped = read_genome(genome), Counter()
    windows = [
        cut_window(found, contig, start, end - start, strand, dropped)
        for contig, start, end, strand in json.loads(Path(places).read_text())["places"]
    ]
    write_text(out, "".join(f"{window.sequence}\n" for window in windows))


def cut_by_biopython(genome: str, places: str, out: str) -> None:
    """The peer: a straightforward script."""
    from Bio import SeqIO

    kind = "twobit" if genome.endswith(".2bit") else "fasta"
    lines = []
    with Path(genome).open("rb" if kind == "twobit" else "r") as handle:
        contigs = {record.id: record.seq for record in SeqIO.parse(handle, kind)}
        for contig, start, end, strand in json.loads(Path(places).read_text())["places"]:
            window = contigs[contig][start:end]
            if strand == "-":
                window = window.reverse_complement()
            lines.append(f"{str(window).upper()}\n")
    write_text(out, "".join(lines))


def compare(folder: Path, genome: str, name: str) -> list[str]:
    """The table cells of both programs that cut the windows of one data set."""
    cells = []
    seconds, texts = [], []
    for program in ("cut_by_the_workflow", "cut_by_biopython"):
        arguments = [str(folder / genome), str(folder / "places.json"), str(folder / "windows.txt")]
        processor, peak = cost(["-c", CHILD.format(program), *arguments])
        seconds.append(processor)
        texts.append((folder / "windows.txt").read_bytes())
        cells += [f"{processor:.1f}", f"{peak / MEGA:,.0f}"]
    if texts[0] != texts[1]:
        raise SystemExit(f"error: {name}, {genome}: the two programs cut different windows")
    return [*cells, f"**{seconds[1] / seconds[0]:.1f}**"]


HEAD = """\
Cost of making the rows of human data sets of GUE at full size, on a simulated genome of {mbp:,} million random bases
with a simulated annotation. The figures say nothing about biology. CPU seconds of whole processes on one thread, peak
memory in MB (including mapped pages of the .2bit file). {hardware}.

| data set | rows | rows s | rows MB | windows | genome | cut s | cut MB | Biopython s | Biopython MB | ratio |
|---|---|---|---|---|---|---|---|---|---|---|
"""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mbp", type=int, default=3000, help="million bases of the genome")
    parser.add_argument("--out", type=Path, help="also write the table to this Markdown file")
    return parser


def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    lines = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_world(folder, args.mbp)
        for name in DATASETS:
            seconds, peak = cost(["-c", CHILD.format("make_rows"), str(folder), name, str(folder / "places.json")])
            made = json.loads((folder / "places.json").read_text())
            windows = f"{len(made['places']):,}"
            cells = [name, f"{made['rows']:,}", f"{seconds:.1f}", f"{peak / MEGA:,.0f}", windows, ".2bit"]
            lines.append("| " + " | ".join([*cells, *compare(folder, "genome.2bit", name)]) + " |")
            print(lines[-1], file=sys.stderr, flush=True)
        cells = [f"{name}, the same windows", "", "", "", windows, "FASTA"]
        lines.append("| " + " | ".join([*cells, *compare(folder, "genome.fa", name)]) + " |")
    text = HEAD.format(mbp=args.mbp, hardware=machine("numpy", "scikit-learn", "biopython")) + "\n".join(lines) + "\n"
    print(text)
    if args.out:
        write_text(args.out, text)


if __name__ == "__main__":
    main()
