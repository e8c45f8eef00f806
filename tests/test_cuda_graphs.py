"""Recorded steps: on a GPU what the plain loop does, and a checkpoint goes to and from a CPU."""

import numpy as np
import pytest
import torch
from torch import nn

from ocnd_lib.cuda_graphs import Recorded
from ocnd_lib.detectors.ocgan import OCGAN
from ocnd_lib.training import Checkpoint

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
SMALL = {"latent_dim": 8, "width": 16, "batch_size": 32, "device": "cuda"}


def images(count: int = 320) -> np.ndarray:
    """Squares of random place and grey."""
    rng = np.random.default_rng(0)
    x = np.zeros((count, 1, 32, 32), np.uint8)
    drawn = rng.integers(0, [20, 20, 200], (count, 3))
    for picture, (row, column, grey) in zip(x, drawn, strict=True):
        picture[0, row : row + 12, column : column + 12] = 55 + grey
    return x


@pytest.mark.parametrize("here", [True, False], ids=["on a GPU", "on a CPU"])
def test_an_optimiser_goes_on_on_another_kind_of_device(here, tmp_path):
    """A checkpoint of a GPU holds optimisers that count their steps there, and a CPU's does not."""
    weights = [nn.Parameter(torch.ones(3)) for _ in range(2)]
    there, own = (
        torch.optim.Adam([weight], capturable=of)
        for weight, of in zip(weights, (False, here), strict=True)
    )
    weights[0].grad = torch.ones(3)
    there.step()
    there.param_groups[0]["capturable"] = not here  # as it comes from the other
    path, generator = tmp_path / "checkpoint.pt", torch.Generator()
    Checkpoint(path, generator, "", optimiser=there).save()
    Checkpoint(path, generator, "", optimiser=own)
    assert own.param_groups[0]["capturable"] is here
    assert own.state[weights[1]]["step"] == 1


@on_gpu
def test_a_recorded_ocgan_has_the_losses_of_the_plain_loop(monkeypatch):
    curves = [OCGAN(**SMALL, epochs=6).fit(images()).curves_]
    monkeypatch.setattr(Recorded, "__call__", lambda self, *x, **flags: self.step(*x, **flags))
    curves.append(OCGAN(**SMALL, epochs=6).fit(images()).curves_)
    for recorded, plain in zip(*curves, strict=True):
        assert recorded == pytest.approx(plain, rel=0.1, abs=0.02)
