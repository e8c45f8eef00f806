"""f-AnoGAN: the gradient penalty, the two trainings, the score."""

import numpy as np
import pytest
import torch
from torch import nn

from ocnd_lib.detectors.f_anogan import FAnoGAN, gradient_penalty
from ocnd_lib.training import to_unit

SMALL = dict(latent_dim=4, width=4, epochs=2, encoder_epochs=2, batch_size=16)
NOISE = np.random.default_rng(5).integers(0, 256, (6, 1, 32, 32), dtype=np.uint8)


def halves(count: int, seed: int = 0) -> np.ndarray:
    """Images that are dark on the right and brighter on the left, each by its own amount."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 60, (count, 1, 32, 32))
    x[..., :16] += rng.integers(60, 190, (count, 1, 1, 1))
    return x.astype(np.uint8)


@pytest.fixture(scope="module")
def fitted() -> FAnoGAN:
    return FAnoGAN(**SMALL).fit(halves(48), x_validation=halves(5, 1))


def same(first: nn.Module, second: nn.Module) -> bool:
    return all(map(torch.equal, first.state_dict().values(), second.state_dict().values()))


class Plane(nn.Module):
    """A critic with the same gradient everywhere, of length 3."""

    def __init__(self):
        super().__init__()
        self.slope = nn.Parameter(torch.full((1024,), 3 / 32))
        self.seen = None

    def forward(self, x):
        self.seen = x
        return x.flatten(1) @ self.slope


def test_the_penalty_measures_how_far_the_gradient_is_from_one():
    critic, real, fake = Plane(), torch.ones(5, 1, 32, 32), torch.zeros(5, 1, 32, 32)
    penalty = gradient_penalty(critic, real, fake)
    assert penalty.item() == pytest.approx((3 - 1) ** 2, rel=1e-5)
    penalty.backward()
    torch.testing.assert_close(critic.slope.grad, torch.full((1024,), 2 * (3 - 1) / 32))
    shares = critic.seen.flatten(1)
    assert (shares == shares[:, :1]).all(), "one share for all pixels of an image"
    assert len(shares[:, 0].unique()) == 5 and 0 < shares.min() and shares.max() < 1


def test_critic_generator_and_encoder_learn():
    settings = SMALL | dict(width=8, epochs=20, encoder_epochs=6, learning_rate=4e-3)
    detector = FAnoGAN(**settings).fit(halves(64), x_validation=halves(5, 1))
    gaps, losses = ([c[key] for c in detector.curves_ if key in c] for key in ("gap", "loss"))
    assert len(gaps) == 20 and np.mean(gaps) > 0, "the critic prefers real images"
    with torch.no_grad():
        drawn = detector.state_["generator"](torch.rand(50, 4) * 2 - 1).mean(0)[0]
    assert drawn[:, :16].mean() > drawn[:, 16:].mean() + 0.3
    assert len(losses) == 6 and losses[-1] < 0.97 * losses[0]


def test_the_encoder_learns_while_generator_and_critic_rest(fitted):
    before = FAnoGAN(**SMALL | dict(encoder_epochs=0)).fit(halves(48), x_validation=halves(5, 1))
    for name, network in fitted.state_.items():
        assert same(network, before.state_[name]) == (name != "encoder")


@pytest.mark.parametrize("kappa", [0.0, 1.0])
def test_the_score_is_the_mean_over_pixels_and_over_features(fitted, kappa):
    detector = FAnoGAN(**SMALL | dict(kappa=kappa))
    detector.channels_, detector.state_ = fitted.channels_, fitted.state_
    generator, critic, encoder = (
        fitted.state_[k].eval() for k in ("generator", "critic", "encoder")
    )
    x = to_unit(torch.from_numpy(NOISE))
    with torch.no_grad():
        drawn = generator(encoder(x))
        pixels = (x - drawn).square().flatten(1).mean(1)
        features = (critic.features(x) - critic.features(drawn)).square().flatten(1).mean(1)
    np.testing.assert_allclose(detector.novelty_score(NOISE), pixels + kappa * features, rtol=1e-4)
