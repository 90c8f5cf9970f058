"""DNABERT-2 as Hugging Face classes, which pre-training, fine-tuning and users import.

Importing this package registers the classes, so that ``AutoModel`` and its variants load the directories that the
workflow writes.
"""

from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification

from .configuration import DnaBert2Config
from .modeling import DnaBert2ForMaskedLM, DnaBert2ForSequenceClassification, DnaBert2Model

__all__ = ["DnaBert2Config", "DnaBert2ForMaskedLM", "DnaBert2ForSequenceClassification", "DnaBert2Model"]

AutoConfig.register(DnaBert2Config.model_type, DnaBert2Config)
AutoModel.register(DnaBert2Config, DnaBert2Model)
AutoModelForMaskedLM.register(DnaBert2Config, DnaBert2ForMaskedLM)
AutoModelForSequenceClassification.register(DnaBert2Config, DnaBert2ForSequenceClassification)

# Saved directories then contain this code, so they load without this repository.
DnaBert2Config.register_for_auto_class()
DnaBert2Model.register_for_auto_class("AutoModel")
DnaBert2ForMaskedLM.register_for_auto_class("AutoModelForMaskedLM")
DnaBert2ForSequenceClassification.register_for_auto_class("AutoModelForSequenceClassification")
