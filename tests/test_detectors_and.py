"""AND: the order of the code, what has a gradient, what the score is scaled by."""

import numpy as np
import pytest
import torch
from torch import nn

from data_samples import bars
from ocnd_lib.detectors.and_ import AND, BetweenZeros, Estimator, EveryOther

SMALL = dict(
    latent_dim=6, width=4, estimator_channels=3, bins=10, epochs=2, batch_size=16,
    learning_rate=1e-2,
)  # fmt: skip


@pytest.fixture(scope="module")
def fitted() -> AND:
    return AND(**SMALL).fit(bars(48, 0), x_validation=bars(16, 1))


def test_strides_that_are_taken_apart_are_those_of_pytorch():
    torch.manual_seed(0)
    down, up = EveryOther(3, 5, 1, bias=False), BetweenZeros(3, 5, 1, bias=False)
    x = torch.randn(2, 3, 8, 8)
    expected = nn.functional.conv2d(x, down.weight, stride=2)
    torch.testing.assert_close(down(x), expected)
    expected = nn.functional.conv_transpose2d(x, up.weight, stride=2, output_padding=1)
    torch.testing.assert_close(up(x), expected)


@pytest.mark.parametrize("trained", [False, True])
def test_output_i_depends_on_the_entries_before_it_and_on_no_other(fitted, trained):
    torch.manual_seed(0)
    new = Estimator(length=6, bins=7, channels=4)
    estimator = fitted.state_["estimator"] if trained else new
    z = torch.rand(3, 6)
    before = estimator(z)
    for j in range(6):
        moved = z.clone()
        moved[:, j] += 0.3
        changed = (estimator(moved) != before).any(dim=1).any(dim=0)
        assert changed.tolist() == [i > j for i in range(6)]


def test_the_probabilities_of_all_codes_sum_to_one():
    torch.manual_seed(0)
    estimator = Estimator(length=3, bins=4, channels=2)
    # input and bin of an entry go together, so only codes at the middle of their bins are codes
    values = (torch.arange(4) + 0.5) / 4
    codes = torch.cartesian_prod(values, values, values)
    assert torch.exp(-estimator.surprise(codes)).sum().item() == pytest.approx(1, abs=1e-5)


def test_the_code_has_a_gradient_as_input_and_none_as_target():
    torch.manual_seed(0)
    estimator = Estimator(length=5, bins=10, channels=4)
    z = torch.rand(8, 5, requires_grad=True)
    estimator.surprise(z).sum().backward()
    # no entry is conditioned on the last: only as a target could it have a gradient
    assert (z.grad[:, -1] == 0).all()
    assert (z.grad[:, :-1] != 0).any(dim=0).all()


def test_loss_falls_in_both_terms():
    detector = AND(**SMALL | {"epochs": 8}).fit(bars(48, 0), x_validation=bars(16, 1))
    first, last = detector.curves_[0], detector.curves_[-1]
    assert last["error"] < 0.7 * first["error"]
    # in nats, of six entries with ten bins; an estimator outside the loss stays there
    guessing = 6 * np.log(10)
    assert last["surprise"] < guessing - 0.4 < first["surprise"]


def test_the_scale_comes_from_validation_and_not_from_what_is_scored(fitted):
    test = np.concatenate([bars(5, 2), 255 - bars(5, 3)])
    together = fitted.novelty_score(test)
    apart = np.concatenate([fitted.novelty_score(part) for part in (test[:5], test[5:])])
    np.testing.assert_allclose(together, apart, rtol=1e-4)
    assert together[5:].min() > together[:5].max()
    assert together.max() > 2
    (low, high), terms = fitted.state_["ends"], fitted.terms(bars(16, 1))
    assert ((terms - low) / (high - low)).max(0) == pytest.approx(1)

    other = AND(**SMALL).fit(bars(48, 0), x_validation=bars(16, 9))
    np.testing.assert_array_equal(other.terms(test), fitted.terms(test))
    assert not np.array_equal(other.novelty_score(test), together)


def test_the_error_is_summed_over_pixels_in_0_to_1_inside_the_border(fitted):
    x = bars(4, 5)
    unit = torch.from_numpy(x) / 127.5 - 1
    with torch.no_grad():
        redrawn = fitted.reconstruct(unit)
    error = ((redrawn - unit) / 2).square().sum((1, 2, 3))
    np.testing.assert_allclose(fitted.terms(x)[:, 0], error, rtol=1e-4)

    framed = x.copy()
    framed[..., :2, :] = framed[..., -2:, :] = framed[..., :, :2] = framed[..., :, -2:] = 255
    np.testing.assert_array_equal(fitted.novelty_score(framed), fitted.novelty_score(x))
