"""Make a tokenizer: a BPE vocabulary trained on the training chunks of a corpus (paper, section 3.1), or a fixed one.

In:  the chunk files of the genomes; validation chunks are never read.
Out: a directory with tokenizer.json and tokenizer_config.json, which transformers' ``PreTrainedTokenizerFast`` loads,
     and stats.json: sizes, lengths of the tokens, what was sampled.

BPE follows the authors' own script (MAGICS-LAB/DNABERT_2, issue 74): Hugging Face `tokenizers` with the special tokens
[UNK] 0, [CLS] 1, [SEP] 2, [PAD] 3, [MASK] 4, one word per chunk. The merges are the same, see bpe.py. Any letter but
upper-case A, C, G and T is unknown to the tokenizer: it parts its neighbours and is counted (unknown_letters).

Memory and time are told before the training starts, and a sample that does not fit the machine is refused.
"""

import argparse
import collections
import sys
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers

from workflow_scripts.common import bpe_memory, chunk_reader, kmer_tokenizers
from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import atomic, write_json
from workflow_scripts.common.progress import Progress
from workflow_scripts.common.sequences import BASES
from workflow_scripts.common.special_tokens import SPECIAL_TOKENS, add_template
from workflow_scripts.common.species_table import genome_files
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
    # Token types tell the halves of a pair apart; without this line transformers leaves them out.
    "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
}
EXAMPLES = 1000  # stretches of the sample that are encoded to see whether their tokens spell them
OF_BPE = {  # settings of a BPE tokenizer -> what they say
    "vocab_size": "entries, special tokens included (paper: 4096)",
    "min_frequency": "a pair seen less often is not merged",
    "sample_bases": "bases to train on at most; 0: all",
    "sample_genome_bases": "of each genome at most; 0: all",
    "sample_group_bases": "of each group at most; 0: all",
}
FIXED_SAMPLE = 1_000_000  # bases on which a tokenizer that needs no training is described


def train_bpe(cells: np.ndarray, vocab_size: int, min_frequency: int, threads: int = 1) -> Tokenizer:
    """Train BPE on an array of ids (see :func:`bpe.merges`, which overwrites it) with special tokens and template."""
    words = [*SPECIAL_TOKENS, *BASES]
    merges = []
    with Progress(vocab_size - len(words), "merge", "training BPE") as progress:
        for merge in bpe.merges(cells, vocab_size, min_frequency, threads):
            merges.append((words[merge.left], words[merge.right]))
            words.append("".join(merges[-1]))
            progress.step(1, f"the last of {merge.count:,} places")
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(SPECIAL_TOKENS)
    add_template(tokenizer)
    return tokenizer


def token_count(tokenizer: Tokenizer, kind: str, sequences: list[str]) -> int:
    """Number of tokens of the sequences; asserts that they spell them."""
    tokens = 0
    for sequence, encoding in zip(sequences, tokenizer.encode_batch(sequences, add_special_tokens=False), strict=True):
        if kmer_tokenizers.spell(encoding.tokens, kind) != sequence:
            raise AssertionError(f"tokens do not spell the sequence {sequence[:60]}...")
        tokens += len(encoding.ids)
    return tokens


def describe(tokenizer: Tokenizer, kind: str, examples: list[str]) -> dict:
    """Facts about a vocabulary: sizes, lengths of tokens, bases per token of the examples."""
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


def make(args: argparse.Namespace, cells: np.ndarray) -> Tokenizer:
    """The tokenizer that the command line asks for. UserError for a k that its kind cannot have."""
    if args.kind == "bpe":
        return train_bpe(cells, args.vocab_size, args.min_frequency, args.threads)
    try:
        return kmer_tokenizers.build(args.kind, args.k)
    except ValueError as error:
        raise UserError(f"tokenizer.k: {error}") from None


def bases_by_group(genomes: list[training_sample.Genome]) -> dict[str, int]:
    """Bases that are sampled of each group."""
    found = collections.Counter()
    for genome in genomes:
        found[genome.group] += genome.bases
    return dict(found)


def say(text: str) -> None:
    """Tell the log."""
    print(text, file=sys.stderr, flush=True)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=TOKENIZER_KINDS, required=True, help="what its tokens are")
    parser.add_argument("--k", type=int, default=1, help="length of the k-mers")
    parser.add_argument(
        "--chunks", type=Path, nargs="+", required=True, help="chunk files, ACCESSION.parquet, or a folder of them"
    )
    parser.add_argument("--species", type=Path, help="species table; of a folder only its genomes are read")
    parser.add_argument("--corpus", type=Path, help="table with the group of each accession, for --sample-group-bases")
    for name, about in OF_BPE.items():
        default = getattr(BPE4096, name)
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=int, default=default, help=f"{about} (default %(default)s)"
        )
    parser.add_argument("--seed", type=int, default=SEED, help="seed of the sample")
    parser.add_argument("--threads", type=int, default=1, help="cores to train on")
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
    genomes = training_sample.draw(files, limits, args.seed, chunk_reader.read_groups(args.corpus))
    bases, cells = sum(genome.bases for genome in genomes), sum(genome.cells for genome in genomes)
    if not bases:
        raise UserError(f"{files[0]}: no training chunks in the corpus; lower genomes.chunk or add genomes")
    if args.kind == "bpe":
        bpe_memory.check(bases, cells, args.vocab_size, bpe_memory.available_bytes())
        say(bpe_memory.forecast(bases, cells, args.vocab_size, args.threads))
    letters, unknown = training_sample.load(genomes, args.threads)
    # a stretch that is shorter than a k-mer has none
    examples = [stretch for stretch in training_sample.examples(letters, EXAMPLES) if len(stretch) >= args.k]
    tokenizer = make(args, letters)
    if args.kind == "bpe" and tokenizer.get_vocab_size() < args.vocab_size:
        say(
            f"tokenizer: {tokenizer.get_vocab_size()} of {args.vocab_size} entries; no further pair stands "
            f"{args.min_frequency} times in {bases:,} bases"
        )
    facts = describe(tokenizer, args.kind, examples) | {
        "sample_bases": bases,
        "sample_chunks": sum(int(genome.kept.sum()) for genome in genomes),
        "sample_bases_by_group": bases_by_group(genomes),
        "unknown_letters": unknown,
    }
    with atomic(args.out / "tokenizer.json") as temporary:
        tokenizer.save(str(temporary))
    write_json(args.out / "tokenizer_config.json", TOKENIZER_CONFIG)
    write_json(args.out / "stats.json", facts)


if __name__ == "__main__":
    sys.exit(main())
