"""Tokenization study: properties of tokenizers on DNA (paper, section 3.1 and figure 3).

In:  tokenizer directories, the chunk files of the genomes stage, and the corpus table for the groups. All tokenizers
     encode the same sample of validation chunks. Besides those of the run, overlapping 6-mers, non-overlapping 6-mers
     and single nucleotides are measured, and the largest BPE vocabulary reduced to 2^8, 2^9 ... entries.
Out: ``--out`` (JSON), the verdict on the claims; ``--measurements`` (JSON) with all that was measured, and ``--table``
     (TSV) with one row per tokenizer and size:

- tokens per base and token lengths over whole chunks, per group of genomes;
- tokens and forward FLOPs of the published encoder on the first 500 bases of each chunk;
- tokens that one substituted, inserted or deleted base changes there: those outside of the prefix and the suffix that
  the token sequences before and after the edit share;
- masked tokens that unmasked tokens reveal, with 15% masked;
- the longest and the most frequent tokens of the BPE vocabulary whose size is nearest to the paper's 4,096, motifs in
  its tokens, and the soft-masked share of the chunks with a token, compared to that of the same genomes' chunks.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.common.chunk_reader import read_groups
from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import write_json
from workflow_scripts.common.progress import Progress
from workflow_scripts.common.randomness import generator
from workflow_scripts.common.special_tokens import SPECIAL_TOKENS
from workflow_scripts.common.species_table import genome_files
from workflow_scripts.settings.names import SEED
from workflow_scripts.studies import measures, token_motifs, vocabularies
from workflow_scripts.studies.claim_result import Comparison, write_result
from workflow_scripts.studies.held_out_sample import Sample, draw_sample
from workflow_scripts.studies.tokenization_claims import CLAIM, Evidence, compare
from workflow_scripts.studies.vocabularies import REFERENCE, Vocabulary

WINDOW = 500  # bases, the paper's input length for FLOPs
CHUNKS_PER_GROUP = 1000  # largest number of validation chunks of a group
MASKED = 0.15
PAPER_SIZE = 4096
TOP = 20  # words in each list
SHUFFLES = 20
COLUMNS = (
    *("set", "name", "kind", "vocab_size", "bases_per_token", "tokens_per_base"),
    *("window_tokens", "flops_attention", "flops_mlp", "relative_flops"),
    *(f"changed_{unit}_{edit}" for edit in measures.EDITS for unit in ("share", "tokens")),
    *(f"given_away_{unit}_{mask}" for mask in ("independent", "contiguous") for unit in ("tokens", "bases")),
)


def compression(vocabulary: Vocabulary, sample: Sample, tokens: list[np.ndarray]) -> dict[str, Any]:
    """Bases per token, tokens per base by group, and share of tokens of each length."""
    counts = np.array(list(map(len, tokens)))
    bases = np.array(list(map(len, sample.sequences)))
    lengths = Counter(vocabulary.lengths[np.concatenate(tokens)].tolist())
    return {
        "bases_per_token": float(bases.sum() / counts.sum()),
        "tokens_per_base": float(counts.sum() / bases.sum()),
        "tokens_per_base_by_group": {
            group: float(counts[sample.groups == group].sum() / bases[sample.groups == group].sum())
            for group in sorted(set(sample.groups.tolist()))
        },
        "token_lengths": {str(length): lengths[length] / int(counts.sum()) for length in sorted(lengths)},
    }


def edits(windows: list[str], seed: int) -> dict[str, list[str]]:
    """Each window with one edit of each kind, the same for all tokenizers."""
    return {
        edit: [
            measures.apply_edit(window, edit, generator(seed, "study", edit, number))
            for number, window in enumerate(windows)
        ]
        for edit in measures.EDITS
    }


def changes(vocabulary: Vocabulary, before: list[np.ndarray], edited: dict[str, list[str]]) -> dict[str, np.ndarray]:
    """Per kind of edit, share and number of the tokens of each window that one edit changes, [2, windows]."""
    results = {}
    for edit, windows in edited.items():
        pairs = list(zip(before, vocabulary.encode(windows), strict=True))
        changed = np.array([measures.changed_tokens(old, new) for old, new in pairs])
        longer = np.array([max(len(old), len(new)) for old, new in pairs])
        results[edit] = np.array([changed / longer, changed])
    return results


def leaks(vocabulary: Vocabulary, tokens: list[np.ndarray], seed: int) -> dict[str, np.ndarray | None]:
    """Masked tokens, those of them that unmasked tokens reveal, bases of the masked ones, and those revealed, of each
    chunk, [4, chunks].

    Tokens are masked independently; overlapping k-mers are also masked in runs of k, as in DNABERT.
    """

    def count(mask: str) -> np.ndarray:
        counts = []
        for number, ids in enumerate(tokens):
            random = generator(seed, "study", mask, "mask", number)
            if mask == "contiguous":
                chosen = measures.contiguous_mask(len(ids), MASKED, vocabulary.k, random)
            else:
                chosen = measures.independent_mask(len(ids), MASKED, random)
            counts.append(measures.leaked_tokens(*vocabulary.spelling.spans(ids), chosen))
        return np.array(counts).T

    overlapping = vocabulary.kind == "kmer_overlapping"
    return {"independent": count("independent"), "contiguous": count("contiguous") if overlapping else None}


def leaked_shares(counts: np.ndarray | None) -> dict[str, float] | None:
    """The shares of masked tokens and of their bases that are revealed, over all chunks."""
    if counts is None:
        return None
    masked, seen, bases, bases_seen = counts.sum(axis=1)
    return {"tokens": float(seen / max(masked, 1)), "bases": float(bases_seen / max(bases, 1))}


def measure(
    vocabulary: Vocabulary, sample: Sample, edited: dict[str, list[str]], seed: int
) -> tuple[dict[str, Any], Evidence]:
    """All measures of one tokenizer, and what they are made of, chunk by chunk."""
    tokens = vocabulary.encode(sample.sequences)
    windows = vocabulary.encode(sample.windows)
    sizes = np.array(list(map(len, windows))) + 2  # [CLS] and [SEP]
    changed, leaked = changes(vocabulary, windows, edited), leaks(vocabulary, tokens, seed)
    means = {edit: values.mean(axis=1) for edit, values in changed.items()}
    row = {
        "name": vocabulary.name,
        "kind": vocabulary.kind,
        "k": vocabulary.k if vocabulary.kind != "bpe" else None,
        "vocab_size": len(vocabulary.words),
        **compression(vocabulary, sample, tokens),
        "window_tokens": float(sizes.mean()),
        "flops": measures.flops(sizes),
        "flops_plain_mlp": measures.flops(sizes, gated=False),
        "changed": {edit: {"share": float(share), "tokens": float(count)} for edit, (share, count) in means.items()},
        "given_away": {mask: leaked_shares(counts) for mask, counts in leaked.items()},
    }
    flops = np.array([measures.flops(size)["total"] for size in sizes[:, None]])
    assert leaked["independent"] is not None
    return row, Evidence(vocabulary.name, leaked["independent"], leaked["contiguous"], changed, flops)


def occurrences(vocabulary: Vocabulary, sample: Sample) -> list[dict[str, Any]]:
    """Count of each word in the sample, its labels, and the soft-masked share of its chunks.

    ``soft_masked``: mean soft-masked share of the chunks with the word, once per occurrence. ``soft_masked_genome``:
    mean over all sampled chunks of the same genomes, with the same weights.
    """
    tokens = vocabulary.encode(sample.sequences)
    ids = np.concatenate(tokens)
    chunk = np.repeat(np.arange(len(tokens)), list(map(len, tokens)))
    size = len(vocabulary.words)
    counts = np.bincount(ids, minlength=size)
    of_chunks = np.bincount(ids, sample.soft_masked[chunk], size) / np.maximum(counts, 1)
    of_genomes = np.bincount(ids, sample.genome_soft_masked[chunk], size) / np.maximum(counts, 1)
    return [
        {
            "word": word,
            "length": len(word),
            "count": int(counts[number]),
            "soft_masked": float(of_chunks[number]) if counts[number] else None,
            "soft_masked_genome": float(of_genomes[number]) if counts[number] else None,
            "labels": token_motifs.labels(word),
        }
        for number, word in enumerate(vocabulary.words)
        if word not in SPECIAL_TOKENS
    ]


def motif_table(words: list[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    """Per rule: number of words that match it, number of shuffled words that do, and occurrences of the former."""
    texts = [word["word"] for word in words]
    chance: Counter[str] = Counter()
    for number in range(SHUFFLES):
        chance += token_motifs.label_counts(token_motifs.shuffled(texts, generator(seed, "study", "shuffle", number)))
    total = sum(word["count"] for word in words)
    rows = []
    for label, rule in token_motifs.RULES.items():
        matching = [word for word in words if label in word["labels"]]
        seen = [word for word in matching if word["count"]]
        count = sum(word["count"] for word in seen)
        row: dict[str, Any] = {
            "label": label,
            "rule": rule,
            "words": len(matching),
            "words_shuffled": chance[label] / SHUFFLES,
        }
        row["share_of_tokens"] = count / total
        for name in ("soft_masked", "soft_masked_genome"):
            row[name] = sum(word[name] * word["count"] for word in seen) / count if count else None
        rows.append(row)
    return rows


def describe_words(vocabulary: Vocabulary, sample: Sample, seed: int) -> dict[str, Any]:
    """The longest and the most frequent words of a vocabulary, and motifs in all of its words."""
    words = occurrences(vocabulary, sample)
    return {
        "name": vocabulary.name,
        "vocab_size": len(vocabulary.words),
        "longest": sorted(words, key=lambda word: (-word["length"], -word["count"], word["word"]))[:TOP],
        "most_frequent": sorted(words, key=lambda word: (-word["count"], word["word"]))[:TOP],
        "motifs": motif_table(words, seed),
    }


def study(trained: list[Vocabulary], sample: Sample, seed: int) -> tuple[dict[str, Any], list[Comparison]]:
    """All measurements, and the comparisons of the claims, none without a BPE vocabulary.

    FLOPs are relative to those of overlapping 6-mers on the same bases.
    """
    tokenizers, sizes = vocabularies.with_fixed(trained), vocabularies.sweep(trained)
    edited = edits(sample.windows, seed)
    rows, evidence = [], {}
    with Progress(len(tokenizers) + len(sizes), "tokenizer", "measuring") as progress:
        for vocabulary in tokenizers + sizes:
            row, evidence[vocabulary.name] = measure(vocabulary, sample, edited, seed)
            rows.append(row)
            progress.step(note=vocabulary.name)
    reference = next(row for row in rows if (row["kind"], row["k"]) == REFERENCE)
    for row in rows:
        row["relative_flops"] = row["flops"]["total"] / reference["flops"]["total"]
    learned = [vocabulary for vocabulary in trained if vocabulary.kind == "bpe"]
    nearest = min(learned, key=lambda vocabulary: abs(len(vocabulary.words) - PAPER_SIZE), default=None)
    blocks = next(row["name"] for row in rows if row["kind"] == "kmer")
    parts = []
    if nearest:
        parts = compare(evidence[nearest.name], evidence[reference["name"]], evidence[blocks], seed)
    results = {
        "sample": sample.describe() | {"seed": seed, "window_bases": max(map(len, sample.windows))},
        "masked": MASKED,
        "flops_formula": measures.FLOPS_FORMULA,
        "reference": reference["name"],
        "tokenizers": rows[: len(tokenizers)],
        "sweep": rows[len(tokenizers) :],
        "words": describe_words(nearest, sample, seed) if nearest else None,
    }
    return results, parts


def table_rows(results: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of the TSV table; cells that do not apply are empty."""
    rows = []
    for name in ("tokenizers", "sweep"):
        for entry in results[name]:
            row = {column: entry.get(column) for column in COLUMNS} | {"set": name}
            row |= {f"flops_{part}": entry["flops"][part] for part in ("attention", "mlp")}
            for edit, values in entry["changed"].items():
                row |= {f"changed_{unit}_{edit}": value for unit, value in values.items()}
            for mask, values in entry["given_away"].items():
                row |= {f"given_away_{unit}_{mask}": value for unit, value in (values or {}).items()}
            rows.append(row)
    return rows


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizers", type=Path, nargs="+", required=True, help="tokenizer directories")
    parser.add_argument(
        "--chunks", type=Path, nargs="+", required=True, help="chunk files, ACCESSION.parquet, or a folder of them"
    )
    parser.add_argument("--species", type=Path, help="species table: only its genomes are read from a folder")
    parser.add_argument("--corpus", type=Path, help="corpus.tsv with the groups; without it all genomes are one group")
    parser.add_argument("--seed", type=int, default=SEED, help="seed of sample, edits, masks and shuffles")
    parser.add_argument("--scale", default="", help="what the result says about its scale, such as laptop")
    parser.add_argument("--measurements", type=Path, required=True, help="measurements to write (.json)")
    parser.add_argument("--out", type=Path, required=True, help="result to write (.json)")
    parser.add_argument("--table", type=Path, required=True, help="table to write (.tsv)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    trained = [vocabularies.load(folder) for folder in args.tokenizers]
    files = genome_files(args.chunks, ".parquet", args.species)
    sample = draw_sample(files, read_groups(args.corpus), CHUNKS_PER_GROUP, WINDOW, args.seed)
    if not sample.sequences:
        remedy = "raise genomes.validation.fraction, or lower genomes.validation.block"
        raise UserError(f"{files[0]}: no validation chunks in the corpus; {remedy}")
    results, parts = study(trained, sample, args.seed)
    write_json(args.measurements, results)
    setting = {"scale": args.scale, "sample": results["sample"]}
    rows = [{column: row.get(column) for column in COLUMNS} for row in table_rows(results)]
    write_result(CLAIM, parts, setting, rows, args.out, args.table)


if __name__ == "__main__":
    sys.exit(main())
