"""What jobs cost, before they run: bytes, seconds and floating-point operations, from sizes and settings."""

import math

from workflow_scripts.common.flops import encoder_flops
from workflow_scripts.settings.fit_settings import FitSettings
from workflow_scripts.settings.pretrain import Architecture, Model, Training
from workflow_scripts.settings.tokenizer import BPE4096, Tokenizer

# Measured, see docs/genomes.md: bytes and seconds of one core for a base.
GZIP, CHUNKS, TOKENS = 0.285, 0.30, 0.40
CUT, ENCODE = 8.3e-9, 36e-9
BASES_PER_TOKEN = 5  # of BPE with 4,096 entries; paper, section 3.1: "approximately 5 times"
TRAINING = 3  # times a forward pass
# Bytes of a pre-training on a CPU: the libraries, a weight with its gradient and AdamW's two means, and what a step
# keeps of a token, per layer and unit of its width. Measured: with the published sizes 4 and 16 sequences of 128 tokens
# take 2.8 and 3.8 GB in bf16, 16 take 4.8 GB in fp32.
LIBRARIES, WEIGHT, KEPT, KEPT_FP32 = 0.6e9, 16, 72, 128


def architecture_of(name: str, models: dict[str, Model]) -> Architecture | None:
    """Sizes of a model that is pre-trained here, or of the one it starts from; None if the configuration has none."""
    model = models.get(name)
    while model is not None and model.start:
        model = models.get(model.start)
    return model.architecture if model else None


def pretraining_flops(training: Training, sizes: Architecture) -> float:
    """FLOPs of a pre-training, without its head."""
    sequence = _pass_flops(training.length, sizes)
    return TRAINING * training.steps * training.batch_size * sequence


def pretraining_bytes(training: Training, sizes: Architecture) -> float:
    """Memory that a pre-training takes on a CPU."""
    layers, width, inner = sizes.num_hidden_layers, sizes.hidden_size, sizes.intermediate_size
    weights = layers * (4 * width**2 + 3 * width * inner)
    kept = KEPT if training.precision in ("bf16", "fp16") else KEPT_FP32
    return LIBRARIES + WEIGHT * weights + kept * training.micro_batch_size * training.length * layers * width


def bases_per_token(tokenizer: Tokenizer) -> float:
    """Bases of a mean token.

    Those of BPE grow with the logarithm of the vocabulary: measured on mammals and yeast, 256, 1,024 and 4,096 entries
    have 3.5, 4.3 and 5.1.
    """
    if tokenizer.kind == "bpe":
        return BASES_PER_TOKEN * math.log(tokenizer.vocab_size or 1, BPE4096.vocab_size or 1)
    return tokenizer.k or 1 if tokenizer.kind == "kmer" else 1


def fit_flops(settings: FitSettings, sizes: Architecture, rows: int, tokens: float, frozen: bool = False) -> float:
    """FLOPs of the steps of a fit to ``rows`` training rows of so many tokens, without its head.

    ``frozen``: the rows pass once, forwards only.
    """
    tokens = min(tokens, settings.max_tokens or tokens)
    if frozen:
        return rows * _pass_flops(tokens, sizes)
    least = settings.min_steps * settings.batch_size
    passed = settings.max_steps * settings.batch_size or max(settings.epochs * rows, least)
    return TRAINING * passed * _pass_flops(tokens, sizes)


def _pass_flops(tokens: float, sizes: Architecture) -> float:
    """FLOPs of a forward pass of the encoder over a sequence."""
    widths = sizes.num_hidden_layers, sizes.hidden_size, sizes.intermediate_size
    return sum(encoder_flops(tokens, *widths, True))
