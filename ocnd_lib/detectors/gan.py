"""GAN: what the discriminator takes for unreal, and the generator cannot draw, is novel."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ocnd_lib.detectors.base import DeepDetector
from ocnd_lib.networks import Critic, Decoder, uniform_codes
from ocnd_lib.training import Checkpoint, Descent, batch_count, learn, says


@dataclass(eq=False, repr=False)
class GAN(DeepDetector):
    """DCGAN of the normal class (Goodfellow et al. 2014; Radford et al. 2016).

    Score: minus the discriminator's logit, plus the sum over pixels in [-1, 1] of |x - G(z)| at
    the best code z that a short search finds, each standardised on in-class validation images.

    The row "GAN [23]" of the deck's tables is another thing: the idea of `AnoGAN`. DCGAN has codes
    of 100 and a rate of 2e-4; how ours were chosen the page `all_tables` shows.
    """

    draws = True

    latent_dim: int = 32  # size of the codes, which are uniform in (-1, 1)
    width: int = 32  # channels at 16 pixels
    epochs: int = 20
    batch_size: int = 64
    learning_rate: float = 4e-4  # of both networks; falls to zero along a cosine
    smoothing: float = 0.9  # what the discriminator should say of real images
    candidates: int = 256  # random codes; the one that draws nearest starts the search
    search_steps: int = 8
    search_rate: float = 0.1  # of Adam, on codes

    def _networks(self) -> dict[str, nn.Module]:
        return {
            "generator": Decoder(self.channels_, self.latent_dim, self.width),
            "critic": Critic(self.channels_, self.width),
        }

    def _learn(self, x: np.ndarray, x_validation: np.ndarray, checkpoint: Path | None) -> None:
        self._train(x, checkpoint)
        terms = self._batchwise(self._terms, x_validation)
        self.state_["centre"] = terms.mean(0)
        self.state_["spread"] = terms.std(0).clip(min=1e-6)

    def base_gan(self) -> "GAN":
        """One that is trained just as this one is, not yet trained; it scores in the usual way."""
        trained = ("latent_dim", "width", "epochs", "batch_size", "learning_rate", "smoothing")
        own = self.get_params()
        return GAN(**{name: own[name] for name in (*trained, "seed", "device")})

    def _train(self, x: np.ndarray, checkpoint: Path | None) -> None:
        hardware, order, x, model = self._begin(x)
        generator, critic = model.values()
        steps = self.epochs * batch_count(len(x), self.batch_size)
        descend_g = Descent(generator, self.learning_rate, steps, betas=(0.5, 0.999))
        descend_d = Descent(critic, self.learning_rate, steps, betas=(0.5, 0.999))
        parts = {"model": model, "descend_g": descend_g, "descend_d": descend_d}
        state = Checkpoint(checkpoint, order, self.base_gan()._of(x), **parts)

        def step(images: Tensor, number: int) -> dict[str, float]:
            codes = uniform_codes(len(images), self.latent_dim).to(images.device)
            with hardware.autocast():
                drawn = generator(codes)
                # two passes, so that either kind has batch statistics of its own
                real, fake = critic(images), critic(drawn.detach())
            loss_d = descend_d(says(real, self.smoothing) + says(fake, 0))
            with hardware.autocast():
                fooled = critic(drawn)
            return {"loss": descend_g(says(fooled, 1)), "critic_loss": loss_d}

        self.curves_ = state.curves
        learn(step, model, x, self.batch_size, state, self.epochs)
        self.state_ = dict(model.items())

    def decode(self, codes: Tensor) -> Tensor:
        return self.state_["generator"](codes)

    def reconstruct(self, x: Tensor) -> Tensor:
        """Images in [-1, 1] (N, C, 32, 32) → the nearest ones that the search finds."""
        return self.decode(self._search(x)[0])

    def _search(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Images → the codes (N, latent_dim) where the search ends, and what they leave (N,)."""
        generator = self.state_["generator"]
        starts = nearest_codes(x, generator, self.latent_dim, self.candidates, 1, self.seed)[:, 0]
        residual = lambda drawn: (x - drawn.float()).abs().sum((1, 2, 3))  # noqa: E731
        return latent_search(generator, residual, starts, self.search_steps, self.search_rate)

    def _terms(self, x: Tensor) -> Tensor:
        """Images → (N, 2): minus the logit, and what the search leaves."""
        return torch.stack([-self.state_["critic"](x).float(), self._search(x)[1]], 1)

    def _score(self, x: Tensor) -> Tensor:
        centre, spread = (torch.from_numpy(self.state_[k]).to(x) for k in ("centre", "spread"))
        return ((self._terms(x) - centre) / spread).sum(1)


def nearest_codes(
    x: Tensor, generator: nn.Module, latent_dim: int, candidates: int, keep: int, seed: int
) -> Tensor:
    """Of `candidates` codes of a seed, those that draw each image best → (N, keep, latent_dim)."""
    codes = uniform_codes(candidates, latent_dim, torch.Generator().manual_seed(seed)).to(x.device)
    drawn = generator(codes).float().flatten(1)
    distance = torch.cdist(x.flatten(1), drawn, p=1)
    return codes[distance.topk(keep, largest=False).indices]


def latent_search(
    generator: nn.Module, loss: Callable[[Tensor], Tensor], starts: Tensor, steps: int, rate: float
) -> tuple[Tensor, Tensor]:
    """Lower `loss(generator(z))`, (N,), by Adam on codes z from `starts`; returns (z, the losses).

    Losses are added up, and batch norm rests, so that the images of a batch do not touch each
    other. Codes stay in [-1, 1], where the prior is.
    """
    codes = starts.clone().requires_grad_()
    optimiser = torch.optim.Adam([codes], rate)
    for _ in range(steps):
        with torch.enable_grad():
            total = loss(generator(codes)).sum()
        (codes.grad,) = torch.autograd.grad(total, codes)
        optimiser.step()
        codes.data.clamp_(-1, 1)
    codes = codes.detach()
    return codes, loss(generator(codes))
