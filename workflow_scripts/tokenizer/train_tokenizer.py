"""Train a BPE vocabulary on the training chunks of a corpus (paper, section 3.1), or write a fixed tokenizer.

In:  the chunk files of the genomes; validation chunks are never read.
Out: a directory with tokenizer.json and tokenizer_config.json, which transformers' ``PreTrainedTokenizerFast`` loads,
     and stats.json: sizes, lengths of tokens, facts about the sample.

BPE follows the authors' script (MAGICS-LAB/DNABERT_2, issue 74): Hugging Face `tokenizers` with the special tokens
[UNK] 0, [CLS] 1, [SEP] 2, [PAD] 3, [MASK] 4, and one word per chunk. The merges are the same, see bpe.py. A
normalizer reads lower case as upper case and U as T. Letters that are no base are unknown to the tokenizer: they
separate their neighbours and are counted (unknown_letters).

The program prints the expected memory and time before the training starts, and refuses a sample that does not fit the
memory.
"""

import argparse
import collections
import sys
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

from workflow_scripts.common import bpe_memory, chunk_reader, kmer_tokenizers
from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import write_json
from workflow_scripts.common.progress import Progress
from workflow_scripts.common.sequences import BASES
from workflow_scripts.common.special_tokens import SPECIAL_TOKENS, add_template
from workflow_scripts.common.species_table import genome_files
from workflow_scripts.common.tokenizer_files import save_tokenizer
from workflow_scripts.common.tokenizer_letters import letter_normalizers
from workflow_scripts.settings.names import SEED, TOKENIZER_KINDS
from workflow_scripts.settings.tokenizer import BPE4096
from workflow_scripts.tokenizer import bpe, training_sample

TOKENIZER_CONFIG = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "mask_token": "[MASK]",
    # token types distinguish the halves of a pair; without this line transformers omits them
    "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
}
EXAMPLES = 1000  # runs of the sample that are encoded to verify that their tokens spell them
BPE_OPTIONS = {  # settings of a BPE tokenizer and what they mean
    "vocab_size": "entries, including special tokens (paper: 4096)",
    "min_frequency": "smallest frequency of a pair that is merged",
    "sample_bases": "largest number of bases to train on; 0: no limit",
    "sample_genome_bases": "bases of each genome; 0: no limit",
    "sample_group_bases": "bases of each group; 0: no limit",
}
FIXED_SAMPLE = 1_000_000  # bases for the statistics of a tokenizer without training


def train_bpe(cells: np.ndarray, vocab_size: int, min_frequency: int, threads: int = 1) -> Tokenizer:
    """Train BPE with special tokens and template on an array of ids (see :func:`bpe.merges`, which overwrites it)."""
    words = [*SPECIAL_TOKENS, *BASES]
    merges: list[tuple[str, str]] = []
    with Progress(vocab_size - len(words), "merge", "training BPE") as progress:
        for merge in bpe.merges(cells, vocab_size, min_frequency, threads):
            merges.append((words[merge.left], words[merge.right]))
            words.append("".join(merges[-1]))
            progress.step(1, f"the last pair occurred {merge.frequency:,} times")
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence(letter_normalizers())
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.Fuse()  # "ACG", not "A CG"
    tokenizer.add_special_tokens(SPECIAL_TOKENS)
    add_template(tokenizer)
    return tokenizer


def token_count(tokenizer: Tokenizer, kind: str, sequences: list[str]) -> int:
    """Number of tokens of the sequences. Raises AssertionError if they do not spell the sequences."""
    tokens = 0
    for sequence, encoding in zip(sequences, tokenizer.encode_batch(sequences, add_special_tokens=False), strict=True):
        if kmer_tokenizers.spell(encoding.tokens, kind) != sequence:
            raise AssertionError(f"tokens do not spell the sequence {sequence[:60]}...")
        tokens += len(encoding.ids)
    return tokens


