"""Grad-CAM of networks as callers have them: in bf16, autocast, inference mode, or wrongly."""

import numpy as np
import pytest
import torch
from torch import nn

from ocnd_lib.heatmaps import grad_cam, road
from ocnd_lib.networks import Critic


@pytest.fixture
def critic():
    torch.manual_seed(0)
    return Critic(1, 8).eval()


@pytest.fixture
def x():
    return torch.rand(3, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize(
    "mode", [torch.no_grad, torch.inference_mode, lambda: torch.autocast("cpu", torch.bfloat16)]
)
def test_grad_cam_is_the_same_in_every_mode(critic, x, mode):
    expected = grad_cam(critic, "body.2", x)
    assert expected.max() > 0
    with mode():
        np.testing.assert_array_equal(grad_cam(critic, "body.2", x), expected)
        np.testing.assert_array_equal(grad_cam(critic, "body.2", x.clone()), expected)


def test_grad_cam_of_a_bf16_network_is_nearly_that_of_a_float32_one(critic, x):
    expected = grad_cam(critic, "body.2", x)
    rounded = grad_cam(critic.bfloat16(), "body.2", x)
    assert rounded.dtype == np.float32 and next(critic.parameters()).dtype == torch.bfloat16
    assert np.corrcoef(rounded.ravel(), expected.ravel())[0, 1] > 0.99


def test_a_layer_without_use_and_no_image_are_said(critic, x):
    critic.spare = nn.Conv2d(1, 1, 1)
    with pytest.raises(ValueError, match="the logit does not hang on the layer 'spare'"):
        grad_cam(critic, "spare", x)
    assert grad_cam(critic, "body.2", x[:0]).shape == (0, 32, 32)
    with pytest.raises(ValueError, match="one map an image"):
        road(critic, x[:0], np.zeros((0, 32, 32)))
