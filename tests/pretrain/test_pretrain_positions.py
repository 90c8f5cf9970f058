"""Models of each kind of positions are trained, resumed and written."""

import pytest
from transformers import AutoModelForMaskedLM

from workflow_scripts.pretrain import pretrain_model


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["learned", "rotary"])
def test_a_model_of_each_kind_learns_and_resumes(arguments, attempts, assert_same_result, read_log, tmp_path, kind):
    settings = {"architecture": {"positions": kind, "max_positions": 16}, "micro_batch_size": 8}
    commands = [arguments(name, **settings) for name in ("whole", "stopped")]
    assert attempts(commands[1], {"point": "update", "count": 25, "signal": "SIGTERM"}, {"processes": 1})[0] == [75, 0]
    assert attempts(commands[0], {})[0] == [0]
    assert_same_result("whole", "stopped")
    losses = [entry["loss"] for entry in read_log(tmp_path / "whole") if "loss" in entry]
    assert losses[-1] < 0.4 * losses[0]  # a copy of the input would gain a tenth
    assert AutoModelForMaskedLM.from_pretrained(tmp_path / "whole").config.positions == kind


def test_sequences_longer_than_the_learned_positions_are_refused_in_one_line(arguments, tmp_path, capsys):
    """Of a new model, and of one that a further pre-training starts from."""
    short = {"positions": "learned", "max_positions": 15}
    assert pretrain_model.main(arguments("model", architecture=short)) == 1
    line = "error: training.length: 16 tokens, but the model has learned positions for 15 (architecture.max_positions)"
    assert line in capsys.readouterr().err
    assert pretrain_model.main(arguments("start", architecture=short, steps=2, length=15)) == 0
    assert pretrain_model.main([*arguments("model"), "--start", str(tmp_path / "start")]) == 1
    assert line in (error := capsys.readouterr().err) and "Traceback" not in error