def describe(tokenizer: Tokenizer, kind: str, examples: list[str]) -> dict[str, Any]:
    """Statistics of a vocabulary: sizes, lengths of tokens, bases per token of the examples."""
    words = [word for word in tokenizer.get_vocab() if word not in SPECIAL_TOKENS]
    lengths = collections.Counter(map(len, words))
    return {
        "kind": kind,
        "vocab_size": tokenizer.get_vocab_size(),
        "merges": len(words) - len(BASES) if kind == "bpe" else 0,
        "bases_per_token": sum(map(len, examples)) / max(token_count(tokenizer, kind, examples), 1),
        "token_length_histogram": {str(length): lengths[length] for length in sorted(lengths)},
        "longest_tokens": sorted(words, key=lambda word: (-len(word), word))[:20],
    }


def make_tokenizer(args: argparse.Namespace, cells: np.ndarray) -> Tokenizer:
    """The tokenizer of the command line. Raises UserError for a k that its kind does not allow."""
    if args.kind == "bpe":
        return train_bpe(cells, args.vocab_size, args.min_frequency, args.threads)
    try:
        return kmer_tokenizers.build(args.kind, args.k)
    except ValueError as error:
        raise UserError(f"tokenizer.k: {error}") from None


def bases_by_group(genomes: list[training_sample.Genome]) -> dict[str, int]:
    """Sampled bases of each group."""
    bases: collections.Counter[str] = collections.Counter()
    for genome in genomes:
        bases[genome.group] += genome.bases
    return dict(bases)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=TOKENIZER_KINDS, required=True, help="kind of the tokenizer")
    parser.add_argument("--k", type=int, default=1, help="length of the k-mers")
    parser.add_argument(
        "--chunks", type=Path, nargs="+", required=True, help="chunk files, ACCESSION.parquet, or a folder of them"
    )
    parser.add_argument("--species", type=Path, help="species table: only its genomes are read from a folder")
    parser.add_argument("--corpus", type=Path, help="table with the groups, for --sample-group-bases")
    for name, meaning in BPE_OPTIONS.items():
        default = getattr(BPE4096, name)
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=int, default=default, help=f"{meaning} (default %(default)s)"
        )
    parser.add_argument("--seed", type=int, default=SEED, help="seed of the sample")
    parser.add_argument("--threads", type=int, default=1, help="number of threads")
    parser.add_argument("--out", type=Path, required=True, help="tokenizer directory to write")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    if args.sample_group_bases and not args.corpus:
        raise UserError("--sample-group-bases: needs --corpus, the table with the groups of the genomes")
    if args.kind == "bpe":
        limits = training_sample.Limits(args.sample_bases, args.sample_genome_bases, args.sample_group_bases)
    else:
        limits = training_sample.Limits(FIXED_SAMPLE)
    files = genome_files(args.chunks, ".parquet", args.species)
    genomes = training_sample.draw_sample(files, limits, args.seed, chunk_reader.read_groups(args.corpus))
    bases, cells = sum(genome.bases for genome in genomes), sum(genome.cells for genome in genomes)
    if not bases:
        raise UserError(f"{files[0]}: no training chunks in the corpus; lower genomes.chunk.length or add genomes")
    if args.kind == "bpe":
        bpe_memory.check(bases, cells, args.vocab_size, bpe_memory.available_bytes())
        print(bpe_memory.forecast(bases, cells, args.vocab_size, args.threads), file=sys.stderr, flush=True)
    letters, unknown = training_sample.load_sample(genomes, args.threads)
    # a run that is shorter than a k-mer has no tokens
    examples = [run for run in training_sample.example_runs(letters, EXAMPLES) if len(run) >= args.k]
    tokenizer = make_tokenizer(args, letters)
    if args.kind == "bpe" and tokenizer.get_vocab_size() < args.vocab_size:
        print(
            f"tokenizer: {tokenizer.get_vocab_size()} of {args.vocab_size} entries; no further pair occurs "
            f"{args.min_frequency} times in {bases:,} bases",
            file=sys.stderr,
            flush=True,
        )
    facts = describe(tokenizer, args.kind, examples) | {
        "sample_bases": bases,
        "sample_chunks": sum(int(genome.kept.sum()) for genome in genomes),
        "sample_bases_by_group": bases_by_group(genomes),
        "unknown_letters": unknown,
    }
    save_tokenizer(tokenizer, args.out / "tokenizer.json")
    write_json(args.out / "tokenizer_config.json", TOKENIZER_CONFIG)
    write_json(args.out / "stats.json", facts)


if __name__ == "__main__":
    sys.exit(main())
