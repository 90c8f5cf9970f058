"""The tiny models and data sets of the fine-tuning tests."""

from tests.finetune.conftest import arguments, base, datasets, one_thread

__all__ = ["arguments", "base", "datasets", "one_thread"]
