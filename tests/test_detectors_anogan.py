"""AnoGAN: its score, its searches, and that scoring changes nothing."""

import numpy as np
import pytest
import torch

from ocnd_lib import experiments, registry
from ocnd_lib.detectors.anogan import AnoGAN
from ocnd_lib.networks import uniform_codes
from ocnd_lib.training import Descent, seconds_trained, to_unit

SMALL = dict(latent_dim=4, width=4, epochs=2, batch_size=16, candidates=8, search_steps=4)
NOISE = np.random.default_rng(5).integers(0, 256, (6, 1, 32, 32), dtype=np.uint8)


def halves(count: int, seed: int = 0) -> np.ndarray:
    """Images that are bright on the left and dark on the right."""
    x = np.random.default_rng(seed).integers(0, 60, (count, 1, 32, 32))
    x[..., :16] += 190
    return x.astype(np.uint8)


@pytest.fixture(scope="module")
def fitted() -> AnoGAN:
    detector = AnoGAN(**SMALL).fit(halves(48), x_validation=halves(5, 1))
    generator = detector.state_["generator"].train()
    with torch.no_grad():
        for weights in generator.parameters():
            weights.mul_(5)  # two epochs do not bring it to draw different things
        generator(uniform_codes(64, 4))  # batch norm has to know
    return detector


def again(fitted: AnoGAN, **changes) -> AnoGAN:
    """The same networks under another way of scoring."""
    detector = AnoGAN(**SMALL | changes)
    detector.channels_, detector.state_ = fitted.channels_, fitted.state_
    return detector


@pytest.mark.parametrize("weight", [0.0, 0.1])
def test_the_score_is_the_weighted_sum_of_pixels_and_features(fitted, weight):
    detector = again(fitted, search_steps=0, candidates=1, restarts=1, feature_weight=weight)
    generator, critic = (fitted.state_[k].eval() for k in ("generator", "critic"))
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


def test_more_steps_and_more_restarts_never_find_less(fitted):
    score = lambda **changes: again(fitted, **changes).novelty_score(NOISE)  # noqa: E731
    assert (score(restarts=1, search_steps=20) < score(restarts=1, search_steps=0)).all()
    # the starts are ranked by pixels, so by features the first is often not the best
    one, all_eight = (score(restarts=n, feature_weight=1.0) for n in (1, 8))
    assert (all_eight <= one + 1e-3).all() and (all_eight < one - 1e-3).any()


def test_an_image_that_the_generator_draws_is_hardly_novel(fitted):
    generator = fitted.state_["generator"].eval()
    with torch.no_grad():
        drawn = generator(uniform_codes(8, 4, torch.Generator().manual_seed(fitted.seed)))
    own = ((drawn + 1) * 127.5).round().to(torch.uint8).numpy()
    detector = again(fitted, search_steps=0)
    assert detector.novelty_score(own).max() < 0.05 * detector.novelty_score(NOISE).min()


def test_cells_of_gan_and_anogan_train_their_gan_once(tmp_path, monkeypatch):
    small = {"epochs": 2, "width": 4, "candidates": 8, "search_steps": 2}
    for method in ("gan", "anogan"):
        monkeypatch.setitem(registry.SETTINGS, ("digits", method), small)
    alone = experiments.run_cell("digits/anogan/8/0", tmp_path / "alone" / "records", "cpu")
    both = tmp_path / "both" / "records"
    first = experiments.run_cell("digits/gan/8/0", both, "cpu")
    (kept,) = (tmp_path / "both" / "checkpoints").rglob("shared.pt")

    def no_step(self, loss):
        raise AssertionError("trained again")

    monkeypatch.setattr(Descent, "__call__", no_step)
    with pytest.raises(AssertionError, match="trained again"):  # another training is not the same
        experiments.run_cell("digits/anogan+epochs=3/8/0", both, "cpu")
    second = experiments.run_cell("digits/anogan/8/0", both, "cpu")
    assert second["metrics"] == alone["metrics"] and second["curves"] == first["curves"]
    assert second["seconds"] >= seconds_trained(kept) > 0
    # another search is no other training
    experiments.run_cell("digits/gan+search_steps=1/8/0", both, "cpu")
