"""The likelihood score of a variant is what a model with known probabilities gives by hand."""

import random
from math import log

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from transformers.modeling_outputs import MaskedLMOutput

from tests.tiny_models import write_dnabert2
from workflow_scripts.apply.masked_likelihood import MaskedLikelihood, differing
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import write_json
from workflow_scripts.common.kmer_tokenizers import build
from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.common.tokenizer_files import save_tokenizer
from workflow_scripts.inference.encoders import TokenizerEncoder, load_tokenizer
from workflow_scripts.inference.masked_models import read_masked
from workflow_scripts.inference.network import Network
from workflow_scripts.tokenizer.train_tokenizer import TOKENIZER_CONFIG

CPU = torch.device("cpu")
DRAW = random.Random(4)
WINDOW = "".join(DRAW.choices("ACGT", k=40))
EDITS = {
    "SNV": WINDOW[:20] + "ACGT"["CATG".index(WINDOW[20])] + WINDOW[21:],
    "MNV": WINDOW[:18] + reverse_complement(WINDOW[18:22])[::-1] + WINDOW[22:],
    "insertion": WINDOW[:20] + "GATTA" + WINDOW[20:],
    "deletion": WINDOW[:20] + WINDOW[23:],
    "first base": "ACGT"["CATG".index(WINDOW[0])] + WINDOW[1:],
    "last base": WINDOW[:-1] + "ACGT"["CATG".index(WINDOW[-1])],
}


class Table(nn.Module):
    """A model whose log-probabilities depend on one neighbour of the masked token only, [neighbours, tokens]: the token
    before it, or ``after`` it."""

    def __init__(self, logits, after=False):
        super().__init__()
        self.logs = torch.as_tensor(logits).float().log_softmax(dim=1)
        self.neighbour = 1 if after else -1

    def forward(self, input_ids, attention_mask=None):
        return MaskedLMOutput(logits=self.logs[input_ids.roll(-self.neighbour, dims=1)])


class Places(nn.Module):
    """A model that knows how frequent each token is at each place of a window, [places, tokens]."""

    def __init__(self, logits):
        super().__init__()
        self.logs = torch.as_tensor(logits).float().log_softmax(dim=1)

    def forward(self, input_ids, attention_mask=None):
        return MaskedLMOutput(logits=self.logs[: input_ids.shape[1]].expand(len(input_ids), -1, -1))


def encoder_of(folder, kind, k=1):
    """The encoder of a tokenizer of ours, or of tiny BPE."""
    if kind == "bpe":
        write_dnabert2(folder)
    else:
        folder.mkdir()
        save_tokenizer(build(kind, k), folder / "tokenizer.json")
        write_json(folder / "tokenizer_config.json", TOKENIZER_CONFIG)
    return TokenizerEncoder(folder, load_tokenizer(folder, False), 0, 0, False)


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    root = tmp_path_factory.mktemp("encoders")
    kinds = {
        "bpe": ("bpe",),
        "nucleotide": ("nucleotide",),
        "kmer": ("kmer", 3),
        "overlapping": ("kmer_overlapping", 3),
    }
    return {name: encoder_of(root / name, *kind) for name, kind in kinds.items()}


def likelihood(encoder, model):
    return MaskedLikelihood(Network(model, encoder.pad_id, "fp32", CPU), encoder)


def table(encoder, after=False):
    size = len(encoder.tokenizer)
    return Table(np.random.default_rng(0).normal(size=(size, size)), after)


def strands(reference, alternative):
    return (reference, alternative), (reverse_complement(reference), reverse_complement(alternative))


@pytest.mark.parametrize("edit", EDITS)
def test_without_context_it_is_the_difference_of_whole_windows(encoders, edit):
    """Frequencies of tokens: what the shared tokens add cancels, whatever the alleles do to the others."""
    encoder = encoders["bpe"]
    frequencies = np.random.default_rng(1).normal(size=len(encoder.tokenizer))
    model = likelihood(encoder, Table(np.tile(frequencies, (len(frequencies), 1))))
    logs = frequencies - np.log(np.exp(frequencies).sum())
    expected = []
    for pair in strands(WINDOW, EDITS[edit]):
        reference, alternative = (logs[ids].sum() for ids in encoder.encode(pair, 0).ids)
        expected.append(alternative - reference + (len(pair[1]) - len(pair[0])) * log(4))
    assert model.log_odds([(WINDOW, EDITS[edit])])[0] == pytest.approx(np.mean(expected), abs=1e-4)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("edit", EDITS)
