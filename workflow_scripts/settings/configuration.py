"""The whole configuration: all sections, and all that is wrong with one."""

from typing import Annotated

from pydantic import Field

from workflow_scripts.settings.demo import Demo
from workflow_scripts.settings.fields import Count, Name, Section, key
from workflow_scripts.settings.finetune import Finetune
from workflow_scripts.settings.genomes import Genomes
from workflow_scripts.settings.gue import Gue
from workflow_scripts.settings.pretrain import Model
from workflow_scripts.settings.report import Report
from workflow_scripts.settings.tokenizer import Tokenizer


class Configuration(Section):
    """What config/config.yaml and the overlays may hold."""

    seed: Count = key(42)
    demo: Demo | None = key(None)
    genomes: Genomes = key(Genomes())
    tokenizer: Annotated[dict[Name, Tokenizer], Field(min_length=1)] = key()
    pretrain: dict[Name, Model] = key({})
    gue: Gue = key(Gue())
    finetune: Finetune = key()
    report: Report = key(Report())
