import pytest
import torch
import torch.nn.functional as F

from ocnd_lib import few_channels
from ocnd_lib.few_channels import FromImage, ToImage
from ocnd_lib.networks import Critic, Decoder


def slopes(layer, plain, x):
    """Outputs and gradients on input, kernel and bias, of the layer and of the plain function."""
    both = []
    for f in (layer, plain):
        inputs = (x.clone().requires_grad_(), layer.weight, layer.bias)
        y = f(inputs[0])
        pull = torch.randn(y.shape, generator=torch.Generator().manual_seed(1))
        both.append((y, *torch.autograd.grad((y * pull).sum(), inputs)))
    return both


@pytest.mark.parametrize("channels", [1, 3, 8])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_both_layers_equal_the_plain_ones_with_every_gradient(channels, layout):
    torch.manual_seed(0)
    to = ToImage(16, channels).to(memory_format=layout)
    x = torch.randn(5, 16, 8, 8).to(memory_format=layout)
    ours, plain = slopes(to, lambda x: F.conv_transpose2d(x, to.weight, to.bias, 2, 1), x)
    torch.testing.assert_close(ours, plain, rtol=1e-4, atol=1e-4)
    of = FromImage(channels, 16).to(memory_format=layout)
    x = torch.randn(5, channels, 16, 16).to(memory_format=layout)
    ours, plain = slopes(of, lambda x: F.conv2d(x, of.weight, of.bias, 2, 1), x)
    torch.testing.assert_close(ours, plain, rtol=1e-4, atol=1e-4)


def test_the_networks_take_the_short_way_only_where_it_pays(monkeypatch):
    calls = []
    plain = few_channels.spread
    monkeypatch.setattr(few_channels, "spread", lambda *a: calls.append(1) or plain(*a))
    codes = torch.randn(2, 4, requires_grad=True)
    decoder, critic = Decoder(1, 4, 8), Critic(1, 8)
    torch.autograd.grad(critic(decoder(codes)).sum(), codes)
    assert len(calls) == 2  # the decoder's last layer, and the gradient on the critic's first
    with torch.autocast("cpu", torch.bfloat16):
        torch.autograd.grad(critic(decoder(codes)).sum(), codes)
    Decoder(8, 4, 8)(codes)  # many channels
    assert len(calls) == 2


def test_frozen_parts_get_no_gradient():
    layer = FromImage(1, 4).requires_grad_(False)
    x = torch.randn(2, 1, 8, 8, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad is not None and layer.weight.grad is None
