"""The VAE: its loss against torch.distributions, its score, its behaviour in low precision."""

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli, Normal
from torch.distributions import kl_divergence as known_divergence

from data_samples import bars
from ocnd_lib.detectors.vae import VAE, VARIANCE, encode, kl_divergence, reconstruction_loss
from ocnd_lib.training import to_unit

SMALL = dict(latent_dim=4, width=4, epochs=2, batch_size=16, learning_rate=1e-2)


def test_a_grey_pixel_costs_nothing_when_it_is_redrawn_exactly():
    x = torch.rand(4, 1, 32, 32) * 1.98 - 0.99
    raw = torch.randn(4, 1, 32, 32)
    drawn, wanted = Bernoulli(logits=raw), Bernoulli(probs=(x + 1) / 2)
    expected = known_divergence(wanted, drawn).sum((1, 2, 3))
    torch.testing.assert_close(reconstruction_loss(raw, x), expected, rtol=1e-4, atol=1e-3)
    assert reconstruction_loss(((x + 1) / 2).logit(), x).abs().max() < 0.01


def test_three_channels_are_gaussian_with_a_fixed_variance():
    raw, x = torch.randn(2, 4, 3, 32, 32)
    gaussian = Normal(raw, VARIANCE**0.5)
    expected = (gaussian.log_prob(raw) - gaussian.log_prob(x)).sum((1, 2, 3))
    torch.testing.assert_close(reconstruction_loss(raw, x), expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_score_is_minus_the_bound_at_the_mean_code(channels):
    x = bars(20, 0, channels)
    vae = VAE(**SMALL).fit(x)
    score = vae.novelty_score(x)
    with torch.no_grad():
        inside = to_unit(torch.from_numpy(x))
        mean, log_variance = vae.state_["encoder"](inside).chunk(2, dim=1)
        raw = vae.state_["decoder"](mean)
        kl = known_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(1)
        bound = -reconstruction_loss(raw, inside) - kl
    np.testing.assert_allclose(score, -bound.numpy(), rtol=1e-5)
    assert kl.min() > 0


def test_no_image_is_too_strange_for_a_finite_loss_and_gradient():
    raw = torch.full((2, 8), 1e6, requires_grad=True)
    loss = kl_divergence(*encode(lambda _: raw, None)) + reconstruction_loss(
        raw.view(2, 1, 2, 4), torch.zeros(2, 1, 2, 4)
    )
    loss.sum().backward()
    assert loss.isfinite().all() and raw.grad.isfinite().all()


def test_losses_are_summed_in_single_precision():
    torch.manual_seed(0)
    raw = torch.randn(4, 1, 32, 32).bfloat16()
    x = to_unit(torch.randint(0, 256, (4, 1, 32, 32), dtype=torch.uint8))
    codes = torch.randn(4, 128).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        misfit = reconstruction_loss(raw, x)
        kl = kl_divergence(*encode(lambda _: codes, None))
    torch.testing.assert_close(misfit, reconstruction_loss(raw.float(), x), rtol=1e-6, atol=0)
    torch.testing.assert_close(kl, kl_divergence(*codes.float().chunk(2, dim=1)), rtol=1e-6, atol=0)


def test_a_code_is_drawn_with_the_spread_that_the_encoder_gives():
    given, seen = torch.tensor([[5.0, 5.0, 1.0, 1.0]]), []  # means, logarithms of the variances
    model = {"encoder": lambda x: given.repeat(len(x), 1)}
    model["decoder"] = lambda z: seen.append(z) or torch.zeros(len(z), 1, 32, 32)
    VAE(latent_dim=2)._loss(model, torch.zeros(4000, 1, 32, 32), epoch=0)
    assert seen[0].mean().item() == pytest.approx(5, abs=0.1)
    assert seen[0].std().item() == pytest.approx(np.exp(0.5), rel=0.05)
