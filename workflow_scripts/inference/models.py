"""Pre-trained and fitted models from directories in the format of the Hugging Face library.

A DNABERT-2, ours or as published, is read into this project's classes; the published directory points to code of its
own, which never runs. Any other architecture is the sequence classifier that the library, or the code of the directory,
has for it. One without such a class, or one that is asked for another pooling, is its encoder under a head of this
project, see PooledClassifier.
"""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from packaging import version
from torch import nn
from transformers import AutoConfig, AutoModelForSequenceClassification
from transformers.utils import logging

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_json
from workflow_scripts.inference.encoders import PROBE, TokenizerEncoder, first_line, load_tokenizer, version_hint
from workflow_scripts.inference.pooled import HEAD_FILE, INITIALIZER_RANGE, Lengths, PooledClassifier, inputs_of
from workflow_scripts.inference.trial import ignores_padding, width_of_states
from workflow_scripts.model import DnaBert2ForSequenceClassification, DnaBert2Model

HEADS = ("pooler", "classifier", "score")
"""The modules between an encoder and its outputs, by the names that models of the library give them."""
NOT_ENCODER = (*HEADS, "lm_head", "cls", "contact_head")  # heads of language models; ESM's for proteins
ENCODERS = ("AutoModel", "AutoModelForMaskedLM", "AutoModelForCausalLM")
"""Names under which the code of a directory may offer its encoder; a language model contains it."""
DTYPE = "dtype" if version.parse(transformers.__version__) >= version.parse("4.56") else "torch_dtype"
LIMITS = ("max_position_embeddings", "max_seq_len")
"""Keys of config.json for the longest input of models without a table of positions (rotary ones, HyenaDNA)."""

REGISTERED_BY = {"GPN": "gpn.model", "ConvNet": "gpn.model", "GPNRoFormer": "gpn.model"}
"""Architectures that a package adds to the library when it is imported, by ``model_type``."""


def in_head(name: str) -> bool:
    """Whether a module or weight belongs to a head, not to the encoder."""
    return any(part in NOT_ENCODER for part in name.split("."))


@dataclass(frozen=True)
class Pretrained:
    """A model with a head for sequences, and its encoder; ``fresh_head``: the directory had no weights for the head."""

    model: Any
    encoder: TokenizerEncoder
    fresh_head: bool


def read_pretrained(
    folder: Path,
    kmer: int = 0,
    trust_remote_code: bool = False,
    outputs: int | None = None,
    pooling: str | None = None,
    frozen: bool = False,
) -> Pretrained:
    """The model and the tokenizer of a directory, in float32.

    ``kmer``: the model reads overlapping k-mers (DNABERT), see TokenizerEncoder. ``outputs``: of the head; None leaves
    it as the directory says. ``pooling``: what the head reads, "cls", "mean" or "last"; "cls" and None mean what the
    published classifier class of an architecture reads, if it has one. A head with other outputs than the directory has
    weights for is drawn from torch's global generator. ``frozen``: a PooledClassifier of any architecture, for a head
    on its embeddings.

    Raises UserError if the directory holds no such model, lacks a part of it, or needs code of its own that is not
    allowed to run, or that does not run.
    """
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder}: no config.json; a model directory holds it with weights and tokenizer")
    described = read_description(folder)
    register(described, folder)
    tokenizer = load_tokenizer(folder, trust_remote_code)
    reader = _Reader(folder, described, trust_remote_code)
    if frozen:
        model, fresh_head = reader.pooled(outputs, pooling or "mean", tokenizer)
    elif reader.is_dnabert2:
        model, fresh_head = reader.dnabert2(outputs, pooling)
    elif pooling in ("mean", "last") or (folder / HEAD_FILE).is_file() or not reader.has_classifier():
        model, fresh_head = reader.pooled(outputs, pooling or "cls", tokenizer)
    else:
        model, fresh_head = reader.classifier(outputs)
    known = _vocabulary(model)
    if known is not None and len(tokenizer) > known:
        raise UserError(f"{folder}: its tokenizer has {len(tokenizer)} tokens, the model only {known}")
    if getattr(model.config, "pad_token_id", None) is None:
        model.config.pad_token_id = tokenizer.pad_token_id  # classifiers of decoders find the last token by it
    typed = "token_type_ids" in inputs_of(model)
    blind = reader.ignores_padding(model, tokenizer)
    encoder = TokenizerEncoder(folder, tokenizer, kmer, longest_input(model), typed, blind)
    return Pretrained(model, encoder, fresh_head)


