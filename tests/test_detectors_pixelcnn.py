"""The PixelCNN: what may see what, and that its numbers are a likelihood."""

import itertools

import numpy as np
import pytest
import torch

from ocnd_lib.detectors.pixelcnn import (
    LEVELS,
    PixelCNN,
    PixelNetwork,
    bits_per_dimension,
)


def in_order(values: torch.Tensor) -> torch.Tensor:
    """(N, ..., C, H, W) → (N, ..., H·W·C): by rows, then from left to right, then by colours."""
    return values.movedim(-3, -1).flatten(-3)


def network(colours: int, width: int = 12, blocks: int = 2) -> PixelNetwork:
    torch.manual_seed(0)
    made = PixelNetwork(colours, width, blocks).double()
    for weight in made.parameters():  # large, so that every way through the network counts
        torch.nn.init.normal_(weight, 0, 0.5)
    return made


@torch.no_grad()
def check_causality(made: PixelNetwork, colours: int, side: int = 10) -> None:
    """Change everything from one value on: logits up to it must stay, later ones must not."""
    x = torch.randn(8, colours, side, side, dtype=torch.float64)
    before = in_order(made(x))
    places = [(0, 0), (0, side - 1), (1, 0), (4, 5), (side - 1, side - 1)]
    for (row, column), colour in itertools.product(places, range(colours)):
        value = (row * side + column) * colours + colour
        future = torch.arange(side * side * colours) >= value
        future = future.view(side, side, colours).movedim(-1, 0)
        after = in_order(made(torch.where(future, torch.randn_like(x), x)))
        torch.testing.assert_close(
            after[..., : value + 1], before[..., : value + 1], rtol=0, atol=1e-12
        )
        if value + 1 < (row + 1) * side * colours:
            following = (after - before)[..., value + 1].abs().sum()
            assert following > 1e-6, "the value just after it does not see it"


@pytest.mark.parametrize("colours", [1, 3])
def test_no_value_sees_itself_or_a_later_one(colours):
    check_causality(network(colours), colours)


def test_training_does_not_open_the_masks():
    x = np.random.default_rng(0).integers(0, 256, (20, 3, 32, 32), dtype=np.uint8)
    model = PixelCNN(width=12, blocks=1, epochs=1, batch_size=8, learning_rate=1e-2).fit(x)
    check_causality(model.state_["pixels"].double(), 3)


@torch.no_grad()
@pytest.mark.parametrize(("colours", "shape"), [(1, (1, 2)), (1, (2, 1)), (3, (1, 1))])
def test_the_probabilities_of_all_images_sum_to_one(colours, shape):
    size = colours * shape[0] * shape[1]
    levels = torch.tensor(list(itertools.product(range(LEVELS), repeat=size)))
    images = ((levels * 16 + 8) / 127.5 - 1).view(-1, colours, *shape)
    bits = bits_per_dimension(network(colours).float(), images)
    assert (2.0 ** (-bits.double() * size)).sum() == pytest.approx(1, abs=1e-4)
    assert bits.std() > 0.1


def test_it_learns_what_follows_from_the_pixels_before():
    rng = np.random.default_rng(0)
    columns = np.repeat(rng.integers(0, 256, (60, 1, 1, 32), dtype=np.uint8), 32, axis=2)
    model = PixelCNN(width=16, blocks=1, epochs=8, batch_size=8, learning_rate=1e-2).fit(columns)
    # all levels are equally frequent, so that without the pixels before a value costs 4 bits
    assert model.curves_[0]["loss"] > 3 > model.curves_[-1]["loss"]
    shuffled = rng.permuted(columns, axis=3)
    assert model.novelty_score(shuffled).min() > model.novelty_score(columns).max()
