"""Every rule runs the program of its own name, of its own stage, and no two programs have one name."""

import re
from collections import Counter

import pytest

from tests.workflow.harness import REPOSITORY

SCRIPTS = REPOSITORY / "workflow_scripts"
STAGES = ("demo", "genomes", "tokenizer", "pretrain", "gue", "finetune", "apply", "studies", "report")


def rules() -> list[tuple[str, str, str]]:
    """(stage, rule, text) of each rule that runs a command."""
    found = []
    for stage in STAGES:
        text = (REPOSITORY / f"rules/{stage}.smk").read_text()
        parts = re.split(r"^ *rule (\w+):$", text, flags=re.M)
        found += [(stage, name, body) for name, body in zip(parts[1::2], parts[2::2], strict=True) if "shell:" in body]
    return found


RULES = rules()


def test_there_is_a_file_of_rules_a_stage_and_one_that_they_share():
    assert {path.stem for path in (REPOSITORY / "rules").glob("*.smk")} == {*STAGES, "common"}
    included = re.findall(r'^ *include: "rules/(\w+)\.smk"$', (REPOSITORY / "Snakefile").read_text(), re.M)
    assert included == ["common", *STAGES], "in the order of the pipeline"


@pytest.mark.parametrize(("stage", "rule", "text"), RULES, ids=[f"{stage}/{rule}" for stage, rule, _ in RULES])
def test_a_rule_runs_the_program_of_its_name(stage, rule, text):
    assert re.findall(r"(?:python|\{params.interpreter:q\}) -m (\S+)", text) == [f"workflow_scripts.{stage}.{rule}"]
    assert (SCRIPTS / stage / f"{rule}.py").is_file()
    named = re.findall(r'code=code\(\s*"([^"]+)"', text)
    assert named in ([], [f"{stage}/{rule}.py"])


def test_a_rule_without_a_param_for_its_code_is_one_that_is_dear_to_repeat():
    without = {rule for _, rule, text in RULES if "code=code(" not in text}
    downloads = {"lock_species", "download_genome", "fetch_source", "fetch_dataset", "fetch_model"}
    applied = {rule for stage, rule, _ in RULES if stage == "apply"}  # the parts that are joined are gone afterwards
    assert without == downloads | applied | {"pretrain_model", "finetune_model"}


def test_no_two_programs_have_one_name():
    programs = [path for path in SCRIPTS.rglob("*.py") if '__name__ == "__main__"' in path.read_text()]
    assert len(programs) > len(RULES)
    assert [name for name, count in Counter(path.stem for path in programs).items() if count > 1] == []


def test_rules_define_no_functions_and_files_are_short():
    paths = [REPOSITORY / "Snakefile", *(REPOSITORY / "rules").glob("*.smk")]
    for path in paths:
        text = path.read_text()
        assert not re.search(r"^ *(def|class) ", text, re.M), path.name
        assert text.count("\n") < (80 if path.stem in ("Snakefile", "common") else 400), path.name
        assert not re.search(r"^ *run:", text, re.M), path.name
