"""Speed of a training step of the model, compared with the plain architecture built from transformers' BERT modules.

In:  nothing; the batches are random tokens, and the models have the published size and random weights.
Out: a table on standard output, and with --out in a file: tokens per second of a training step (forward, backward,
     AdamW) of both models on this CPU, in float32 and in bfloat16 (autocast), on
     - rows of 128 tokens;
     - rows of 64 to 1,024 tokens, padded to the longest.

The peer has the same weights and computes the same loss. It is written straightforwardly: transformers' BertAttention
with its SDPA, ALiBi and padding as one dense bias for every head and pair of positions, the gated feed-forward, the
masked-LM head over the whole batch, and AdamW with PyTorch's defaults. Only tokens are counted, not padding. The two
take turns on the same batches; the fastest of --repeats steps of each counts.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional  # noqa: E402
from transformers import BertConfig  # noqa: E402
from transformers.models.bert.modeling_bert import BertAttention, BertOnlyMLMHead  # noqa: E402

from benchmarks.machine import machine  # noqa: E402
from workflow_scripts.common.files import write_text  # noqa: E402
from workflow_scripts.model import DnaBert2Config, DnaBert2ForMaskedLM  # noqa: E402
from workflow_scripts.model.attention import alibi_bias, alibi_slopes  # noqa: E402
from workflow_scripts.model.modeling import Embeddings, GatedFeedForward  # noqa: E402
from workflow_scripts.pretrain.optimizers import make_optimizer  # noqa: E402
from workflow_scripts.settings.pretrain import Training  # noqa: E402

IGNORED = -100
MASK = 4


class PlainLayer(nn.Module):
    """BERT's attention, then the gated feed-forward."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.attention = BertAttention(config)
        self.mlp = GatedFeedForward(config)

    def forward(self, hidden: Tensor, bias: Tensor) -> Tensor:
        return self.mlp(self.attention(hidden, attention_mask=bias)[0])


class PlainModel(nn.Module):
    """The peer, with the weights of ``model``: ids and mask [batch, length] to logits [batch, length, vocabulary]."""

    def __init__(self, model: DnaBert2ForMaskedLM):
        super().__init__()
        sizes = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
        rates = ("layer_norm_eps", "hidden_dropout_prob", "pad_token_id", "type_vocab_size")
        config = BertConfig(
            **{name: getattr(model.config, name) for name in sizes + rates},
            attention_probs_dropout_prob=0.0,
            attn_implementation="sdpa",
        )
        self.heads = config.num_attention_heads
        self.embeddings = Embeddings(model.config)
        self.layers = nn.ModuleList(PlainLayer(config) for _ in range(config.num_hidden_layers))
        self.cls = BertOnlyMLMHead(config)
        self.cls.predictions.bias = self.cls.predictions.decoder.bias
        self.load_state_dict(plain_weights(model.state_dict()))
        self.cls.predictions.decoder.weight = self.embeddings.word_embeddings.weight
        self.to(model.device)

    def forward(self, ids: Tensor, mask: Tensor | None) -> Tensor:
        return self.cls(self.encode(ids, mask))

    def encode(self, ids: Tensor, mask: Tensor | None) -> Tensor:
        """Hidden states [batch, length, width]."""
        hidden = self.embeddings(self.embeddings.word_embeddings(ids), None)
        bias = alibi_bias(alibi_slopes(self.heads).to(ids.device), ids.shape[1])
        if mask is not None:
            bias = bias + (1 - mask[:, None, None, :]) * -10000.0
        if torch.is_autocast_enabled(ids.device.type):  # once; otherwise SDPA would convert it in every layer
            bias = bias.to(torch.get_autocast_dtype(ids.device.type))
        for layer in self.layers:
            hidden = layer(hidden, bias)
        return hidden


