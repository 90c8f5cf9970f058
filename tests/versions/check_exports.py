"""Check exported models with the libraries of the interpreter that runs this, without this repository.

python check_exports.py EXPORTS CHECK [CHECK ...] prints lines of JSON. The first has the versions of all installed
packages. The others are of one check and export each, with the largest ``difference`` from what the export must give,
with an ``error``, or with the reason why it was ``skipped``.
"""

import contextlib
import importlib.metadata
import importlib.util
import io
import json
import os
import re
import runpy
import shutil
import sys
import tempfile
import traceback
from pathlib import Path

import numpy as np
import torch

CODE = {"trust_remote_code": True}


class MissingError(Exception):
    """A check that cannot be made here."""


def expected(exports: Path, name: str) -> dict:
    return json.loads((exports / "expected.json").read_text())[name]


def largest(one, other) -> float:
    """The largest difference between two arrays of one shape, relative where values are above 1."""
    one, other = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    assert one.shape == other.shape, f"shapes {one.shape} and {other.shape}"
    return float((np.abs(one - other) / np.maximum(1, np.abs(other))).max())


def tokens(folder: Path, texts: list) -> dict:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(folder), **CODE)(texts, padding=True, return_tensors="pt")


def compare_model(kind, exports: Path, name: str, output: str, wanted: str) -> float:
    told = expected(exports, name)
    model = kind.from_pretrained(str(exports / name), **CODE).eval()
    batch = tokens(exports / name, told["texts"])
    with torch.no_grad():
        computed = getattr(model(**batch), output)
    return largest(computed[batch["attention_mask"].bool()], told[wanted])


def hidden_states(exports: Path, name: str) -> float:
    from transformers import AutoModel

    return compare_model(AutoModel, exports, name, "last_hidden_state", "hidden")


def masked_lm(exports: Path, name: str) -> float:
    from transformers import AutoModelForMaskedLM

    return compare_model(AutoModelForMaskedLM, exports, name, "logits", "logits")


@contextlib.contextmanager
def card(folder: Path):
    """Run the example of a model card in a copy of its folder, which is the working directory then; gives its names."""
    with tempfile.TemporaryDirectory() as temporary:
        copy, program = Path(temporary) / "copy", Path(temporary) / "example.py"
        shutil.copytree(folder, copy)
        (code,) = re.findall(r"```python\n(.*?)```", (copy / "README.md").read_text(), re.S)
        program.write_text(code)
        with contextlib.chdir(copy):
            yield runpy.run_path(str(program))


def card_of_model(exports: Path, name: str) -> float:
    """The card of a pre-trained model loads it."""
    told = expected(exports, name)
    with card(exports / name) as names, torch.no_grad():
        batch = names["tokenizer"](told["texts"], padding=True, return_tensors="pt")
        return largest(names["model"](**batch).logits[batch["attention_mask"].bool()], told["logits"])


def card_of_fit(exports: Path, name: str) -> float:
    """The card of a fit predicts what the fit has predicted."""
    fit, _, part = name.partition("/")
    told = expected(exports, fit)
    with card(exports / fit / "model" / part) as names:
        return largest(names["predict"](told["texts"]), told["predictions"])


def auto_peft(exports: Path, name: str) -> float:
    """Where the fit wrote the adapter, peft finds its base model."""
    from peft import AutoPeftModelForSequenceClassification

    told = expected(exports, name)
    folder = exports / name / "model"
    model = AutoPeftModelForSequenceClassification.from_pretrained(str(folder), **CODE).eval()
    with torch.no_grad():
        logits = model(**tokens(folder, told["texts"])).logits
    return largest(logits.softmax(dim=1), told["predictions"])


def tokenizer(exports: Path, name: str) -> float:
    """Ids are those of the writing version; decoded they spell the sequence, except for overlapping k-mers."""
    from transformers import AutoTokenizer

    told = expected(exports, name)
    loaded = AutoTokenizer.from_pretrained(str(exports / name), **CODE)
    assert loaded(told["texts"])["input_ids"] == told["ids"]
    assert loaded([text.lower().replace("t", "u") for text in told["texts"]])["input_ids"] == told["ids"]
    if name != "kmer_overlapping":
        assert [loaded.decode(ids, skip_special_tokens=True) for ids in told["ids"]] == told["texts"]
    return 0.0


def refusal(exports: Path, name: str) -> float:
    """Without trust_remote_code the libraries say what is missing, instead of loading another model."""
    from transformers import AutoModelForSequenceClassification

    try:
        AutoModelForSequenceClassification.from_pretrained(str(exports / name / "model"))
    except Exception as error:
        assert "trust_remote_code" in str(error), error
        return 0.0
    raise AssertionError("loaded without trust_remote_code")


