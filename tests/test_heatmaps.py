"""Maps of where a network looks, and how well they find an object."""

import numpy as np
import pytest
import torch
from pytorch_grad_cam import GradCAM
from sklearn.metrics import roc_auc_score
from torch import nn

from ocnd_lib.heatmaps import (
    baseline_maps,
    grad_cam,
    image_values,
    lift_of,
    pixel_auroc,
    randomised_correlations,
    road,
)
from ocnd_lib.networks import Critic


@pytest.fixture
def squares():
    """Masks of a square that is anywhere, and maps that see it through noise."""
    rng = np.random.default_rng(0)
    mask = np.zeros((20, 32, 32), bool)
    for one, top, left in zip(mask, *rng.integers(0, 22, (2, 20)), strict=True):
        one[top : top + 10, left : left + 10] = True
    return mask, mask + rng.random(mask.shape)


@pytest.fixture
def critic():
    torch.manual_seed(0)
    return Critic(1, 8).eval()


def test_grad_cam_is_the_packages_before_it_is_scaled(critic):
    x = torch.rand(5, 1, 32, 32) * 2 - 1
    heat = grad_cam(critic, "body.2", x)
    assert heat.shape == (5, 32, 32) and (heat >= 0).all()
    with GradCAM(critic, [critic.body[2]]) as cam:
        scaled = cam(input_tensor=x, targets=[lambda logit: logit.sum()] * 5)
    for mine, theirs in zip(heat, scaled, strict=True):
        assert np.corrcoef(mine.ravel(), theirs.ravel())[0, 1] > 0.99
    # and the network is left as it was, whatever the mode of its parts
    critic.train().body.eval().requires_grad_(False)
    before = [value.clone() for value in critic.state_dict().values()]
    np.testing.assert_array_equal(grad_cam(critic, "body.2", x), heat)
    assert critic.training and all(map(torch.equal, before, critic.state_dict().values()))
    assert critic.head.training and not any(part.training for part in critic.body.modules())
    assert critic.head.weight.requires_grad and not critic.body[0].weight.requires_grad
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        np.testing.assert_array_equal(grad_cam(critic, "body.2", x), heat)
    with torch.no_grad():
        critic.head.weight.mul_(3)
    np.testing.assert_allclose(grad_cam(critic, "body.2", x), 3 * heat, rtol=1e-3, atol=1e-7)


class Corner(nn.Module):
    """Its logit is the mean of the upper left quarter."""

    def forward(self, x):
        return x[:, :, :16, :16].mean((1, 2, 3))


@pytest.fixture
def corner():
    """A network that looks at one quarter only, images that are bright there, and maps of it."""
    rng = np.random.default_rng(7)  # not the seed by which ties are settled
    heat = np.zeros((6, 32, 32))
    heat[:, :16, :16] = 1
    x = torch.from_numpy(0.2 * rng.random((6, 1, 32, 32)) - 1 + heat[:, None]).float()
    return Corner(), x, heat


def test_road_is_above_0_where_the_hottest_pixels_matter_and_below_where_they_do_not(corner):
    network, x, heat = corner
    found = road(network, x, heat)
    assert (found > 0.05).all()
    assert (road(network, x, 1 - heat) < -0.05).all()
    np.testing.assert_array_equal(found, road(network, x, 9 * heat))
    nothing = road(network, x, np.zeros_like(heat))  # all pixels tie, and none but a share goes
    assert np.abs(nothing).max() < 0.1 * found.min()


def test_road_is_the_same_again_and_disturbs_nothing(corner, critic):
    _, x, heat = corner
    critic.train()
    before = [value.clone() for value in critic.state_dict().values()]
    first = road(critic, x, heat)
    torch.rand(1)  # the noise does not hang on what was drawn before
    state = torch.get_rng_state()
    np.testing.assert_array_equal(first, road(critic, x, heat))
    assert critic.training and torch.equal(state, torch.get_rng_state())
    assert all(map(torch.equal, before, critic.state_dict().values()))
    with pytest.raises(ValueError, match=r"one map an image, .*not \(5, 32, 32\)"):
        road(critic, x, heat[:5])


def test_weights_are_randomised_from_the_last_layer_to_the_first(critic):
    x = torch.rand(4, 1, 32, 32) * 2 - 1
    before = [value.clone() for value in critic.state_dict().values()]
    found = randomised_correlations(critic, "body.2", x)
    assert list(found) == ["head", "body.3.1", "body.3.0", "body.2.1", "body.2.0", "body.0"]
    values = np.array(list(found.values()))
    assert values.shape == (6, 4) and (np.abs(values) < 0.999).all()
    assert all(map(torch.equal, before, critic.state_dict().values()))
    with torch.no_grad():
        critic.head.weight.zero_()  # a dark map correlates with none
    found = randomised_correlations(critic, "body.2", x)
    np.testing.assert_array_equal(list(found.values()), 0)


def test_pixel_auroc_is_scikit_learns_with_ties(squares):
    mask, heat = squares
    coarse = np.round(heat, 1)
    expected = [roc_auc_score(m.ravel(), h.ravel()) for m, h in zip(mask, coarse, strict=True)]
    np.testing.assert_allclose(pixel_auroc(coarse, mask), expected)
    with pytest.raises(ValueError, match="at least 0"):
        pixel_auroc(-heat, mask)


def test_lift_is_paired_and_its_interval_tells_a_finder_from_a_baseline(squares):
    mask, heat = squares
    values = image_values(heat, mask).values()
    assert len(values) == 3
    for row in (lift_of(*pair) for pair in values):
        assert row["lift"] == pytest.approx(row["value"] - row["baseline_value"])
        assert row["low"] <= row["lift"] <= row["high"] and row["low"] > 0
    centre = baseline_maps(20)["centre"]
    assert lift_of(*image_values(centre, mask)["centre"])["lift"] == 0
    random = np.random.default_rng(5).random(mask.shape)
    assert lift_of(*image_values(random, mask)["uniform"])["low"] < 0.01


def test_images_without_an_object_are_left_out(squares):
    mask, heat = squares
    mask[0], mask[1] = False, True
    values = pixel_auroc(heat, mask)
    assert np.isnan(values[:2]).all() and np.isfinite(values[2:]).all()
    with pytest.raises(ValueError, match="no object"):
        image_values(heat, np.zeros_like(mask))


def test_a_layer_without_use_and_no_image_are_said(critic):
    x, critic.spare = torch.zeros(3, 1, 32, 32), nn.Conv2d(1, 1, 1)
    with pytest.raises(ValueError, match="the logit does not hang on the layer 'spare'"):
        grad_cam(critic, "spare", x)
    assert grad_cam(critic, "body.2", x[:0]).shape == (0, 32, 32)
    with pytest.raises(ValueError, match="one map an image"):
        road(critic, x[:0], np.zeros((0, 32, 32)))
