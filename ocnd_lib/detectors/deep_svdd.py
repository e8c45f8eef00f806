"""Deep SVDD: novel is what a network maps far from the point where it gathers normal images."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import MultiStepLR

from ocnd_lib.detectors.base import DeepDetector
from ocnd_lib.training import Checkpoint, Descent, batch_count, choose_hardware, learn, to_unit


@dataclass(eq=False, repr=False)
class DeepSVDD(DeepDetector):
    """One-class Deep SVDD with the networks of Ruff et al. (ICML 2018).

    Score: squared distance of the code from the centre. Images of one channel lose two pixels at
    each edge (MNIST gets its 28x28 back); all get contrast normalisation. The encoder starts as
    that of an autoencoder. The paper has five times the epochs, at a fifth of the rate.
    """

    may_be_0 = DeepDetector.may_be_0 | {"epochs"}  # the networks as the autoencoder leaves them

    pretrain_epochs: int = 30  # of the autoencoder
    epochs: int = 30
    batch_size: int = 200
    learning_rate: float = 5e-4  # a tenth of it after a third of either training
    pretrain_decay: float = 5e-4  # weight decay of the autoencoder
    weight_decay: float = 5e-7

    def hardware(self):
        # bf16 keeps 8 bits: it would round away the small distances that the score is made of
        return choose_hardware(self.device, "fp32")

    def _networks(self) -> dict[str, nn.Module]:
        encoder = lenet(self.channels_)
        sphere = Sphere(encoder[-1].out_features)
        return {"contrast": Contrast(), "encoder": encoder, "sphere": sphere}

    def _learn(self, x: np.ndarray, x_validation: np.ndarray, checkpoint: Path | None) -> None:
        hardware, order, x, model = self._begin(x)
        contrast, encoder, sphere = model.values()
        contrast.fit(x)
        decoder = hardware.place(mirrored_lenet(self.channels_))
        both = nn.ModuleDict({"encoder": encoder, "decoder": decoder})
        in_epoch = batch_count(len(x), self.batch_size)
        pretrain = self._descent(both, self.pretrain_epochs, in_epoch, self.pretrain_decay)
        train = self._descent(encoder, self.epochs, in_epoch, self.weight_decay)
        parts = {"model": model, "decoder": decoder, "pretrain": pretrain, "train": train}
        state = Checkpoint(checkpoint, order, self._of(x), **parts)

        def redraw(images: Tensor, number: int) -> dict[str, float]:
            images = contrast(images)
            error = (decoder(encoder(images)) - images).square().sum((1, 2, 3)).mean()
            return {"autoencoder_loss": pretrain(error)}

        def gather(images: Tensor, number: int) -> dict[str, float]:
            return {"loss": train(sphere(encoder(contrast(images))).mean())}

        self.curves_ = state.curves
        learn(redraw, both, x, self.batch_size, state, self.pretrain_epochs)
        if state.epoch == self.pretrain_epochs:
            encoder.eval()
            with torch.no_grad():
                sphere.centre_on(torch.cat([encoder(contrast(to_unit(p))) for p in x.split(500)]))
        learn(gather, encoder, x, self.batch_size, state, self.pretrain_epochs + self.epochs)
        self.state_ = dict(model.items())

    def _descent(self, network: nn.Module, epochs: int, in_epoch: int, decay: float) -> Descent:
        third = max(1, epochs // 3) * in_epoch
        falls = lambda optimiser, steps: MultiStepLR(optimiser, [third])  # noqa: E731
        steps = epochs * in_epoch
        return Descent(network, self.learning_rate, steps, falls, weight_decay=decay)

    def _score(self, x: Tensor) -> Tensor:
        contrast, encoder, sphere = self.state_.values()
        return sphere(encoder(contrast(x)))


class Contrast(nn.Module):
    """Global contrast normalisation (L1), then the scale on which the images of `fit` span [0, 1].

    Images (N, C, 32, 32) in [-1, 1] → (N, 1, 28, 28) or (N, 3, 32, 32).
    """

    def __init__(self):
        super().__init__()
        self.register_buffer("low", torch.zeros(()))
        self.register_buffer("high", torch.ones(()))

    def fit(self, x: Tensor) -> None:
        """Learn the range of uint8 images; ValueError if none of them has any contrast."""
        limits = [normalised(to_unit(part)).aminmax() for part in x.split(500)]
        self.low.copy_(torch.stack([low for low, _ in limits]).amin())
        self.high.copy_(torch.stack([high for _, high in limits]).amax())
        if self.high - self.low < 0.5:
            raise ValueError("all training images are of one colour; give images with contrast")

    def forward(self, x: Tensor) -> Tensor:
        return (normalised(x) - self.low) / (self.high - self.low)


def normalised(x: Tensor) -> Tensor:
    """Crop one-channel images to 28 pixels; give each image mean 0 and mean absolute value 1."""
    if x.shape[1] == 1:
        x = x[:, :, 2:-2, 2:-2]
    x = x - x.mean((1, 2, 3), keepdim=True)
    # one grey level in one pixel makes 5e-6; what rounding leaves of a blank image is below 1e-6
    return x / x.abs().mean((1, 2, 3), keepdim=True).clamp(min=2e-6)


class Sphere(nn.Module):
    """Codes (N, D) → squared distances (N,) from the centre."""

    def __init__(self, size: int):
        super().__init__()
        self.register_buffer("centre", torch.zeros(size))

    def centre_on(self, codes: Tensor) -> None:
        """Put the centre on the mean code, but no coordinate nearer to 0 than 0.1."""
        # a network can always map everything to 0: by weights that vanish
        mean = codes.mean(0)
        self.centre.copy_(torch.where(mean < 0, mean.clamp(max=-0.1), mean.clamp(min=0.1)))

    def forward(self, codes: Tensor) -> Tensor:
        return (codes - self.centre).square().sum(1)


def lenet(channels: int) -> nn.Sequential:
    """The paper's encoder: (N, 1, 28, 28) → (N, 32), or (N, 3, 32, 32) → (N, 128).

    No layer learns a constant: convolutions have no bias, batch norm no gain and no shift. With one
    that does, training maps every image to the centre (the paper's proposition 2).
    """
    widths, side, size = {1: ((1, 8, 4), 7, 32), 3: ((3, 32, 64, 128), 4, 128)}[channels]
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        conv = nn.Conv2d(before, after, 5, padding=2, bias=False)
        layers += [conv, *_rectifier(after), nn.MaxPool2d(2)]
    linear = nn.Linear(widths[-1] * side**2, size, bias=False)
    return nn.Sequential(*layers, nn.Flatten(), linear).apply(_xavier)


def mirrored_lenet(channels: int) -> nn.Sequential:
    """The paper's decoder, which pretraining needs: codes of `lenet` → its images in (0, 1)."""
    larger = lambda: nn.Upsample(scale_factor=2)  # noqa: E731
    if channels == 1:
        layers = [nn.Unflatten(1, (2, 4, 4)), nn.LeakyReLU(0.01), larger()]
        plan = ((2, 4, 2), (4, 8, 3), (8, 1, 2))  # padding 3 makes 14 pixels of 16
    else:
        layers = [nn.BatchNorm1d(128, eps=1e-4, affine=False)]
        layers += [nn.Unflatten(1, (8, 4, 4)), nn.LeakyReLU(0.01)]
        plan = ((8, 128, 2), (128, 64, 2), (64, 32, 2), (32, 3, 2))
    for before, after, padding in plan:
        layers.append(nn.ConvTranspose2d(before, after, 5, padding=padding, bias=False))
        if after != channels:
            layers += [*_rectifier(after), larger()]
    return nn.Sequential(*layers, nn.Sigmoid()).apply(_xavier)


def _rectifier(channels: int) -> tuple[nn.Module, nn.Module]:
    return nn.BatchNorm2d(channels, eps=1e-4, affine=False), nn.LeakyReLU(0.01)


def _xavier(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.xavier_uniform_(module.weight, nn.init.calculate_gain("leaky_relu", 0.01))
