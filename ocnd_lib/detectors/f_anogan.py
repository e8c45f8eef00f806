"""f-AnoGAN: an encoder takes the place of AnoGAN's search, so that scoring is one look."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ocnd_lib.detail import reconstruction_error
from ocnd_lib.detectors.base import DeepDetector
from ocnd_lib.networks import Decoder, Encoder, uniform_codes
from ocnd_lib.training import Checkpoint, Descent, batch_count, learn


@dataclass(eq=False, repr=False)
class FAnoGAN(DeepDetector):
    """WGAN-GP of the normal class, then an encoder that inverts its generator (izi_f).

    Score, and what the encoder learns to lower: the mean of (x - G(E(x)))² over pixels in [-1, 1]
    plus `kappa` times that of (f(x) - f(G(E(x))))² over the critic's last feature maps f. Source:
    Schlegl et al. 2019, with residual networks for 64 pixels and many more steps.
    """

    draws = True

    latent_dim: int = 32  # size of the codes; the paper's are 128
    width: int = 32  # channels at 16 pixels
    epochs: int = 12  # of critic and generator
    encoder_epochs: int = 6
    critic_steps: int = 2  # for each step of the generator
    gradient_penalty: float = 10.0
    kappa: float = 1.0  # weight of the features beside the pixels
    batch_size: int = 64
    learning_rate: float = 4e-4  # of critic and generator; falls to zero along a cosine
    encoder_rate: float = 1e-3  # so does this

    def _networks(self) -> dict[str, nn.Module]:
        return {
            "generator": Decoder(self.channels_, self.latent_dim, self.width),
            "critic": LipschitzCritic(self.channels_, self.width),
            "encoder": Encoder(self.channels_, self.latent_dim, self.width),
        }

    def _learn(self, x: np.ndarray, x_validation: np.ndarray, checkpoint: Path | None) -> None:
        hardware, order, x, model = self._begin(x)
        self.state_ = dict(model.items())
        generator, critic, encoder = model.values()
        in_epoch, rate = batch_count(len(x), self.batch_size), self.learning_rate
        steps, encoder_steps = self.epochs * in_epoch, self.encoder_epochs * in_epoch
        descend_d = Descent(critic, rate, steps, betas=(0.0, 0.9))
        descend_g = Descent(generator, rate, steps // self.critic_steps, betas=(0.0, 0.9))
        descend_e = Descent(encoder, self.encoder_rate, encoder_steps)
        parts = {"descend_d": descend_d, "descend_g": descend_g, "descend_e": descend_e}
        state = Checkpoint(checkpoint, order, self._of(x), model=model, **parts)

        def draw(images: Tensor, number: int) -> dict[str, float]:
            codes = uniform_codes(len(images), self.latent_dim).to(images.device)
            with hardware.autocast():
                drawn = generator(codes)
                gap = critic(images).float().mean() - critic(drawn.detach()).float().mean()
            penalty = gradient_penalty(critic, images, drawn.detach().float())
            descend_d(self.gradient_penalty * penalty - gap)
            if number % self.critic_steps == 0:
                with hardware.autocast():
                    fooled = critic(drawn).float()
                descend_g(-fooled.mean())
            return {"gap": gap.item()}

        def encode(images: Tensor, number: int) -> dict[str, float]:
            with hardware.autocast():
                loss = self._score(images).mean()
            return {"loss": descend_e(loss)}

        self.curves_ = state.curves
        learn(draw, model, x, self.batch_size, state, self.epochs)
        model.eval()  # generator and critic rest
        learn(encode, encoder, x, self.batch_size, state, self.epochs + self.encoder_epochs)

    def reconstruct(self, x: Tensor) -> Tensor:
        return self.decode(self.state_["encoder"](x))

    def decode(self, codes: Tensor) -> Tensor:
        return self.state_["generator"](codes)

    def _score(self, x: Tensor) -> Tensor:
        generator, critic, encoder = self.state_.values()
        drawn = generator(encoder(x)).float()
        pixels = reconstruction_error(x, drawn)
        features = critic.features(x).float() - critic.features(drawn).float()
        return pixels + self.kappa * features.square().mean((1, 2, 3))


def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """Mean of (|gradient of the critic| - 1)² between real and fake (Gulrajani et al. 2017)."""
    share = torch.rand(len(real), 1, 1, 1).to(real.device)
    between = (share * real + (1 - share) * fake).requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return (slope.flatten(1).norm(dim=1) - 1).square().mean()


class LipschitzCritic(nn.Module):
    """Images (N, channels, 32, 32) → (N,), higher for real ones; no batch norm joins images."""

    def __init__(self, channels: int, width: int):
        super().__init__()
        layers: list[nn.Module] = []
        for widening in (1, 2, 4):
            layers += [nn.Conv2d(channels, widening * width, 4, 2, 1), nn.LeakyReLU(0.2)]
            channels = widening * width
        self.body = nn.Sequential(*layers)
        self.head = nn.Conv2d(channels, 1, 4)

    def features(self, x: Tensor) -> Tensor:
        """The last feature maps, (N, 4·width, 4, 4)."""
        return self.body(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x)).flatten()
