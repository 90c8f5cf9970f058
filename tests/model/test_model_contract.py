"""The classes keep the contract of transformers' own sequence classifiers and encoders."""

import copy

import pytest
import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, BertConfig, BertForSequenceClassification

from workflow_scripts.model import DnaBert2ForMaskedLM, DnaBert2ForSequenceClassification, DnaBert2Model

BATCH = 4
SINGLE, MULTI, REGRESSION = "single_label_classification", "multi_label_classification", "regression"
# problem type, outputs, labels
LABELS = [
    (problem, outputs, labels)
    for named, outputs, labels in [
        (REGRESSION, 1, torch.tensor([0.5, -1.0, 2.0, 7.0])),
        (REGRESSION, 1, torch.tensor([[0.5], [-1.0], [2.0], [7.0]])),
        (REGRESSION, 3, torch.arange(12.0).reshape(4, 3)),
        (SINGLE, 3, torch.tensor([0, 2, 1, 2])),
        (SINGLE, 2, torch.tensor([0, -100, 1, 1])),
        (MULTI, 3, torch.tensor([[0.0, 1, 1], [1, 0, 0], [0, 0, 0], [1, 1, 1]])),
    ]
    # without a problem type several outputs with fractions are several labels
    for problem in ([named, None] if (named, outputs) != (REGRESSION, 3) else [named])
]


class Encoder(nn.Module):
    """Our encoder under the signature of transformers' BertModel."""

    def __init__(self, ours: DnaBert2Model):
        super().__init__()
        self.ours = ours

    def forward(self, input_ids, attention_mask=None, **options):
        return self.ours(input_ids, attention_mask)


def with_bert_head(ours: DnaBert2ForSequenceClassification) -> BertForSequenceClassification:
    """transformers' head, with its loss, on our encoder and the weights of our classifier."""
    sizes = {"hidden_size": 32, "num_attention_heads": 4, "num_hidden_layers": 1, "vocab_size": 40}
    config = BertConfig(**sizes, num_labels=ours.config.num_labels, problem_type=ours.config.problem_type)
    theirs = BertForSequenceClassification(config).eval()
    theirs.bert, theirs.classifier = Encoder(ours.bert), ours.classifier
    return theirs


@pytest.fixture
def batch(ids) -> dict[str, torch.Tensor]:
    """Sequences of four lengths, one without padding."""
    rows = ids.repeat(BATCH, 1).roll(1, dims=0)
    rows[1:, 3:8] = torch.tensor([[7, 9, 11, 13, 15], [6, 8, 10, 12, 14], [9, 9, 9, 9, 9]])
    lengths = torch.tensor([23, 20, 9, 3])
    return {"input_ids": rows, "attention_mask": (torch.arange(23) < lengths[:, None]).long()}


def gradients(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}


@pytest.mark.parametrize(("problem", "outputs", "labels"), LABELS)
@pytest.mark.parametrize("rows", [1, BATCH])
def test_losses_and_gradients_are_those_of_a_bert_head(build, batch, problem, outputs, labels, rows):
    inputs = {name: tensor[:rows] for name, tensor in batch.items()}
    ours = build(DnaBert2ForSequenceClassification, num_labels=outputs, problem_type=problem)
    theirs = with_bert_head(copy.deepcopy(ours))
    results = [model(**inputs, labels=labels[:rows]) for model in (ours, theirs)]
    torch.testing.assert_close(results[0].loss, results[1].loss)
    assert results[0].loss > 0 and ours.config.problem_type == theirs.config.problem_type is not None
    for result in results:
        result.loss.backward()
    expected = {name.replace("bert.ours.", "bert.", 1): grad for name, grad in gradients(theirs).items()}
    assert gradients(ours).keys() == expected.keys() and gradients(ours)["classifier.weight"].any()
    for name, gradient in gradients(ours).items():
        torch.testing.assert_close(gradient, expected[name])


@pytest.mark.parametrize(("problem", "outputs", "labels"), [(REGRESSION, 1, (4, 2)), (MULTI, 3, (4,))])
def test_labels_of_another_shape_are_refused(build, batch, problem, outputs, labels):
    model = build(DnaBert2ForSequenceClassification, num_labels=outputs, problem_type=problem)
    with pytest.raises(RuntimeError, match="shape"):
        model(**batch, labels=torch.zeros(labels))


