"""Fine-tune a model directory with the transformers Trainer, as the released train.py does.

In:  the same arguments as the workflow's fit: model directory, data set, settings, seed.
Out: test.json in --out: MCC, macro F1, accuracy and loss on the test rows, and the number of steps.

As in train.py, each split is padded to its longest row; every ``eval_steps`` steps the dev rows are scored and the
weights saved; the weights with the lowest dev loss are used. The model is this project's. With --plain it is the same
model built from transformers' BERT modules with a dense attention bias, which computes padding like any other token.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional  # noqa: E402
from torch.utils.data import Dataset  # noqa: E402
from transformers import AutoTokenizer, Trainer, TrainingArguments  # noqa: E402
from workflow_scripts.finetune.data import read_splits  # noqa: E402

from benchmarks.pretrain import PlainModel  # noqa: E402
from workflow_scripts.common.files import write_json  # noqa: E402
from workflow_scripts.finetune.metrics import scores  # noqa: E402
from workflow_scripts.finetune.problems import Classification  # noqa: E402
from workflow_scripts.model import DnaBert2ForMaskedLM, DnaBert2ForSequenceClassification  # noqa: E402


class Padded(Dataset):
    """Tokenized rows, padded to the longest row of the split."""

    def __init__(self, tokenizer: Any, texts: list[str], labels: np.ndarray, max_tokens: int):
        tokens = tokenizer(texts, padding="longest", truncation=True, max_length=max_tokens, return_tensors="pt")
        self.ids, self.mask, self.labels = tokens["input_ids"], tokens["attention_mask"], torch.from_numpy(labels)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> dict[str, torch.Tensor]:
        return {"input_ids": self.ids[row], "attention_mask": self.mask[row], "labels": self.labels[row]}


class PlainClassifier(nn.Module):
    """The plain model of benchmarks/pretrain.py with a classification head, and the weights of ``model``."""

    def __init__(self, model: Path, classes: int):
        super().__init__()
        self.encoder = PlainModel(DnaBert2ForMaskedLM.from_pretrained(model))
        self.encoder.cls = None
        classifier = DnaBert2ForSequenceClassification.from_pretrained(model, num_labels=classes)
        self.head = nn.Sequential(classifier.bert.pooler, classifier.dropout, classifier.classifier)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits = self.head(self.encoder.encode(input_ids, attention_mask)[:, 0])
        return {"loss": functional.cross_entropy(logits.float(), labels), "logits": logits}


def fit(model: Path, data: Path, settings: dict[str, Any], seed: int, plain: bool, out: Path) -> None:
    """Train, load the best weights, score the test rows."""
    rows = read_splits(data, Classification)
    tokenizer = AutoTokenizer.from_pretrained(model)
    sets = {name: Padded(tokenizer, part.texts, part.labels, settings["max_tokens"]) for name, part in rows.items()}
    classes = int(rows["train"].labels.max()) + 1
    arguments = TrainingArguments(
        output_dir=str(out / "checkpoints"),
        seed=seed,
        learning_rate=settings["learning_rate"],
        max_steps=settings["max_steps"],
        per_device_train_batch_size=settings["batch_size"],
        per_device_eval_batch_size=16,  # of the released scripts
        warmup_steps=settings["warmup_steps"],
        weight_decay=0.01,
        optim="adamw_torch",
        bf16=settings["precision"] == "bf16",
        eval_strategy="steps",
        save_strategy="steps",
        eval_steps=settings["eval_steps"],
        save_steps=settings["eval_steps"],
        save_total_limit=1,
        load_best_model_at_end=True,
        metric_for_best_model="loss",
        greater_is_better=False,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
    )
    torch.manual_seed(seed)
    own = DnaBert2ForSequenceClassification.from_pretrained
    trainer = Trainer(
        model=PlainClassifier(model, classes) if plain else own(model, num_labels=classes),
        args=arguments,
        train_dataset=sets["train"],
        eval_dataset=sets["dev"],
    )
    trainer.train()
    predicted = trainer.predict(sets["test"])
    probabilities = torch.from_numpy(predicted.predictions).double().softmax(dim=1).numpy()
    write_json(out / "test.json", {**scores(predicted.label_ids, probabilities), "steps": trainer.state.global_step})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="model directory")
    parser.add_argument("--data", type=Path, required=True, help="folder with train.csv, dev.csv and test.csv")
    parser.add_argument("--settings", type=json.loads, required=True, help="settings of the fit as JSON")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--plain", action="store_true", help="use the model built from transformers' BERT modules")
    parser.add_argument("--out", type=Path, required=True, help="output folder")
    args = parser.parse_args()
    fit(args.model, args.data, args.settings, args.seed, args.plain, args.out)


if __name__ == "__main__":
    main()
