"""Study of variants: whether zero-shot scores know that first positions of codons change less than third ones.

In:  a pre-trained model with single nucleotides as tokens, the chunks of a genome, and its coding regions (BED: contig,
     start, end, name, score, strand; each one exon that begins with a whole codon).
Out: ``--out`` (JSON), the verdict; ``--table`` (TSV), mean scores by codon position and by base.

A variant's score is log p(variant) - log p(reference) of the model where the base is masked (zero-shot, as in masked
marginals of protein models). Only held-out chunks are read. A model that knows the frequencies of bases alone would
already score first and third positions differently, because their bases differ. Scores are therefore compared for the
same reference base and the same variant, and the twelve differences are averaged: frequencies alone give exactly zero.
The mean score at first positions minus that at third ones decides, with an interval over coding regions.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch

from workflow_scripts.common import gpus
from workflow_scripts.common.bootstrap import RESAMPLES, row_counts
from workflow_scripts.common.chunk_reader import chunk_file_errors
from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import open_text
from workflow_scripts.common.intervals import percentile_interval
from workflow_scripts.common.progress import Progress
from workflow_scripts.common.randomness import generator
from workflow_scripts.common.sequences import BASES, OTHER, base_codes, reverse_complement
from workflow_scripts.common.special_tokens import FIRST_BASE
from workflow_scripts.common.token_shards import CLS, SEP
from workflow_scripts.inference.masking import MASK
from workflow_scripts.inference.network import device_here
from workflow_scripts.model import DnaBert2ForMaskedLM
from workflow_scripts.studies import vocabularies
from workflow_scripts.studies.claim_result import Claim, Comparison, write_result
from workflow_scripts.studies.study_options import device as device_options
from workflow_scripts.studies.study_options import parser_of

BATCH = 256
Regions = dict[str, list[tuple[int, int, str]]]
"""Start, end and strand of the regions of each contig."""
CLAIM = Claim(
    "variants",
    "Do zero-shot scores dislike changes at first positions of codons more than the same changes at third ones?",
    "a sanity check of zero-shot scores; the paper makes no claim about variants",
)


@dataclass(frozen=True)
class Site:
    """A base of a coding region as the region reads it: the window around it, and its codon position, 0 or 2."""

    region: int
    position: int
    window: str
    centre: int

    @property
    def reference(self) -> int:
        return int(base_codes(self.window)[self.centre])


def read_regions(path: Path) -> Regions:
    """The regions of a BED file. Raises UserError for a line that is no BED6."""
    found: Regions = {}
    with open_text(path) as handle:
        for number, line in enumerate(handle, start=1):
            fields = line.rstrip("\n").split("\t")
            if len(fields) < 6 or not (fields[1] + fields[2]).isdecimal() or fields[5] not in ("+", "-"):
                raise UserError(f"{path}:{number}: not BED with six columns and a strand; see --regions")
            found.setdefault(fields[0], []).append((int(fields[1]), int(fields[2]), fields[5]))
    return found


def sites(chunks: Path, regions: Regions, window: int, per_region: int, seed: int) -> list[Site]:
    """Codons of the regions within held-out chunks, at most ``per_region`` of each: their first and third bases."""
    with chunk_file_errors(chunks):
        columns = ["contig", "start", "end", "sequence"]
        table = pq.read_table(chunks, columns=columns, filters=[("split", "==", "validation")]).to_pylist()
    found: list[Site] = []
    region = 0
    for chunk in table:
        for start, end, strand in regions.get(chunk["contig"], []):
            if start < chunk["end"] and end > chunk["start"]:
                found += _of_region(chunk, (start, end, strand), window, per_region, region, seed)
                region += 1
    return found


def _of_region(
    chunk: dict[str, Any], region: tuple[int, int, str], window: int, per_region: int, number: int, seed: int
) -> Iterator[Site]:
    """The sites of a region in a chunk, whose sequence is read on the strand of the region."""
    start, end, strand = region
    length = chunk["end"] - chunk["start"]
    sequence = chunk["sequence"] if strand == "+" else reverse_complement(chunk["sequence"])
    first = start - chunk["start"] if strand == "+" else chunk["end"] - end
    last = first + end - start
    half = window // 2
    # the start and the stop codon never vary
    codons = [at for at in range(first + 3, last - 5, 3) if half <= at and at + 2 + window - half <= length]
    for at in generator(seed, "study variants", number).permutation(codons)[:per_region].tolist():
        for position in (0, 2):
            begin = at + position - half
            yield Site(number, position, sequence[begin : begin + window], half)


@torch.no_grad()
def log_probabilities(model: DnaBert2ForMaskedLM, found: list[Site]) -> np.ndarray:
    """Log-probabilities of the four bases at each site, masked in its window, [sites, 4]."""
    parts = []
    with Progress(len(found), "site", "scoring variants") as progress:
        for start in range(0, len(found), BATCH):
            batch = found[start : start + BATCH]
            rows = np.array([[CLS, *(base_codes(site.window).astype(int) + FIRST_BASE), SEP] for site in batch])
            masked = np.zeros(rows.shape, dtype=bool)
            masked[np.arange(len(batch)), [site.centre + 1 for site in batch]] = True
            inputs = torch.from_numpy(np.where(masked, MASK, rows)).to(model.device)
            logits = model.masked_logits(inputs, None, torch.from_numpy(masked).to(model.device)).float()
            bases = logits[:, FIRST_BASE : FIRST_BASE + len(BASES)].log_softmax(dim=1)
            parts.append(bases.double().cpu().numpy())
            progress.step(len(batch))
    return np.concatenate(parts)


def matched_difference(found: list[Site], logs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Score at first minus third positions, mean over the changes of one base to another that both have, [samples].

    ``weights`` [samples, regions]: how often each region counts. NaN for a sample without such a change.
    """
    references = np.array([site.reference for site in found])
    regions, positions = np.array([site.region for site in found]), np.array([site.position for site in found])
    differences = []
    with np.errstate(invalid="ignore"):
        for reference, variant in permutations(range(len(BASES)), 2):
            scores = logs[:, variant] - logs[:, reference]
            means = []
            for position in (0, 2):
                here = (references == reference) & (positions == position)
                counted = weights[:, regions[here]]
                means.append((counted @ scores[here]) / counted.sum(axis=1))
            differences.append(means[0] - means[1])
        shared = np.isfinite(differences)
        return np.where(shared, differences, 0).sum(axis=0) / shared.sum(axis=0)


