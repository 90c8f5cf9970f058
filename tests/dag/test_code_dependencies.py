"""What a rule's result depends on of the code: its program, and the modules that decide the result."""

import os

import pytest

from tests.dag.conftest import REPOSITORY
from workflow_scripts.dag import code_dependencies
from workflow_scripts.dag.code_dependencies import UNCOUNTED, code, modules_of

SCRIPTS = REPOSITORY / "workflow_scripts"


def names(program: str) -> set[str]:
    return {str(path.relative_to(SCRIPTS)) for path in modules_of(SCRIPTS / program)}


@pytest.fixture
def scripts(tmp_path):
    """A package with three rooms: a program ``room/a.py`` and what it imports."""
    modules = {
        "room/a.py": "import json\nfrom package.room.b import x\nfrom package.other.e import y\n",
        "room/b.py": "from package.room import c, nothing\nfrom package.common.shared import z\n",
        "room/c.py": "def late():\n    from package.room import a\n    from package.common import errors\n",
        "room/d.py": "",
        "room/page.j2": "page",
        "other/e.py": "",
        "common/shared.py": "from package.common.deep import z\n",
        "common/deep.py": "from package.model import Model\nfrom package.settings import names\n",
        "common/errors.py": "",
        "model/__init__.py": "from package.model.parts import Model\n",
        "model/parts.py": "",
        "settings/names.py": "",
    }
    for name, text in modules.items():
        path = tmp_path / "package" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "package"


def edited(scripts, name: str, *others: str) -> bool:
    """Whether an edit of a file changes the param of ``room/a.py``."""
    before = code("room/a.py", *others, scripts=scripts)
    (scripts / name).write_text((scripts / name).read_text() + "\n")
    code_dependencies._digest.cache_clear()
    return code("room/a.py", *others, scripts=scripts) != before


def test_modules_of_the_stage_and_of_shared_rooms_are_found_through_one_another(scripts):
    found = [str(path.relative_to(scripts)) for path in modules_of(scripts / "room/a.py")]
    shared = ["common/deep.py", "common/shared.py", "model/__init__.py", "model/parts.py"]
    assert found == [*shared, "room/a.py", "room/b.py", "room/c.py"]


@pytest.mark.parametrize("name", ["room/a.py", "room/c.py", "common/deep.py", "model/parts.py"])
def test_an_edit_of_what_decides_the_result_changes_the_param(scripts, name):
    assert edited(scripts, name)


@pytest.mark.parametrize("name", ["room/d.py", "other/e.py", "common/errors.py", "settings/names.py", "room/page.j2"])
def test_an_edit_of_anything_else_does_not(scripts, name):
    assert not edited(scripts, name)


def test_other_files_are_named_by_patterns(scripts):
    assert edited(scripts, "room/page.j2", "room/*.j2")
    before = code("room/a.py", "room/*", scripts=scripts)
    (scripts / "room/.page.j2.swp").write_text("of an editor")
    (scripts / "room/__pycache__").mkdir()
    assert code("room/a.py", "room/*", scripts=scripts) == before
    with pytest.raises(FileNotFoundError, match=r"room/\*.css: no such file"):
        code("room/a.py", "room/*.css", scripts=scripts)


def test_a_touch_and_another_place_change_nothing(scripts, tmp_path):
    before = code("room/a.py", scripts=scripts)
    (tmp_path / "elsewhere").mkdir()
    moved = scripts.rename(tmp_path / "elsewhere" / "package")
    for path in moved.rglob("*.py"):
        os.utime(path, (0, 0))
    assert code("room/a.py", scripts=moved) == before


def test_what_the_programs_of_this_workflow_depend_on():
    assert names("genomes/summarize_corpus.py") == {
        *("genomes/summarize_corpus.py", "genomes/accounting.py", "common/species_table.py"),
        "common/compression.py",
    }
    assert {"gue/build_dataset.py", "gue/covid.py", "gue/recipe.py", "gue/split.py"} <= names("gue/build_dataset.py")
    assert {"report/write_report.py", "report/page_content.py", "report/figures.py"} <= names("report/write_report.py")
    tokens = {f"common/{module}.py" for module in ("sequences", "kmer_tokenizers", "special_tokens", "chunk_reader")}
    for program in ("tokenizer/train_tokenizer.py", "tokenizer/encode_genome.py", "studies/study_tokenization.py"):
        assert tokens <= names(program), "what the ids of tokens depend on"
    assert "common/flops.py" in names("report/count_costs.py")


def test_what_does_not_count_exists():
    assert all((SCRIPTS / name).is_file() for name in UNCOUNTED)