def text_classification(exports: Path, name: str) -> float:
    from transformers import pipeline

    told = expected(exports, name)
    classify = pipeline("text-classification", model=str(exports / name / "model"), top_k=None, **CODE)
    rows = [{found["label"]: found["score"] for found in row} for row in classify(told["texts"])]
    labels = [classify.model.config.id2label[number] for number in range(len(told["predictions"][0]))]
    return largest([[row[label] for label in labels] for row in rows], told["predictions"])


def fill_mask(exports: Path, name: str) -> float:
    """The pipeline has the probabilities of the model, and writes sequences without blanks."""
    from transformers import AutoModelForMaskedLM, AutoTokenizer, pipeline

    fill = pipeline("fill-mask", model=str(exports / name), **CODE)
    text = "ACGTTG[MASK]GGATC"
    (best, *_others) = fill(text)
    batch = AutoTokenizer.from_pretrained(str(exports / name), **CODE)(text, return_tensors="pt")
    with torch.no_grad():
        logits = AutoModelForMaskedLM.from_pretrained(str(exports / name), **CODE).eval()(**batch).logits
    probabilities = logits[0, batch["input_ids"][0].tolist().index(4)].softmax(dim=0)
    assert best["sequence"] == text.replace("[MASK]", best["token_str"])
    assert best["token"] == int(probabilities.argmax())
    return abs(best["score"] - float(probabilities.max()))


def trainer(exports: Path, name: str) -> float:
    """Some steps of the Trainer lower the loss; what it saves gives the same logits again."""
    from transformers import AutoModelForSequenceClassification, Trainer, TrainingArguments

    told = expected(exports, name)
    folder = str(exports / name / "model")
    model = AutoModelForSequenceClassification.from_pretrained(folder, **CODE)
    batch = tokens(Path(folder), told["texts"])
    rows = [{key: values[row] for key, values in batch.items()} for row in range(len(told["texts"]))]
    for number, row in enumerate(rows):
        row["labels"] = torch.tensor(number % 2)
    with tempfile.TemporaryDirectory() as out:
        options = {"learning_rate": 1e-3, "num_train_epochs": 4, "report_to": [], "disable_tqdm": True}
        loop = Trainer(
            model, TrainingArguments(out, logging_steps=1, save_strategy="no", **options), train_dataset=rows
        )
        loop.train()
        losses = [entry["loss"] for entry in loop.state.log_history if "loss" in entry]
        assert np.mean(losses[-3:]) < np.mean(losses[:3]), losses
        loop.save_model(out)
        model = model.cpu().eval()
        again = type(model).from_pretrained(out).eval()  # 4.29 does not save the code
        with torch.no_grad():
            return largest(again(**batch).logits, model(**batch).logits)