def _vocabulary(model: Any) -> int | None:
    """Tokens that a model knows; None if its code does not say."""
    try:
        return model.get_input_embeddings().num_embeddings
    except (NotImplementedError, AttributeError):
        return None


@dataclass(frozen=True)
class _Reader:
    """Reads the weights of a directory, from safetensors or a checkpoint of tensors."""

    folder: Path
    described: dict[str, Any]
    trust_remote_code: bool

    @property
    def is_dnabert2(self) -> bool:
        return self.described.get("model_type") == "dnabert2" or "alibi_starting_size" in self.described

    @property
    def code(self) -> dict[str, str]:
        """The classes that the directory brings as code, by the name of the library's class that stands for them."""
        return self.described.get("auto_map", {}) if self.trust_remote_code else {}

    def has_classifier(self) -> bool:
        """Whether the code of the directory, or else the library, has a sequence classifier for the architecture."""
        if self.code:
            return "AutoModelForSequenceClassification" in self.code
        try:
            config = AutoConfig.from_pretrained(self.folder)
        except Exception as error:  # the library raises whatever its readers meet
            raise self._refusal(error) from error
        return type(config) in AutoModelForSequenceClassification._model_mapping

    def dnabert2(self, outputs: int | None, pooling: str | None) -> tuple[Any, bool]:
        if pooling == "last":
            raise UserError(f"{self.folder}: pooling 'last' is for decoders; set it to cls or mean")
        options = {} if pooling is None else {"pooling": pooling}
        model, missing = self._load(DnaBert2ForSequenceClassification, outputs, **options)
        if "bert.pooler.dense.weight" in missing:
            # each fit draws its own, and saves it; the class starts from the same one each time
            nn.init.normal_(model.bert.pooler.dense.weight, std=model.config.initializer_range)
        return model, bool(missing)

    def classifier(self, outputs: int | None) -> tuple[Any, bool]:
        options = {"trust_remote_code": self.trust_remote_code}
        model, missing = self._load(AutoModelForSequenceClassification, outputs, **options)
        if self.code:  # may leave what the directory lacks as it was in memory, as that of Caduceus does
            draw(model, missing)
        return model, bool(missing)

    def ignores_padding(self, model: Any, tokenizer: Any) -> bool:
        """Whether texts of different lengths can share a batch."""
        if self.is_dnabert2:
            return True
        try:
            return ignores_padding(model, tokenizer(PROBE[:8])["input_ids"], tokenizer.pad_token_id)
        except Exception as error:  # whatever the code of a model raises
            raise self._refusal(error) from error

    def pooled(self, outputs: int | None, pooling: Any, tokenizer: Any) -> tuple[Any, bool]:
        if self.is_dnabert2:
            encoder, _ = self._load(DnaBert2Model, None)
        else:
            name = next((name for name in ENCODERS if name in self.code), ENCODERS[0])
            encoder, _ = self._load(getattr(transformers, name), None, trust_remote_code=self.trust_remote_code)
        probe = tokenizer(PROBE[:8])["input_ids"]
        if pooling == "cls" and tokenizer.cls_token_id != probe[0]:
            raise UserError(
                f"{self.folder}: its tokenizer puts no [CLS] first, and its architecture has no classifier class; "
                f"set pooling to mean, or to last for a decoder"
            )
        # a U-Net such as NTv3 halves the length so often; its authors fill with N, never with padding
        lengths = Lengths(2 ** getattr(encoder.config, "num_downsamples", 0), tokenizer.convert_tokens_to_ids("N"))
        try:
            width = width_of_states(encoder, probe, lengths)
        except Exception as error:  # whatever the code of a model raises
            raise self._refusal(error) from error
        size = encoder.config.num_labels if outputs is None else outputs
        model = PooledClassifier(encoder, pooling, width, size, lengths)
        return model, not model.load_head(self.folder)

    def _load(self, kind: Any, outputs: int | None, **options: Any) -> tuple[Any, list[str]]:
        """The model, and the names of the weights of its head that the directory lacks or has in another size."""
        if outputs is not None:
            options["num_labels"] = outputs
        options[DTYPE] = torch.float32
        try:
            model, told = kind.from_pretrained(
                self.folder, output_loading_info=True, ignore_mismatched_sizes=True, **options
            )
        except Exception as error:  # the library raises whatever its readers meet
            raise self._refusal(error) from error
        missing = sorted(told["missing_keys"])
        lacking = [name for name in missing if not in_head(name)]
        if lacking:
            raise UserError(
                f"{self.folder}: {len(lacking)} weights of the encoder are missing, such as {lacking[0]}{self._hint()}"
            )
        for name, stored, expected in sorted(told["mismatched_keys"]):
            if not in_head(name):
                sizes = f"{list(stored)} where config.json asks for {list(expected)}"
                raise UserError(f"{self.folder}: {name} is {sizes}{self._hint()}")
            missing.append(name)
        return model, missing

    def _refusal(self, error: Exception) -> UserError:
        return UserError(f"{self.folder}: the model does not load ({first_line(error)}){self._hint()}")

    def _hint(self) -> str:
        """What may help: to allow code, or the version of the library with which the directory was written."""
        if self.is_dnabert2:
            return ""
        if "auto_map" in self.described and not self.trust_remote_code:
            return "; it brings code of its own, which runs with trust_remote_code: true"
        return version_hint(self.folder) if self.code else ""


