"""Write config.yaml, its reference and its JSON schema from the definitions of all keys.

Out: config.yaml, the default configuration with a comment for each key; keys.md, a table of all keys for each section;
     schemas/config.schema.yaml, for editors that check a configuration while it is written.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from workflow_scripts.common.errors import program
from workflow_scripts.common.files import write_text
from workflow_scripts.settings.config_file import config_file
from workflow_scripts.settings.configuration import Configuration
from workflow_scripts.settings.reference import Key, Schema, keys

KEYS_HEAD = """\
# Every key of the configuration

Made by `make keys` from `workflow_scripts/settings`; do not edit. `<name>` is a name of your choice. A key without a
default is left out, or needed, as its meaning says.
"""
SCHEMA_HEAD = "# Made by `make keys` from workflow_scripts/settings; do not edit. An unknown key is an error.\n"


def table(found: Iterable[Key]) -> str:
    """The keys as Markdown, a table for each section."""
    text, section = KEYS_HEAD, ""
    for key in found:
        if key.name.split(".")[0] != section:
            section = key.name.split(".")[0]
            text += f"\n## {section}\n\n| key | what it may be | default | meaning |\n|---|---|---|---|\n"
        default = f"`{key.default}`" if key.default else ""
        text += f"| `{key.name}` | {key.allowed} | {default} | {' '.join(key.meaning.split())} |\n"
    return text


def schema() -> dict[str, Any]:
    """The JSON schema of the configuration."""
    made = Configuration.model_json_schema(schema_generator=Schema)
    # two rooms have a class of one name, for which pydantic takes its whole place
    short = json.dumps({"$schema": Schema.schema_dialect, **made}).replace("workflow_scripts__settings__", "")
    return json.loads(short)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder to write to, config")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    folder = build_parser().parse_args(argv).out
    write_text(folder / "config.yaml", config_file())
    write_text(folder / "keys.md", table(keys(Configuration)))
    (folder / "schemas").mkdir(exist_ok=True)
    text = yaml.safe_dump(schema(), sort_keys=False, width=120, allow_unicode=True)
    write_text(folder / "schemas/config.schema.yaml", SCHEMA_HEAD + text)


if __name__ == "__main__":
    sys.exit(main())