def test_with_context_each_token_is_predicted_from_those_around_it(encoders, edit, after):
    encoder = encoders["bpe"]
    module = table(encoder, after)
    expected = []
    for pair in strands(WINDOW, EDITS[edit]):
        before, after = (ids.tolist() for ids in encoder.encode(pair, 0).ids)
        first, last = differing(np.array(before), np.array(after))
        sums = [
            sum(module.logs[ids[at + module.neighbour], ids[at]].item() for at in range(first, len(ids) - last))
            for ids in (before, after)
        ]
        expected.append(sums[1] - sums[0] + (len(pair[1]) - len(pair[0])) * log(4))
    found = likelihood(encoder, module).log_odds([(WINDOW, EDITS[edit])])[0]
    assert found == pytest.approx(np.mean(expected), abs=1e-4)


def test_with_single_bases_it_is_the_ratio_of_their_probabilities_at_the_place(encoders):
    """A matrix of frequencies by place, as of a motif: masked marginals."""
    encoder = encoders["nucleotide"]
    logits = np.random.default_rng(2).normal(size=(len(WINDOW) + 2, len(encoder.tokenizer)))
    module = Places(logits)
    tokens = encoder.tokenizer.get_vocab()
    place, reference, alternative = 21, WINDOW[20], EDITS["SNV"][20]  # [CLS] is before the bases
    forward = module.logs[place, tokens[alternative]] - module.logs[place, tokens[reference]]
    turned = len(WINDOW) + 1 - place
    pair = (tokens[reverse_complement(base)] for base in (alternative, reference))
    backward = module.logs[turned, next(pair)] - module.logs[turned, next(pair)]
    found = likelihood(encoder, module).log_odds([(WINDOW, EDITS["SNV"])])[0]
    assert found == pytest.approx(float(forward + backward) / 2, abs=1e-5)


@pytest.mark.parametrize("edit", EDITS)
def test_random_bases_score_zero_also_if_an_allele_is_longer(encoders, edit):
    encoder = encoders["nucleotide"]
    logits = np.full((len(encoder.tokenizer),) * 2, -100.0)
    logits[:, [encoder.tokenizer.get_vocab()[base] for base in "ACGT"]] = 0
    assert likelihood(encoder, Table(logits)).log_odds([(WINDOW, EDITS[edit])])[0] == pytest.approx(0, abs=1e-5)


class Deduced(nn.Module):
    """Of overlapping 3-mers, one that both sides do not show is one of four, and the base A is likelier than others.

    A masked 3-mer is known from the visible one before it, up to its last base, and from one of the next two after it.
    """

    def __init__(self, vocabulary):
        super().__init__()
        self.words = sorted(vocabulary, key=vocabulary.__getitem__)
        self.vocabulary = vocabulary

    def forward(self, input_ids, attention_mask=None):
        logits = torch.full((*input_ids.shape, len(self.words)), -50.0)
        for row, ids in enumerate(input_ids.tolist()):
            words = [self.words[number] for number in ids]
            for place, word in enumerate(words):
                if word != "[MASK]" or len(words[place - 1]) != 3:
                    continue
                shown = {base for ahead in (1, 2) for base in self._base(words, place, ahead)}
                for base in shown or "ACGT":
                    logits[row, place, self.vocabulary[words[place - 1][1:] + base]] = 1.0 if base == "A" else 0.0
        return MaskedLMOutput(logits=logits)

    def _base(self, words, place, ahead):
        """The last base of the word at a place, if the word ``ahead`` of it shows it."""
        word = words[place + ahead] if place + ahead < len(words) else ""
        return word[2 - ahead] if len(word) == 3 and word.isalpha() else ""


def test_of_overlapping_kmers_the_neighbours_do_not_give_the_base_away(encoders):
    encoder = encoders["overlapping"]
    vocabulary = encoder.tokenizer.get_vocab()
    model = likelihood(encoder, Deduced(vocabulary))
    assert model.overlapping
    window = "CCGTCCGTGGTCCGTTGCCG"
    alternative = window[:10] + "A" + window[11:]
    # forward T becomes A; on the other strand A becomes T
    assert model.log_odds([(window, alternative)])[0] == pytest.approx((1 - 1) / 2, abs=1e-4)
    alternative = window[:10] + "C" + window[11:]
    assert model.log_odds([(window, alternative)])[0] == pytest.approx((0 - 1) / 2, abs=1e-4)


