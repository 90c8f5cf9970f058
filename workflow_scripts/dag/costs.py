"""What jobs cost, before they run: bytes, seconds and floating-point operations, from sizes and settings."""

import math
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from workflow_scripts.common.files import read_json, read_table
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

HUB_MODELS = Path(__file__).resolve().parents[2] / "config/hub_models.tsv"


class Encoder(NamedTuple):
    """What the cost of a model depends on: layers, width, inner width, three matrices a feed-forward layer or two, and
    bases of a mean token. ``bytes``: of its weights, if they are known before."""

    layers: int
    width: int
    inner: int
    gated: bool
    bases_per_token: float
    bytes: int | None = None

    @property
    def weight_bytes(self) -> float:
        """Bytes of the weights in single precision, without embeddings if they were not counted."""
        return self.bytes or 4 * self.layers * layer_weights(self.width, self.inner, self.gated)


def layer_weights(width: int, inner: int, gated: bool) -> int:
    """Weights of the matrices of a layer, whose feed-forward part has three of them if it is gated, else two."""
    return 4 * width**2 + (3 if gated else 2) * width * inner


def published_encoders() -> dict[tuple[str, str], Encoder]:
    """What is known of models of the hub, by id and commit."""
    return {
        (row["hub"], row["commit"]): Encoder(
            int(row["layers"]),
            int(row["hidden_size"]),
            int(row["intermediate_size"]),
            row["gated"] == "yes",
            float(row["bases_per_token"]),
            int(row["bytes"]),
        )
        for row in read_table(HUB_MODELS)
    }


def encoder_in(folder: Path, kmer: int) -> Encoder | None:
    """The encoder of a model directory; None if its configuration is not that of a transformer, or cannot be read."""
    try:
        config: dict[str, Any] = read_json(folder / "config.json")
        layers, width, inner = (int(config[key]) for key in ("num_hidden_layers", "hidden_size", "intermediate_size"))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    code = config.get("auto_map") or {}
    gated = config.get("model_type") == "dnabert2" or any(
        str(name).startswith("bert_layers.") for name in code.values()
    )
    if kmer:
        per_token = 1.0
    elif config.get("model_type") == "esm":
        per_token = 6.0
    elif (tokenizer := bpe_in(folder)) is not None:
        per_token = bases_per_token(tokenizer)
    else:
        return None
    return Encoder(layers, width, inner, gated, per_token)


@cache  # every fit of the model asks
def bpe_in(folder: Path) -> Tokenizer | None:
    """The BPE tokenizer of a model directory; None if it has another, or none that can be read."""
    try:
        described = read_json(folder / "tokenizer.json")["model"]
        return Tokenizer(kind="bpe", vocab_size=len(described["vocab"])) if described["type"] == "BPE" else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


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
    weights = layers * layer_weights(width, inner, gated=True)
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


def training_rows(settings: FitSettings, rows: int, classes: int) -> int:
    """Rows that a fit trains on, of ``rows`` in ``classes`` classes; 0: their number is not known."""
    rows = math.ceil(settings.train_share * rows)
    return min(rows, settings.shots * classes) if settings.shots and classes else rows


def fit_flops(settings: FitSettings, encoder: Encoder, rows: int, bases: int, frozen: bool = False) -> float:
    """FLOPs of the steps of a fit to ``rows`` training rows of so many bases, without its head.

    ``frozen``: the rows pass once, forwards only.
    """
    tokens = bases / encoder.bases_per_token
    tokens = min(tokens, settings.max_tokens or tokens)
    one = sum(encoder_flops(tokens, encoder.layers, encoder.width, encoder.inner, encoder.gated))
    if frozen:
        return rows * one
    least = settings.min_steps * settings.batch_size
    passed = settings.max_steps * settings.batch_size or max(settings.epochs * rows, least)
    return TRAINING * passed * one


def _pass_flops(tokens: float, sizes: Architecture) -> float:
    """FLOPs of a forward pass of the encoder over a sequence."""
    widths = sizes.num_hidden_layers, sizes.hidden_size, sizes.intermediate_size
    return sum(encoder_flops(tokens, *widths, True))