def compare(found: list[Site], logs: np.ndarray, name: str, seed: int) -> Comparison:
    """The matched difference, with an interval over regions."""
    regions = max(site.region for site in found) + 1
    weights = np.concatenate(list(row_counts(regions, seed, "studies", "variants", RESAMPLES)))
    (value,) = matched_difference(found, logs, np.ones((1, regions)))
    low, high = percentile_interval(matched_difference(found, logs, weights)) or (None, None)
    text = f"score of {name} at first minus third positions of codons, the same base and change"
    return Comparison(text, float(value), low, high, "below", "coding regions", "nats")


def table(found: list[Site], logs: np.ndarray) -> list[dict[str, Any]]:
    """Number of sites and mean score of all changes, by position and reference base."""
    rows = []
    for position in (0, 2):
        for code, base in enumerate(BASES):
            here = np.array([site.position == position and site.reference == code for site in found])
            scores = np.delete(logs[here] - logs[here, code][:, None], code, axis=1)
            mean = float(scores.mean()) if here.any() else None
            rows.append({"codon_position": position + 1, "base": base, "sites": int(here.sum()), "mean_score": mean})
    return rows


def build_parser() -> ArgumentParser:
    parser = parser_of(__doc__, device_options)
    parser.add_argument("--models", type=Path, required=True, help="folder of the pre-trained models")
    parser.add_argument("--model", required=True, help="the model, with single nucleotides as tokens")
    parser.add_argument("--tokenizer", type=Path, required=True, help="directory of its tokenizer, with stats.json")
    parser.add_argument("--chunks", type=Path, required=True, help="chunk file of the genome")
    parser.add_argument("--regions", type=Path, required=True, help="coding regions (BED with a strand)")
    parser.add_argument("--window", type=int, required=True, help="bases that the model reads at once")
    parser.add_argument("--codons", type=int, default=20, help="codons of a region at most (default: %(default)s)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    gpus.claim_or_hide(args.gpus)
    if (kind := vocabularies.load(args.tokenizer).kind) != "nucleotide":
        raise UserError(f"{args.tokenizer}: a tokenizer of kind {kind}; name a model with kind nucleotide")
    found = sites(args.chunks, read_regions(args.regions), args.window, args.codons, args.seed)
    found = [site for site in found if OTHER not in base_codes(site.window)]
    if not found:
        raise UserError(
            f"{args.regions}: no coding region in the held-out chunks of {args.chunks}; compare the contigs"
        )
    model = DnaBert2ForMaskedLM.from_pretrained(args.models / args.model).eval()
    model.to(device_here())
    logs = log_probabilities(model, found)
    setting = {"scale": args.scale, "window": args.window, "sites": len(found), "genome": args.chunks.stem}
    write_result(
        CLAIM, [compare(found, logs, args.model, args.seed)], setting, table(found, logs), args.out, args.table
    )


if __name__ == "__main__":
    sys.exit(main())
