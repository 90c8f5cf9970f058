"""Train a BPE vocabulary on the training chunks of a corpus (paper, section 3.1).

The settings are those of the authors' own script (MAGICS-LAB/DNABERT_2, issue 74): Hugging Face `tokenizers` BPE with
the special tokens [UNK] 0, [CLS] 1, [SEP] 2, [PAD] 3, [MASK] 4, one word per chunk. The result is a tokenizer
directory that transformers' ``PreTrainedTokenizerFast`` loads. Validation chunks are never read.

The trainer needs about 53 bytes of memory per base, so a large corpus is sampled: each training chunk is kept with
the probability ``sample / corpus``, drawn from (seed, accession).
"""

import argparse
import collections
import sys
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import atomic, write_json
from workflow_scripts.common.progress import Progress
from workflow_scripts.common.randomness import generator
from workflow_scripts.tokenizer import chunks

SPECIAL_TOKENS = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
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


def sample(paths: list[Path], bases: int, seed: int) -> Iterator[str]:
    """Yield training chunks, each kept with one probability so that about ``bases`` are seen; all if there are fewer.

    Which chunks are kept depends on (seed, accession) alone, not on the order of the files.
    """
    total = sum(chunks.training_bases(path) for path in paths)
    share = min(1.0, bases / max(total, 1))
    for path in sorted(paths, key=chunks.accession_of):
        random = generator(seed, "tokenizer sample", chunks.accession_of(path))
        for sequences, validation in chunks.batches(path):
            kept = random.random(len(sequences)) < share
            for sequence, keep, held_out in zip(sequences, kept, validation, strict=True):
                if keep and not held_out:
                    yield sequence


def train_bpe(sequences: Iterator[str], vocab_size: int, min_frequency: int) -> Tokenizer:
    """Train BPE with special tokens 0 to 4 and the template ``[CLS] A [SEP]``, ``[CLS] A [SEP] B [SEP]``."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(
        special_tokens=SPECIAL_TOKENS, vocab_size=vocab_size, min_frequency=min_frequency, show_progress=False
    )
    tokenizer.train_from_iterator(sequences, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 1), ("[SEP]", 2)],
    )
    return tokenizer


def check_round_trip(tokenizer: Tokenizer, sequences: list[str]) -> int:
    """Assert that the tokens of each sequence spell it again; returns the number of tokens."""
    tokens = 0
    for sequence, encoding in zip(sequences, tokenizer.encode_batch(sequences, add_special_tokens=False), strict=True):
        if "".join(encoding.tokens) != sequence:
            raise AssertionError(f"tokens do not spell the sequence {sequence[:60]}...")
        tokens += len(encoding.ids)
    return tokens


def describe(tokenizer: Tokenizer, bases: int, chunk_count: int, example: list[str]) -> dict:
    """Facts about a vocabulary: sizes, lengths of tokens, bases per token on ``example`` chunks."""
    words = [word for word in tokenizer.get_vocab() if word not in SPECIAL_TOKENS]
    lengths = collections.Counter(len(word) for word in words)
    tokens = check_round_trip(tokenizer, example)
    return {
        "kind": "bpe",
        "vocab_size": tokenizer.get_vocab_size(),
        "merges": sum(count for length, count in lengths.items() if length > 1),
        "sample_bases": bases,
        "sample_chunks": chunk_count,
        "bases_per_token": sum(map(len, example)) / max(tokens, 1),
        "token_length_histogram": {str(length): lengths[length] for length in sorted(lengths)},
        "longest_tokens": sorted(words, key=lambda word: (-len(word), word))[:20],
    }


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=Path, nargs="+", required=True, help="chunk files, ACCESSION.parquet")
    parser.add_argument("--vocab-size", type=int, default=4096, help="entries, special tokens included (paper: 4096)")
    parser.add_argument("--min-frequency", type=int, default=2, help="a pair seen less often is not merged")
    parser.add_argument("--sample-bases", type=int, default=200_000_000, help="bases to train on at most")
    parser.add_argument("--seed", type=int, default=42, help="seed of the sample")
    parser.add_argument("--out", type=Path, required=True, help="tokenizer directory to write")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    bases, count, example = 0, 0, []

    def counted(progress: Progress) -> Iterator[str]:
        nonlocal bases, count
        for sequence in sample(args.chunks, args.sample_bases, args.seed):
            bases, count = bases + len(sequence), count + 1
            if len(example) < 1000:
                example.append(sequence)
            progress.step(len(sequence))
            yield sequence

    with Progress(None, "base", "reading chunks for BPE") as progress:
        tokenizer = train_bpe(counted(progress), args.vocab_size, args.min_frequency)
    if not count:
        raise UserError(f"{args.chunks[0]}: no training chunks in the corpus; lower genomes.chunk or add genomes")
    if tokenizer.get_vocab_size() != args.vocab_size:
        raise UserError(
            f"tokenizer.vocab_size: {args.vocab_size} cannot be reached with {bases:,} bases, only "
            f"{tokenizer.get_vocab_size()}; lower it or raise sample_bases"
        )
    with atomic(args.out / "tokenizer.json") as temporary:
        tokenizer.save(str(temporary))
    write_json(args.out / "tokenizer_config.json", TOKENIZER_CONFIG)
    write_json(args.out / "stats.json", describe(tokenizer, bases, count, example))


if __name__ == "__main__":
    sys.exit(main())
