"""The directories that a training writes: the finished model, and the models of earlier steps that it keeps."""

import contextlib
import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

from workflow_scripts.common import checkpoints
from workflow_scripts.common.files import atomic_directory, digest, sums_text, write_text
from workflow_scripts.common.tokenizer_files import copy_tokenizer
from workflow_scripts.model import DnaBert2ForMaskedLM
from workflow_scripts.settings.names import MODEL_FILES


@contextlib.contextmanager
def durable_directory(path: Path) -> Iterator[Path]:
    """Yield a temporary folder that becomes ``path`` once all of it is on the disk.

    What killed runs left half written is removed. Raises UserError if a write fails, such as on a full disk.
    """
    for torn in path.parent.glob(f".{path.name}.????????.tmp"):
        shutil.rmtree(torn)
    with checkpoints.disk_errors(path):
        with atomic_directory(path) as temporary:
            yield temporary
            for written in [*temporary.rglob("*"), temporary]:
                checkpoints.to_disk(written)
        checkpoints.to_disk(path.parent)


def save_model(model: DnaBert2ForMaskedLM, tokenizer: Path, folder: Path) -> None:
    """Write what ``from_pretrained`` needs into a folder: weights, configuration, code, and the tokenizer's files.

    SHA256SUMS is what rules depend on that read the model.
    """
    model.save_pretrained(folder)
    copy_tokenizer(tokenizer / "tokenizer.json", folder / "tokenizer.json")
    shutil.copyfile(tokenizer / "tokenizer_config.json", folder / "tokenizer_config.json")
    write_text(folder / "SHA256SUMS", sums_text({name: digest(folder / name) for name in MODEL_FILES}))


@dataclasses.dataclass(frozen=True)
class KeptModels:
    """The model after every ``every`` steps (0 keeps none), as directories ``step-N`` in ``folder``.

    They are no outputs of a rule, because Snakemake removes those of a failed job. The model of the last step is the
    result of the training, and is not among them.
    """

    folder: Path
    every: int
    tokenizer: Path

    @classmethod
    def of(cls, out: Path, every: int, tokenizer: Path) -> "KeptModels":
        """Those of the model directory ``out``: ``checkpoints/NAME`` next to it."""
        return cls(out.parent / "checkpoints" / out.name, every, tokenizer)

    def clear(self) -> None:
        """Remove the models of an earlier training, which this one replaces."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def due(self, step: int) -> bool:
        return self.every > 0 and step % self.every == 0

    def keep(self, model: DnaBert2ForMaskedLM, step: int) -> None:
        with durable_directory(self.folder / f"step-{step}") as temporary:
            save_model(model, self.tokenizer, temporary)
