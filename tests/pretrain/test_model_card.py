"""The card of a pre-trained model."""

from workflow_scripts.pretrain.model_card import render_card
from workflow_scripts.settings.pretrain import SeededTraining


def test_model_card_quotes_the_figures_or_says_there_are_none():
    summary = {
        **{"model": "tiny", "parameters": 12345, "steps": 7, "tokens_seen": 999_000, "training_chunks": 4321},
        **{
            "hardware": "abacus",
            "settings": SeededTraining(steps=7).model_dump(),
            "architecture": {"num_hidden_layers": 5},
        },
    }
    references = {"places": 6_543, "unigram_loss": 2.5, "both_sides_loss": [2.4, 2.3, 2.35]}
    references |= {"markov_bits_per_base": [2.0, 1.97, 1.95], "copy": {"k": 11, "bits_per_base": 1.93}}
    quality = {"mask_loss": 1.25, "mask_accuracy": 0.5, "mask_bits_per_base": 1.9, "references": references}
    log = [{"step": 0, "mask_loss": 9.0}, {"step": 5, "step_seconds": 720}, {"step": 7, "step_seconds": 1800}]
    card = render_card(summary | quality, log)
    figures = (
        "# tiny",
        "12,345",
        "999,000",
        "1.2500",
        "2.5000",
        "0.5000",
        "1.9000",
        "2.3000",
        "order 2 on both",
        "1.9500",
        "6,543",
        "same 11",
        "4,321",
        "5 layers of 768",
    )
    assert all(figure in card for figure in figures)
    assert "(ALiBi, GEGLU)" in card and "There is no maximum length." in card
    assert "in 2.00 hours" in card and "random weights" in card
    assert "It was not validated" in render_card(summary, log)
    assert "weights with the sha256 abc" in render_card(summary, log, "abc")
    continued = render_card(summary | quality, log, "abc")
    assert "| of the model that it started from | 9.0000 |" in continued and "started from" not in card
    assert "initial weights" in render_card(summary | {"steps": 0}, []) and "initial weights" not in card
    learned = summary | {"architecture": {"positions": "learned", "max_positions": 1000}}
    assert "(learned positions, GEGLU)" in (card := render_card(learned, log)) and "length is 1,000 tokens." in card
    assert "AdamW |" in card and "no maximum" not in card
    muon = summary | {"settings": SeededTraining(steps=7, optimizer="muon").model_dump()}
    assert "Muon for matrices" in render_card(muon, log)