@torch.no_grad()
def draw(model: Any, missing: list[str]) -> None:
    """New values for the weights ``missing``, as BERT's: matrices normal, norms one, biases zero."""
    spread = getattr(model.config, "initializer_range", None) or INITIALIZER_RANGE
    for name in missing:
        weight = model.get_parameter(name)
        if weight.dim() > 1:
            nn.init.normal_(weight, std=spread)
        else:
            weight.fill_(float(name.endswith("weight")))


def read_description(folder: Path) -> dict[str, Any]:
    """The config.json of a model directory. Raises UserError if it is no JSON."""
    try:
        return read_json(folder / "config.json")
    except ValueError as error:
        raise UserError(f"{folder / 'config.json'}: not JSON ({error}); copy the model again") from error


def register(described: dict[str, Any], folder: Path) -> None:
    """Import the package that adds an architecture to the library. Raises UserError if it is not installed."""
    module = REGISTERED_BY.get(described.get("model_type", ""))
    if module is None:
        return
    try:
        importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise UserError(
            f"{folder}: its architecture {described['model_type']} is in the package {package} ({error}); install it, "
            f"or name an environment that has it (environment: in the entry of the model)"
        ) from error


def longest_input(model: Any) -> int:
    """Tokens that a model can tell the places of; 0 if it takes any number.

    A table of positions ends somewhere. Rotary models compute on past the length they were trained with, without an
    error, so the length in their configuration is their limit.
    """
    if model.config.model_type == DnaBert2Model.config_class.model_type and model.config.positions != "learned":
        return 0
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            # the rows up to that of the padding stand for no position
            return module.num_embeddings - (0 if module.padding_idx is None else module.padding_idx + 1)
    limits = [getattr(model.config, name, None) for name in LIMITS]
    return next((int(limit) for limit in limits if limit), 0)
