"""The fast convolutions are the ordinary ones, in value and in gradient."""

import pytest
import torch
import torch.nn.functional as F

from ocnd_lib import winograd
from ocnd_lib.networks import VGG11


@pytest.mark.parametrize("size", winograd.SIZES)
@pytest.mark.parametrize("bias", [True, False])
def test_convolution_and_its_gradients_equal_torch(size, bias):
    torch.manual_seed(size)
    x = torch.randn(3, 5, size, size, dtype=torch.float64, requires_grad=True)
    conv = torch.nn.Conv2d(5, 7, 3, padding=1, bias=bias, dtype=torch.float64)
    upstream = torch.randn(3, 7, size, size, dtype=torch.float64)
    expected = torch.autograd.grad(conv(x), [x, *conv.parameters()], upstream)

    pixels = x.permute(2, 3, 0, 1).reshape(size**2, 3, 5)
    y = winograd.conv3x3(pixels, conv.weight, conv.bias)
    y = y.view(size, size, 3, 7).permute(2, 3, 0, 1)
    assert torch.allclose(y, conv(x), atol=1e-12)
    for ours, theirs in zip(
        torch.autograd.grad(y, [x, *conv.parameters()], upstream), expected, strict=True
    ):
        assert torch.allclose(ours, theirs, atol=1e-11)


def test_single_precision_error_is_small():
    torch.manual_seed(0)
    x = torch.randn(8, 64, 8, 8)
    weight = torch.randn(32, 64, 3, 3) / 24
    y = winograd.conv3x3(x.permute(2, 3, 0, 1).reshape(64, 8, 64), weight, None)
    exact = F.conv2d(x.double(), weight.double(), padding=1).permute(2, 3, 0, 1).reshape(64, 8, 32)
    assert (y - exact).abs().max() < 2e-5 * exact.abs().max()


@pytest.mark.parametrize("batch_norm", [True, False])
def test_fast_vgg11_equals_its_layers_in_loss_gradients_and_statistics(batch_norm):
    torch.manual_seed(1)
    fast, plain = VGG11(batch_norm=batch_norm).double(), VGG11(batch_norm=batch_norm).double()
    plain.load_state_dict(fast.state_dict())
    plain.fast = False
    x, y = torch.randn(4, 3, 32, 32, dtype=torch.float64), torch.tensor([0, 1, 0, 1])
    losses = [F.cross_entropy(model(x), y) for model in (fast, plain)]
    assert torch.allclose(*losses, atol=1e-12)
    for loss in losses:
        loss.backward()
    for (name, a), b in zip(fast.named_parameters(), plain.parameters(), strict=True):
        assert torch.allclose(a.grad, b.grad, atol=1e-9 * b.grad.abs().max()), name
    for (name, a), b in zip(fast.named_buffers(), plain.buffers(), strict=True):
        assert torch.allclose(a, b), name


def test_a_saved_fast_network_loads_into_an_ordinary_one(tmp_path):
    model = VGG11()
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    other = VGG11()
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    x = torch.randn(2, 3, 32, 32)
    assert torch.equal(model.eval()(x), other.eval()(x))


def test_hooks_fire_when_fast_is_off():
    model = VGG11().eval()
    model.fast = False
    seen = []
    model.features[-3].register_forward_hook(lambda module, *_: seen.append(type(module).__name__))
    model(torch.randn(1, 3, 32, 32))
    assert seen