@pytest.mark.parametrize("name", ["bpe", "nucleotide", "kmer", "overlapping"])
@pytest.mark.parametrize("edit", EDITS)
def test_swapped_alleles_change_the_sign_and_the_other_strand_gives_the_same(encoders, name, edit):
    model = likelihood(encoders[name], table(encoders[name]))
    pair = WINDOW, EDITS[edit]
    score = model.log_odds([pair])[0]
    assert score != 0
    assert model.log_odds([pair[::-1]])[0] == pytest.approx(-score, abs=1e-5)
    assert model.log_odds([tuple(map(reverse_complement, pair))])[0] == pytest.approx(score, abs=1e-5)
    assert model.log_odds([(WINDOW, WINDOW)])[0] == 0


def test_alleles_of_one_place_share_what_they_ask(encoders):
    model = likelihood(encoders["nucleotide"], table(encoders["nucleotide"]))
    alternatives = [WINDOW[:20] + base + WINDOW[21:] for base in "ACGT" if base != WINDOW[20]]
    asked = [
        one
        for alternative in alternatives
        for side in model._asked(*model.encoder.encode([WINDOW, alternative], 0).ids)
        for one in side
    ]
    assert len(asked) == 6
    assert len({(one.ids, one.place) for one in asked}) == 1
    together = model.log_odds([(WINDOW, alternative) for alternative in alternatives])
    assert together.tolist() == [model.log_odds([(WINDOW, alternative)])[0] for alternative in alternatives]


def test_an_unknown_letter_among_the_tokens_gives_no_score_and_elsewhere_does_not_matter(encoders):
    model = likelihood(encoders["nucleotide"], table(encoders["nucleotide"]))
    near, far = WINDOW[:20] + "N" + WINDOW[21:], "N" + WINDOW[1:]
    found = model.log_odds([(WINDOW, near), (far, "N" + EDITS["SNV"][1:])])
    assert np.isnan(found).tolist() == [True, False]


def test_a_change_that_unknown_letters_hide_from_overlapping_kmers_has_no_score(encoders):
    model = likelihood(encoders["overlapping"], table(encoders["overlapping"]))
    hidden, seen = ("ACGTNNCNNACGT", "ACGTNNGNNACGT"), ("ACGTCCNNACGT", "ACGTGCNNACGT")
    assert np.isnan(model.log_odds([hidden, seen, hidden[:1] * 2])).tolist() == [True, False, False]


def test_a_window_that_the_model_cannot_take_is_refused(encoders):
    encoder = encoders["nucleotide"]
    short = TokenizerEncoder(encoder.folder, encoder.tokenizer, 0, 20, False)
    with pytest.raises(UserError, match="takes 20 tokens, fewer than a window of 40 bases has"):
        likelihood(short, table(encoder)).log_odds([(WINDOW, EDITS["SNV"])])


def test_a_model_directory_gives_the_same_in_a_batch_of_any_texts(tmp_path):
    folder = write_dnabert2(tmp_path / "ours")
    encoder = TokenizerEncoder(folder, load_tokenizer(folder, False), 0, 0, False)
    model = MaskedLikelihood(read_masked(folder, encoder.pad_id), encoder)
    pairs = [(WINDOW, alternative) for alternative in EDITS.values()] + [("ACGTA", "ACTTA")]
    found = model.log_odds(pairs)
    assert found == pytest.approx([model.log_odds([pair])[0] for pair in pairs], abs=1e-4)
    half = MaskedLikelihood(read_masked(folder, encoder.pad_id, "bf16"), encoder)
    assert half.log_odds(pairs) == pytest.approx(found, abs=0.2)


@given(st.lists(st.integers(0, 2), max_size=8), st.lists(st.integers(0, 2), max_size=8))
def test_rows_share_their_ends_and_differ_between(first, second):
    before, after = differing(np.array(first), np.array(second))
    assert first[:before] == second[:before]
    assert first[len(first) - after :] == second[len(second) - after :]
    assert before + after <= min(len(first), len(second))
    if before + after < min(len(first), len(second)):
        assert first[before] != second[before]
        assert first[-1 - after] != second[-1 - after]
