"""The section apply: mistakes that are told before any job starts."""

import pytest

from workflow_scripts.settings.apply import Application, apply_errors
from workflow_scripts.settings.fitted_models import Model

MODELS = {
    "cnn": Model(baseline="cnn"),
    "theirs": Model(hub="a/b", revision="0" * 40),
    "again": Model(pretrained="ours"),
}
FIT = "ours/full/emp/H3"


def errors(simulated: bool = True, **entry) -> list[str]:
    application = Application.model_validate({"input": "in.fa"} | entry)
    return list(apply_errors({"mine": application}, ["ours"], MODELS, ["emp/H3"], simulated))


@pytest.mark.parametrize(
    "entry",
    [
        {"do": "predict", "fit": FIT},
        {"do": "predict", "fit": "cnn/full/emp/H3", "seeds": [1], "window": 100, "step": 100},
        {"do": "predict", "model": "theirs"},  # may have been fitted elsewhere
        {"do": "embed", "model": "ours", "layers": [0, -1], "pooling": "base", "formats": ["h5ad"]},
        {"do": "variants", "model": "again", "labels": "CLNSIG=Pathogenic"},
        {"do": "motifs", "fit": FIT, "class": "bound"},
    ],
)
def test_what_fits_together_is_accepted(entry):
    assert errors(**entry) == []


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"do": "predict"}, "config apply.mine: nothing where one of fit, model, directory belongs"),
        ({"do": "predict", "fit": FIT, "model": "ours"}, "config apply.mine: fit and model where one of"),
        ({"do": "predict", "fit": "our/full/emp/H3"}, "config apply.mine.fit: no model 'our'; defined are ours, cnn"),
        ({"do": "predict", "fit": "ours/full/emp/H2"}, "config apply.mine.fit: no data set 'emp/H2' in gue"),
        ({"do": "predict", "model": "ours"}, "config apply.mine.model: ours has no fitted head, so it cannot predict"),
        ({"do": "explain", "model": "again"}, "config apply.mine.model: again has no fitted head"),
        (
            {"do": "embed", "model": "cnn"},
            "config apply.mine.model: cnn is a baseline, which is nothing before",
        ),
        ({"do": "embed", "model": "nobody"}, "config apply.mine.model: no model 'nobody'"),
        ({"do": "predict", "fit": FIT, "pooling": "base"}, "config apply.mine.pooling: has no meaning for do: predict"),
        ({"do": "embed", "fit": FIT, "class": "a"}, "config apply.mine.class: has no meaning for do: embed"),
        ({"do": "variants", "fit": FIT, "step": 5}, "config apply.mine.step: has no meaning for do: variants"),
        ({"do": "embed", "model": "ours", "seeds": [1]}, "config apply.mine.seeds: has no meaning without fit"),
        ({"do": "predict", "fit": FIT, "window": 10, "step": 11}, "config apply.mine.step: 11 leaves bases between"),
        ({"do": "embed", "directory": "/no/such"}, "config apply.mine.directory: no folder '/no/such'"),
    ],
)
def test_a_mistake_is_one_line(entry, told):
    (line,) = errors(**entry)
    assert line.startswith(told)


def test_files_must_be_there_unless_the_demo_makes_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    entry = {"do": "predict", "fit": FIT, "genome": "g.fa"}
    assert errors(simulated=True, **entry) == []
    assert errors(simulated=False, **entry) == [
        "config apply.mine.input: no file 'in.fa'",
        "config apply.mine.genome: no file 'g.fa'",
    ]
