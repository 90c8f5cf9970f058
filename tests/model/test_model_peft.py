"""The standard methods of peft train our classifier and load again, onto a directory without a head."""

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from workflow_scripts.model import DnaBert2ForMaskedLM

pytestmark = pytest.mark.slow
METHODS = {
    "lora": ("LoraConfig", {"target_modules": ["Wqkv"]}),
    "dora": ("LoraConfig", {"target_modules": ["Wqkv", "wo"], "use_dora": True}),
    "ia3": ("IA3Config", {"target_modules": ["Wqkv", "wo"], "feedforward_modules": ["wo"]}),
    "prompt tuning": ("PromptTuningConfig", {"num_virtual_tokens": 4}),
    "p-tuning": ("PromptEncoderConfig", {"num_virtual_tokens": 4, "encoder_hidden_size": 16}),
}


@pytest.mark.parametrize("method", METHODS)
def test_a_method_trains_and_loads_again(build, ids, tmp_path, method):
    import peft

    build(DnaBert2ForMaskedLM, initializer_range=0.1).save_pretrained(tmp_path / "base")

    def base() -> torch.nn.Module:
        return AutoModelForSequenceClassification.from_pretrained(tmp_path / "base", num_labels=3)

    rows = ids.repeat(6, 1)
    rows[:, 1:] = torch.randint(5, 40, (6, 22), generator=torch.Generator().manual_seed(2))
    mask = (torch.arange(23) < torch.tensor([23, 20, 15, 23, 9, 4])[:, None]).long()
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    kind, options = METHODS[method]
    torch.manual_seed(1)
    model = peft.get_peft_model(base(), getattr(peft, kind)(task_type="SEQ_CLS", **options))
    optimizer = torch.optim.AdamW([weight for weight in model.parameters() if weight.requires_grad], lr=0.02)
    losses = []
    for _ in range(30):
        loss = model(input_ids=rows, attention_mask=mask, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]
    model.eval().save_pretrained(tmp_path / "adapter")
    torch.manual_seed(99)  # a new head is another one, if the adapter does not bring it
    loaded = peft.PeftModel.from_pretrained(base(), tmp_path / "adapter").eval()
    with torch.no_grad():
        expected = model(input_ids=rows, attention_mask=mask).logits
        given = loaded(input_ids=rows, attention_mask=mask).logits
        bare = base().eval()(input_ids=rows, attention_mask=mask).logits
    torch.testing.assert_close(given, expected)
    assert (given - bare).abs().max() > 0.1