def plain_weights(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same weights under the names of the peer, which has three projections instead of one."""
    plain = {"cls.predictions.bias": weights["cls.predictions.decoder.bias"]}
    for name, tensor in weights.items():
        place = name.removeprefix("bert.").replace("encoder.layer.", "layers.")
        parts = ("query", "key", "value") if "Wqkv" in name else ("Wqkv",)
        for part, piece in zip(parts, tensor.chunk(len(parts)), strict=True):
            plain[place.replace("Wqkv", part)] = piece
    return plain


@dataclass(frozen=True)
class Batch:
    """Ids, labels and mask [rows, length]; without padding the mask is None. ``tokens`` counts no padding."""

    ids: Tensor
    labels: Tensor
    mask: Tensor | None
    tokens: int


def make_batch(lengths: list[int], vocab_size: int, seed: int, device: torch.device) -> Batch:
    """Random tokens in rows of these lengths, padded to the longest; 15% of the tokens are masked."""
    random = torch.Generator().manual_seed(seed)
    shape = (len(lengths), max(lengths))
    tokens = torch.randint(MASK + 1, vocab_size, shape, generator=random)
    mask = (torch.arange(shape[1]) < torch.tensor(lengths)[:, None]).long()
    chosen = (torch.rand(shape, generator=random) < 0.15) & mask.bool()
    ids = tokens.masked_fill(chosen, MASK) * mask
    labels = tokens.masked_fill(~chosen, IGNORED)
    padded = min(lengths) < max(lengths)
    return Batch(ids.to(device), labels.to(device), mask.to(device) if padded else None, sum(lengths))


def our_loss(model: DnaBert2ForMaskedLM, batch: Batch) -> Tensor:
    """The head on the masked positions only, as in pre-training."""
    chosen = batch.labels != IGNORED
    logits = model.masked_logits(batch.ids, batch.mask, chosen)
    return functional.cross_entropy(logits.float(), batch.labels[chosen])


def plain_loss(model: PlainModel, batch: Batch) -> Tensor:
    """The head on every position."""
    logits = model(batch.ids, batch.mask)
    return functional.cross_entropy(logits.flatten(0, 1).float(), batch.labels.flatten(), ignore_index=IGNORED)


def autocast(device: torch.device, dtype: torch.dtype) -> torch.autocast:
    """Compute in ``dtype``, with weights in float32."""
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)


@dataclass
class Contender:
    """A model with its loss and optimiser."""

    model: nn.Module
    loss: Callable[[nn.Module, Batch], Tensor]
    optimizer: torch.optim.Optimizer

    def __post_init__(self) -> None:
        self.model.train()

    def seconds(self, batch: Batch, dtype: torch.dtype) -> float:
        """Time one training step."""
        device = batch.ids.device
        wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
        wait()
        started = time.perf_counter()
        with autocast(device, dtype):
            loss = self.loss(self.model, batch)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        wait()
        return time.perf_counter() - started


def ours(model: DnaBert2ForMaskedLM) -> Contender:
    """This model with the AdamW of its pre-training, which is fused."""
    return Contender(model, our_loss, make_optimizer(model, Training()))


def peer(model: DnaBert2ForMaskedLM) -> Contender:
    """The plain model with the same weights, and AdamW with PyTorch's defaults."""
    plain = PlainModel(model)
    return Contender(plain, plain_loss, torch.optim.AdamW(plain.parameters(), lr=Training().learning_rate))


def contenders(config: DnaBert2Config, device: torch.device) -> dict[str, Contender]:
    """This model and the peer, with the same random weights."""
    torch.manual_seed(0)
    model = DnaBert2ForMaskedLM(config).to(device)
    return {"model": ours(model), "plain": peer(model)}


def fastest(both: dict[str, Contender], batch: Batch, dtype: torch.dtype, repeats: int) -> dict[str, float]:
    """Tokens per second of each in its fastest step on the batch. They take turns, after one warm-up step each."""
    seconds: dict[str, list[float]] = {name: [] for name in both}
    for _ in range(1 + repeats):
        for name, contender in both.items():
            seconds[name].append(contender.seconds(batch, dtype))
    return {name: batch.tokens / min(times[1:]) for name, times in seconds.items()}


CASES = {"8 rows of 128": [128] * 8, "4 rows of 64 to 1,024": [1024, 704, 384, 64]}
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


def measure(config: DnaBert2Config, cases: dict[str, list[int]], repeats: int) -> Iterator[str]:
    """The table rows."""
    device = torch.device("cpu")
    both = contenders(config, device)
    for case, lengths in cases.items():
        batch = make_batch(lengths, config.vocab_size, 1, device)
        for precision, dtype in PRECISIONS.items():
            rates = fastest(both, batch, dtype, repeats)
            cells = [case, precision, f"{rates['model']:,.0f}", f"{rates['plain']:,.0f}"]
            line = "| " + " | ".join([*cells, f"**{rates['model'] / rates['plain']:.2f}**"]) + " |"
            print(line, file=sys.stderr, flush=True)
            yield line


HEAD = """\
Tokens per second of a training step (forward, backward, AdamW), the fastest of {repeats} steps: the model of
{parameters:,} parameters compared with the plain architecture, built from transformers' BERT modules with a dense
attention bias. {hardware}. Load average before and after: {before:.1f} and {after:.1f}.

| batch | precision | model | plain | ratio |
|---|---|---|---|---|
"""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=6, help="timed steps of each model on each batch")
    parser.add_argument("--out", type=Path, help="also write the table to this Markdown file")
    return parser


def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    config = DnaBert2Config()
    before = os.getloadavg()[0]
    lines = list(measure(config, CASES, args.repeats))
    with torch.device("meta"):
        parameters = sum(parameter.numel() for parameter in DnaBert2ForMaskedLM(config).parameters())
    head = HEAD.format(
        parameters=parameters,
        repeats=args.repeats,
        hardware=f"{machine('torch', 'transformers')}, {torch.get_num_threads()} threads",
        before=before,
        after=os.getloadavg()[0],
    )
    text = head + "\n".join(lines) + "\n"
    print(text)
    if args.out:
        write_text(args.out, text)


if __name__ == "__main__":
    main()
