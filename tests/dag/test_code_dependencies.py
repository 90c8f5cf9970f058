"""What a rule's result depends on of the code: the script, and what it imports of its stage."""

from workflow_scripts.common.code_dependencies import modules_of

from tests.common.conftest import REPOSITORY

SCRIPTS = REPOSITORY / "workflow_scripts"


def names(script: str) -> set[str]:
    return {str(path.relative_to(SCRIPTS)) for path in modules_of(SCRIPTS / script)}


def test_modules_of_the_stage_are_found_through_one_another(tmp_path):
    room = tmp_path / "package" / "room"
    room.mkdir(parents=True)
    (room / "a.py").write_text("import json\nfrom package.room.b import x\nfrom package.other.e import y\n")
    (room / "b.py").write_text("from package.room import c, nothing\n")
    (room / "c.py").write_text("def late():\n    from package.room import a\n")
    (room / "d.py").write_text("")
    assert [path.name for path in modules_of(room / "a.py")] == ["a.py", "b.py", "c.py"]


def test_what_the_scripts_of_this_workflow_depend_on():
    assert names("genomes/summarize_corpus.py") == {"genomes/summarize_corpus.py", "genomes/accounting.py"}
    assert {"gue/build_dataset.py", "gue/covid.py", "gue/recipe.py", "gue/split.py"} <= names("gue/build_dataset.py")
    assert {"report/write_report.py", "report/page_content.py", "report/figures.py"} <= names("report/write_report.py")
    assert all(name.startswith("tokenizer/") for name in names("tokenizer/train_tokenizer.py"))
