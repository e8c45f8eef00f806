"""GAN and AnoGAN: one training, one search for codes, two scores, and scoring changes nothing."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from ocnd_lib.detectors.anogan import AnoGAN
from ocnd_lib.detectors.gan import GAN, latent_search
from ocnd_lib.networks import Decoder, uniform_codes
from ocnd_lib.training import to_unit

SMALL = dict(latent_dim=4, width=4, epochs=2, batch_size=16, candidates=8, search_steps=3)
NOISE = np.random.default_rng(5).integers(0, 256, (6, 1, 32, 32), dtype=np.uint8)


def halves(count: int, seed: int = 0) -> np.ndarray:
    """Images that are bright on the left and dark on the right."""
    x = np.random.default_rng(seed).integers(0, 60, (count, 1, 32, 32))
    x[..., :16] += 190
    return x.astype(np.uint8)


@pytest.fixture(scope="module")
def gan() -> GAN:
    return GAN(**SMALL).fit(halves(48), x_validation=halves(24, 1))


@pytest.fixture(scope="module")
def generator() -> nn.Module:
    torch.manual_seed(0)
    network = Decoder(1, 4, width=4)
    with torch.no_grad():
        network(uniform_codes(64, 4))  # gives batch norm some statistics
    for weights in network.parameters():
        weights.data.mul_(5)  # so that different codes draw different things
    return network.eval()


def test_the_generator_comes_to_resemble_the_images_and_the_critic_tells_them_apart():
    bright = 255 - halves(64) // 8
    # at higher rates either may win, which differs between processors
    settings = SMALL | dict(epochs=15, learning_rate=3e-3, seed=3)
    detector = GAN(**settings).fit(bright, x_validation=bright[:5])
    with torch.no_grad():
        drawn = detector.state_["generator"](uniform_codes(50, 4))
        critic = detector.state_["critic"]
        assert critic(to_unit(torch.from_numpy(bright))).mean() > critic(drawn).mean() + 1
    assert drawn.mean() > 0.1  # it began at 0; the images are at 0.8


@pytest.fixture(scope="module")
def anogan(gan):
    """Makes an AnoGAN of the GAN's networks, with its way of scoring."""
    generator = copy.deepcopy(gan.state_["generator"]).train()
    with torch.no_grad():
        for weights in generator.parameters():
            weights.mul_(5)  # two epochs do not bring it to draw different things
        generator(uniform_codes(64, 4))  # batch norm has to know

    def made(**changes) -> AnoGAN:
        detector = AnoGAN(**SMALL | changes)
        detector.channels_ = 1
        detector.state_ = {"generator": generator.eval(), "critic": gan.state_["critic"].eval()}
        return detector

    return made


def test_the_search_lowers_the_loss_of_every_image_and_stays_in_the_cube(generator):
    x = generator(uniform_codes(6, 4)).detach()
    before = [p.clone() for p in generator.parameters()]

    def loss(drawn):
        return (x - drawn).abs().sum((1, 2, 3))

    starts = torch.zeros(6, 4)
    codes, left = latent_search(generator, loss, starts, steps=40, rate=0.1)
    assert (left < 0.7 * loss(generator(starts))).all()
    torch.testing.assert_close(loss(generator(codes)), left)
    assert torch.equal(starts, torch.zeros(6, 4))
    # far outside, where nothing was ever trained, the search may not go
    codes, _ = latent_search(generator, lambda drawn: -drawn.sum((1, 2, 3)), starts, 40, rate=1.0)
    assert codes.abs().max() == 1
    assert all(torch.equal(a, b) for a, b in zip(before, generator.parameters(), strict=True))
    assert all(p.grad is None for p in generator.parameters())


def test_what_is_redrawn_is_what_the_search_leaves(gan):
    x = halves(5, 2)
    redrawn = gan.pictures(x)["redrawn"].astype(float)
    left = np.abs(redrawn - x).sum((1, 2, 3)) / 127.5
    terms = gan._batchwise(gan._terms, x)
    np.testing.assert_allclose(left, terms[:, 1], rtol=0.05)  # pixels are rounded


def test_both_halves_of_the_score_are_standardised_on_validation_images(gan):
    terms = gan._batchwise(gan._terms, halves(24, 1))
    standard = (terms - gan.state_["centre"]) / gan.state_["spread"]
    np.testing.assert_allclose(standard.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(standard.std(0), 1, atol=1e-3)
    np.testing.assert_allclose(gan.novelty_score(halves(24, 1)), standard.sum(1), atol=1e-3)


def test_what_the_discriminator_finds_more_real_is_less_novel(gan):
    trusting = copy.deepcopy(gan)
    trusting.state_["critic"].head.bias.data += 2
    lower = gan.novelty_score(halves(5, 2)) - trusting.novelty_score(halves(5, 2))
    np.testing.assert_allclose(lower, 2 / gan.state_["spread"][0], rtol=1e-3)


@pytest.mark.parametrize("weight", [0.0, 0.1])
def test_the_score_is_the_weighted_sum_of_pixels_and_features(anogan, weight):
    detector = anogan(search_steps=0, candidates=1, restarts=1, feature_weight=weight)
    generator, critic = detector.state_.values()
    x = to_unit(torch.from_numpy(NOISE))
    with torch.no_grad():
        drawn = generator(uniform_codes(1, 4, torch.Generator().manual_seed(detector.seed)))
        pixels = (x - drawn).abs().sum((1, 2, 3))
        # the features are those that the critic's last layer weighs
        seen = []
        hook = critic.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        critic(x), critic(drawn)
        hook.remove()
        features = (seen[0] - seen[1]).abs().sum((1, 2, 3))
    expected = (1 - weight) * pixels + weight * features
    np.testing.assert_allclose(detector.novelty_score(NOISE), expected, rtol=1e-4)


def test_more_steps_and_more_restarts_never_find_less(anogan):
    score = lambda **changes: anogan(**changes).novelty_score(NOISE)  # noqa: E731
    assert (score(restarts=1, search_steps=20) < score(restarts=1, search_steps=0)).all()
    # the starts are ranked by pixels, so by features the first is often not the best
    one, all_eight = (score(restarts=n, feature_weight=1.0) for n in (1, 8))
    assert (all_eight <= one + 1e-3).all() and (all_eight < one - 1e-3).any()


def test_an_image_that_the_generator_draws_is_hardly_novel(anogan):
    detector = anogan(search_steps=0)
    codes = uniform_codes(8, 4, torch.Generator().manual_seed(detector.seed))
    with torch.no_grad():
        drawn = detector.state_["generator"](codes)
    own = ((drawn + 1) * 127.5).round().to(torch.uint8).numpy()
    assert detector.novelty_score(own).max() < 0.05 * detector.novelty_score(NOISE).min()