@pytest.mark.parametrize("kind", [DnaBert2Model, DnaBert2ForMaskedLM, DnaBert2ForSequenceClassification])
def test_embeddings_may_come_in_place_of_ids(build, batch, kind):
    model = build(kind)
    embeds = model.get_input_embeddings()(batch["input_ids"])
    assert embeds.shape == (*batch["input_ids"].shape, 32)
    given = model(inputs_embeds=embeds, attention_mask=batch["attention_mask"])
    assert torch.equal(given[0], model(**batch)[0])
    for wrong in ({}, {"input_ids": batch["input_ids"], "inputs_embeds": embeds}):
        with pytest.raises(ValueError, match="either input_ids or inputs_embeds"):
            model(**wrong)


def test_gradients_of_embeddings_add_up_to_the_logit(build, batch):
    """Integrated gradients (Sundararajan et al. 2017) from zero embeddings: complete, and none for padding."""
    model = build(DnaBert2ForSequenceClassification, initializer_range=0.1)
    mask = batch["attention_mask"]
    embeds = model.get_input_embeddings()(batch["input_ids"]).detach()

    def logits(inputs: torch.Tensor) -> torch.Tensor:
        return model(inputs_embeds=inputs, attention_mask=mask).logits[:, 0]

    total, steps = torch.zeros_like(embeds), 400
    for step in range(steps):
        point = (embeds * (step + 0.5) / steps).requires_grad_()
        total += torch.autograd.grad(logits(point).sum(), point)[0] / steps
    attributions = (total * embeds).sum(dim=-1)
    with torch.no_grad():
        change = logits(embeds) - logits(torch.zeros_like(embeds))
    assert change.abs().min() > 0.01
    torch.testing.assert_close(attributions.sum(dim=1), change, rtol=0.02, atol=0.002)
    assert attributions[mask == 0].eq(0).all() and attributions[mask == 1].ne(0).all()


def test_a_hook_on_the_embedding_sees_rows(build, batch):
    model, seen = build(DnaBert2ForSequenceClassification), []
    model.get_input_embeddings().register_forward_hook(lambda module, given, output: seen.append(output.shape))
    model(**batch)
    assert seen == [(BATCH, 23, 32)]


def test_gradient_checkpointing_changes_no_gradient(build, batch):
    labels, results = torch.tensor([0, 1, 1, 0]), []
    for checkpointing in (False, True):
        model = build(DnaBert2ForSequenceClassification, hidden_dropout_prob=0.1).train()
        runs = []
        model.bert.encoder.layer[0].register_forward_pre_hook(lambda *call, runs=runs: runs.append(1))
        if checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        torch.manual_seed(3)
        model(**batch, labels=labels).loss.backward()
        assert len(runs) == 1 + checkpointing
        results.append(gradients(model))
    assert all(torch.equal(results[0][name], results[1][name]) for name in results[0])
    model.gradient_checkpointing_disable()
    assert not model.is_gradient_checkpointing


@pytest.mark.parametrize("kind", ["sdpa", "eager"])
def test_attention_implementation_may_be_named(build, batch, tmp_path, kind):
    model = build(DnaBert2ForSequenceClassification)
    model.save_pretrained(tmp_path)
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path, attn_implementation=kind)
    assert loaded.config._attn_implementation == kind
    assert torch.equal(loaded(**batch).logits, model(**batch).logits)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("positions", ["alibi", "rotary", "learned"])
def test_rows_of_padding_only(build, batch, pooling, positions):
    """They have zeros as hidden states and change no other row, wherever they are in the batch."""
    model = build(DnaBert2ForSequenceClassification, pooling=pooling, positions=positions)
    alone = model(**batch).logits
    nothing = torch.tanh(model.bert.pooler.dense.bias) @ model.classifier.weight.T + model.classifier.bias
    for place in (0, 2, BATCH):
        padded = {name: torch.cat([rows[:place], 0 * rows[:1], rows[place:]]) for name, rows in batch.items()}
        output = model(**padded, output_hidden_states=True)
        others = torch.arange(BATCH + 1) != place
        torch.testing.assert_close(output.logits[others], alone)
        torch.testing.assert_close(output.logits[place], nothing)
        assert output.hidden_states[-1][place].eq(0).all()
    empty = model(
        input_ids=batch["input_ids"], attention_mask=0 * batch["attention_mask"], labels=torch.zeros(4).long()
    )
    torch.testing.assert_close(empty.logits, nothing.expand(BATCH, -1))
    empty.loss.backward()
    assert all(torch.isfinite(gradient).all() for gradient in gradients(model).values())


def test_a_tuple_is_returned_on_request(build, batch):
    model = build(DnaBert2ForSequenceClassification)
    loss, logits = model(**batch, labels=torch.tensor([0, 1, 1, 0]), return_dict=False)
    assert loss.shape == () and torch.equal(logits, model(**batch).logits)
    hidden, pooled = model.bert(**batch, return_dict=False)
    assert hidden.shape == (BATCH, 23, 32) and pooled.shape == (BATCH, 32)
