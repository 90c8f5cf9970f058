"""Train BPE with another library on lines of DNA, with the same number of merges as the workflow.

In:  a text file with one chunk per line.
Out: nothing is kept.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

SPECIAL_TOKENS = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
MERGES = 4087
ALPHABET = 4


def lines(path: Path) -> Iterator[str]:
    """The chunks, one per line."""
    with path.open() as handle:
        for line in handle:
            yield line.rstrip()


def tokenizers(path: Path) -> None:
    """Hugging Face tokenizers, with the settings of the authors' script."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    size = len(SPECIAL_TOKENS) + ALPHABET + MERGES
    trainer = trainers.BpeTrainer(special_tokens=SPECIAL_TOKENS, vocab_size=size, min_frequency=2, show_progress=False)
    tokenizer.train_from_iterator(lines(path), trainer)


def sentencepiece(path: Path) -> None:
    """Google's sentencepiece, without normalisation. Tokens have at most 16 letters, its default."""
    import sentencepiece

    with tempfile.TemporaryDirectory() as folder:
        sentencepiece.SentencePieceTrainer.train(
            input=str(path),
            model_prefix=f"{folder}/model",
            model_type="bpe",
            vocab_size=3 + 1 + ALPHABET + MERGES,  # <unk>, <s>, </s> and the word-start marker
            character_coverage=1.0,
            max_sentence_length=100_000,
            normalization_rule_name="identity",
            minloglevel=2,
        )


def rustbpe(path: Path) -> None:
    """Karpathy's rustbpe, on bytes."""
    import rustbpe

    rustbpe.Tokenizer().train_from_iterator(lines(path), 256 + MERGES)


PEERS: dict[str, Callable[[Path], None]] = {
    "tokenizers": tokenizers,
    "sentencepiece": sentencepiece,
    "rustbpe": rustbpe,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("lines", type=Path, help="text file with one chunk per line")
    args = parser.parse_args()
    PEERS[args.peer](args.lines)


if __name__ == "__main__":
    sys.exit(main())
