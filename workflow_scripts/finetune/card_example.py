"""The example in the card of a fitted model: Python that predicts what the fit predicts, without this project."""

from dataclasses import dataclass

from workflow_scripts.inference.encoders import TokenizerEncoder
from workflow_scripts.inference.encoding import Encoder
from workflow_scripts.inference.fit_record import FitRecord
from workflow_scripts.inference.outputs import Outputs

TRUST = ", trust_remote_code=True"

SEQUENCES = ("ACGTTGCAACGGTTGCAACGTAC", "TTGACCATTAGACCATTGAC")

WHOLE = """\
import os

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

folder = os.path.abspath(".")
tokenizer = AutoTokenizer.from_pretrained(folder{trust})
model = AutoModelForSequenceClassification.from_pretrained(folder{trust}).eval()"""

ADAPTER = """\
import os

import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer

folder = os.path.abspath(".")
base = os.path.join(folder, "base")
tokenizer = AutoTokenizer.from_pretrained(base{trust})
model = AutoModelForSequenceClassification.from_pretrained(base{trust})
model = PeftModel.from_pretrained(model, folder).eval()"""

PROJECT = """\
from workflow_scripts.inference.predictor import load

model = load("."{trust})


def predict(sequences):
    return model.predict(sequences).{field}"""

WORDS = """\
def words(sequence):
    sequence = sequence.upper().replace("U", "T")
    return {words}"""

VALUES = '''\
def {name}(sequences):
    """{meaning}"""
    batch = tokenizer({texts}, padding=True, return_tensors="pt"{options})
    with torch.no_grad():
        logits = model(**batch).logits
    return {values}'''

BOTH_STRANDS = '''\
def other_strand(sequence):
    return sequence.upper().translate(str.maketrans("ACGTU", "TGCAA"))[::-1]


def predict(sequences):
    """The mean over both strands."""
    return (one_strand(sequences) + one_strand([{others} for sequence in sequences])) / 2'''


@dataclass(frozen=True)
class Saved:
    """A saved fit, as far as its example depends on it.

    ``adapter``: the folder holds a LoRA adapter, and its base model in ``base/``. ``code``: the architecture comes as
    .py files. ``normalized``: the tokenizer reads lower case and RNA. ``pooled``: the head is a PooledClassifier's.
    ``paired``: a text is a pair of sequences.
    """

    record: FitRecord
    encoder: Encoder
    adapter: bool
    code: bool
    normalized: bool
    pooled: bool
    paired: bool

    @property
    def by_library(self) -> bool:
        """Whether transformers encodes the texts as this project does.

        A baseline has no tokenizer, and a pooled head no class there. Pairs are not encoded alike by a tokenizer that
        is not compiled, see TokenizerEncoder.
        """
        if self.pooled or not isinstance(self.encoder, TokenizerEncoder):
            return False
        return self.encoder.tokenizer.is_fast or not self.paired


def example(saved: Saved) -> str:
    """A program that defines ``predict`` for a list of sequences, or of pairs of them, and prints what it returns."""
    first, second = SEQUENCES
    texts = [(first, second), (second, first)] if saved.paired else [first, second]
    if saved.by_library:
        parts = library_parts(saved)
    else:
        field = "prediction" if saved.record.outputs.problem == "regression" else "probabilities"
        parts = [PROJECT.format(field=field, trust=TRUST if saved.code else "")]
    return "\n\n\n".join([*parts, f"print(predict({texts}))".replace("'", '"')])


def library_parts(saved: Saved) -> list[str]:
    """The statements that load the model, and the functions."""
    encoder, record = saved.encoder, saved.record
    assert isinstance(encoder, TokenizerEncoder)
    loading = (ADAPTER if saved.adapter else WHOLE).format(trust=TRUST if saved.code else "")
    rewritten = bool(encoder.kmer) or not saved.normalized
    word = "words(sequence)" if rewritten else "sequence"
    texts = f"[{word} for sequence in sequences]" if rewritten else "sequences"
    if saved.paired:
        texts = ", ".join(f"[{word} for {pair} in sequences]" for pair in ("sequence, _", "_, sequence"))
    values = VALUES.format(
        name="one_strand" if record.both_strands else "predict",
        meaning=meaning(record.outputs),
        texts=texts,
        options=options(saved, encoder),
        values=values_of(record.outputs),
    )
    others = "tuple(map(other_strand, sequence))" if saved.paired else "other_strand(sequence)"
    return [
        loading,
        *([WORDS.format(words=words(encoder.kmer))] if rewritten else []),
        values,
        *([BOTH_STRANDS.format(others=others)] if record.both_strands else []),
    ]


def words(kmer: int) -> str:
    """The text of a sequence that the tokenizer reads."""
    if not kmer:
        return "sequence"
    return f'" ".join(sequence[start : start + {kmer}] for start in range(len(sequence) - {kmer - 1}))'


def options(saved: Saved, encoder: TokenizerEncoder) -> str:
    """Further arguments of the tokenizer: where it cuts, and token types if the model reads them."""
    limit = encoder.limit(saved.record.max_tokens)
    cut = f", truncation=True, max_length={limit}" if limit else ""
    return cut + (", return_token_type_ids=True" if saved.paired and encoder.typed else "")


def meaning(outputs: Outputs) -> str:
    """What is returned."""
    if outputs.problem == "regression":
        return "Numbers in the unit of the labels, [sequences]."
    outcomes = "classes" if outputs.problem == "classification" else "labels"
    return f"Probabilities of the {outcomes}, [sequences, {outputs.size}]."


def values_of(outputs: Outputs) -> str:
    """From logits to values, see Outputs.values; the weights have the scale of a regression if the head has a bias."""
    if outputs.problem != "regression":
        return "logits.softmax(dim=1)" if outputs.problem == "classification" else "logits.sigmoid()"
    scaled = (outputs.mean, outputs.deviation) != (0.0, 1.0)
    return "logits[:, 0]" + (f" * {outputs.deviation!r} + {outputs.mean!r}" if scaled else "")
