"""GAN: what the discriminator finds unreal, and what the generator cannot draw, is novel."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ocnd_lib.detectors.base import DeepDetector
from ocnd_lib.networks import Critic, Decoder
from ocnd_lib.training import Checkpoint, batches, progress, seed_everything, to_unit


class GAN(DeepDetector):
    """DCGAN of the normal class (Goodfellow et al. 2014; Radford et al. 2016).

    Score: minus the discriminator's logit, plus the sum of |x - G(z)| over pixels in [-1, 1] for
    the best code z that a short search finds; each is first standardised on in-class validation
    images. The row "GAN [23]" of the deck's tables, .866 on MNIST and .592 on CIFAR-10, is another
    thing: the idea of AnoGAN (Schlegl et al. 2017), with its long search, run by Abati et al. (2018)
    with networks they do not describe. `AnoGAN` does that; here the discriminator has half a say.
    """

    def __init__(
        self,
        latent_dim: int = 100,  # codes are uniform in (-1, 1)
        width: int = 32,  # channels of the widest maps; the DCGAN paper has 128 for 64 pixels
        epochs: int = 20,
        batch_size: int = 64,
        learning_rate: float = 2e-4,  # of both networks; falls to zero along a cosine
        smoothing: float = 0.9,  # what the discriminator should say about real images
        candidates: int = 256,  # random codes of which the nearest start the search
        search_steps: int = 20,
        search_rate: float = 0.05,  # of Adam, on codes
        seed: int = 0,
        device: str = "auto",
    ):
        self.latent_dim = latent_dim
        self.width = width
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.smoothing = smoothing
        self.candidates = candidates
        self.search_steps = search_steps
        self.search_rate = search_rate
        self.seed = seed
        self.device = device

    def _networks(self) -> dict[str, nn.Module]:
        return {
            "generator": Decoder(self.channels_, self.latent_dim, self.width),
            "critic": Critic(self.channels_, self.width),
        }

    def _learn(self, x: np.ndarray, x_validation: np.ndarray, checkpoint: Path | None) -> None:
        hardware, random = self._hardware(), seed_everything(self.seed)
        x = torch.from_numpy(x).to(hardware.device)
        model = hardware.place(nn.ModuleDict(self._networks()))
        generator, critic = model["generator"], model["critic"]
        optimisers = [
            torch.optim.Adam(part.parameters(), lr=self.learning_rate, betas=(0.5, 0.999))
            for part in (generator, critic)
        ]
        steps = self.epochs * max(1, round(len(x) / self.batch_size))
        schedules = [torch.optim.lr_scheduler.CosineAnnealingLR(o, steps) for o in optimisers]
        state = Checkpoint(
            checkpoint, random, model=model,
            optimiser_g=optimisers[0], optimiser_d=optimisers[1],
            schedule_g=schedules[0], schedule_d=schedules[1],
        )  # fmt: skip
        epoch, self.curves_ = state.load()
        bar = progress(steps, type(self).__name__, start=epoch * steps // max(1, self.epochs))
        while epoch < self.epochs:
            model.train()
            losses = []
            for images, _ in batches(x, None, self.batch_size, random):
                codes = torch.rand(len(images), self.latent_dim, device=images.device) * 2 - 1
                with hardware.autocast():
                    drawn = generator(codes)
                    real, fake = critic(images), critic(drawn.detach())
                loss_d = _says(real, self.smoothing) + _says(fake, 0.0)
                _step(optimisers[1], loss_d)
                with hardware.autocast():
                    fake = critic(drawn)
                loss_g = _says(fake, 1.0)
                _step(optimisers[0], loss_g)
                for schedule in schedules:
                    schedule.step()
                losses.append((loss_g.item(), loss_d.item()))
                bar.update()
            epoch += 1
            loss_g, loss_d = np.mean(losses, axis=0)
            self.curves_.append(
                {"epoch": epoch, "generator_loss": loss_g, "critic_loss": loss_d}
            )
            state.save(epoch, self.curves_)
        bar.close()
        self.state_ = dict(model.eval().requires_grad_(False).items())