def published_code(exports: Path, name: str) -> float:
    """The published modelling code, from the folder PUBLISHED_CODE, computes our hidden states with our weights."""
    code = os.environ.get("PUBLISHED_CODE")
    if not code:
        raise MissingError("PUBLISHED_CODE names no folder with bert_layers.py and configuration_bert.py")
    told = expected(exports, name)
    with tempfile.TemporaryDirectory() as temporary:
        package = Path(temporary) / "published"
        package.mkdir()
        for module in ("bert_layers", "bert_padding", "configuration_bert"):  # its Triton kernel needs a GPU
            shutil.copyfile(Path(code) / f"{module}.py", package / f"{module}.py")
        sys.path.insert(0, temporary)
        from published.bert_layers import BertForMaskedLM
        from published.configuration_bert import BertConfig

        config = BertConfig.from_pretrained(str(exports / name))
        model = BertForMaskedLM.from_pretrained(str(exports / name), config=config).eval()
        sys.path.remove(temporary)
    batch = tokens(exports / name, told["texts"])
    kept = batch["attention_mask"].bool()
    with torch.no_grad():
        hidden = model.bert(batch["input_ids"], attention_mask=batch["attention_mask"])[0]
        logits = model(batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    return max(largest(hidden[kept], told["hidden"]), largest(logits[kept], told["logits"]))


def sentence_transformers(exports: Path, name: str) -> float:
    """Embeddings are the means of the hidden states of all tokens."""
    from sentence_transformers import SentenceTransformer

    told = expected(exports, name)
    rows = iter(told["hidden"])
    means = [np.mean([next(rows) for _ in ids], axis=0) for ids in told["ids"]]
    model = SentenceTransformer(str(exports / name), device="cpu", **CODE)
    return largest(model.encode(told["texts"]), means)


def captum(exports: Path, name: str) -> float:
    """Integrated gradients of the embeddings add up to the difference of the logits."""
    from captum.attr import IntegratedGradients
    from transformers import AutoModelForSequenceClassification

    told = expected(exports, name)
    model = AutoModelForSequenceClassification.from_pretrained(str(exports / name / "model"), **CODE).eval()
    batch = tokens(exports / name / "model", told["texts"][:4])
    mask = batch["attention_mask"]

    def logit(embeddings: torch.Tensor) -> torch.Tensor:
        rows = mask.repeat(len(embeddings) // len(mask), 1)
        return model(inputs_embeds=embeddings, attention_mask=rows).logits[:, 0]

    embeddings = model.get_input_embeddings()(batch["input_ids"]).detach()
    nothing = torch.zeros_like(embeddings)
    attributions = IntegratedGradients(logit).attribute(embeddings, nothing, n_steps=300, internal_batch_size=64)
    assert attributions[mask == 0].abs().max() == 0 < attributions[mask == 1].abs().max()
    return largest(attributions.sum(dim=(1, 2)), (logit(embeddings) - logit(nothing)).detach())


def onnx(exports: Path, name: str) -> float:
    """Exported with dynamic shapes, the model computes the same for other batches and lengths, with padding."""
    import onnxruntime
    from transformers import AutoModelForSequenceClassification

    told = expected(exports, name)
    folder = exports / name / "model"
    model = AutoModelForSequenceClassification.from_pretrained(str(folder), return_dict=False, **CODE).eval()
    shown = tokens(folder, told["texts"][:3])
    names = ["input_ids", "attention_mask"]
    axes = {0: torch.export.Dim("batch", max=256), 1: torch.export.Dim("length", max=4096)}
    program = torch.onnx.export(
        model,
        kwargs={name: shown[name] for name in names},
        dynamo=True,
        input_names=names,
        dynamic_shapes=dict.fromkeys(names, axes),
        verbose=False,
    )
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    differences = []
    for texts in (told["texts"][:1], told["texts"], told["texts"][:5] * 2, ["ACGT" * 150, "GATTACA"]):
        batch = {key: values for key, values in tokens(folder, texts).items() if key in names}
        (computed,) = session.run(None, {key: values.numpy() for key, values in batch.items()})
        with torch.no_grad():
            differences.append(largest(computed, model(**batch)[0]))
    return max(differences)


CHECKS = {
    "hidden states": (hidden_states, ["pretrained", "twelve_heads", "rotary", "learned"]),
    "masked LM": (masked_lm, ["pretrained", "rotary", "learned"]),
    "card of a model": (card_of_model, ["pretrained"]),
    "card of a fit": (card_of_fit, ["full", "adapter", "adapter/merged", "regression", "multilabel", "pairs"]),
    "AutoPeftModel": (auto_peft, ["adapter"]),
    "tokenizer": (tokenizer, ["pretrained", "kmer", "nucleotide", "kmer_overlapping"]),
    "refusal without trust_remote_code": (refusal, ["full"]),
    "pipeline text-classification": (text_classification, ["full", "multilabel"]),
    "pipeline fill-mask": (fill_mask, ["pretrained"]),
    "Trainer": (trainer, ["full"]),
}
"""For every version of transformers: the function, and the exports that it checks."""
PUBLISHED = {"published code": (published_code, ["pretrained", "twelve_heads"])}
TOOLS = {
    "sentence-transformers": (sentence_transformers, ["pretrained"]),
    "captum": (captum, ["full"]),
    "ONNX": (onnx, ["full", "regression"]),
}


def run(function, exports: Path, name: str) -> dict:
    """The outcome of one check."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            difference = function(exports, name)
        assert function is refusal or "[y/N]" not in printed.getvalue(), "asked a question"
        return {"difference": difference}
    except MissingError as reason:
        return {"skipped": str(reason)}
    except Exception:
        return {"error": traceback.format_exc()}


def main() -> None:
    assert importlib.util.find_spec("workflow_scripts") is None
    exports = Path(sys.argv[1])
    print(json.dumps({package.name: package.version for package in importlib.metadata.distributions()}), flush=True)
    every = {**CHECKS, **PUBLISHED, **TOOLS}
    for check in sys.argv[2:]:
        function, names = every[check]
        for name in names:
            print(json.dumps({"check": check, "export": name, **run(function, exports, name)}), flush=True)


if __name__ == "__main__":
    main()
