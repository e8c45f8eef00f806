"""AE and DAE: the novelty of an image is how badly an autoencoder redraws it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ocnd_lib.detail import redrawing_error
from ocnd_lib.detectors.base import DeepDetector
from ocnd_lib.networks import Decoder, Encoder, uniform_codes
from ocnd_lib.training import Averaged, Checkpoint, batch_count, batches, progress, seed_everything


@dataclass(eq=False, repr=False)
class AutoEncoder(DeepDetector):
    """Convolutional autoencoder; with `noise` a denoising one (Vincent et al. 2008).

    Score: mean squared error over pixels in [-1, 1] between an image and its reconstruction, with
    `detail_power` 1 in units of the image's own detail (`ocnd_lib.detail`). The last epoch, with
    exponentially averaged weights, is the model.
    """

    latent_dim: int = 32  # size of the tanh code
    width: int = 32  # channels of the first layer
    noise: float = 0.0  # standard deviation of what is added to the input while learning
    detail_power: float = 0.0  # the score is the error divided by the detail to this power
    epochs: int = 30
    batch_size: int = 128
    learning_rate: float = 1e-3  # falls to zero along a cosine

    def _networks(self) -> dict[str, nn.Module]:
        return {
            "encoder": Encoder(self.channels_, self.latent_dim, self.width),
            "decoder": Decoder(self.channels_, self.latent_dim, self.width),
        }

    def _learn(self, x: np.ndarray, x_validation: np.ndarray, checkpoint: Path | None) -> None:
        hardware, generator = self._hardware(), seed_everything(self.seed)
        x = torch.from_numpy(x).to(hardware.device)
        model = hardware.place(nn.ModuleDict(self._networks()))
        averaged = Averaged(model)
        optimiser = torch.optim.Adam(model.parameters(), lr=self.learning_rate)
        steps = self.epochs * batch_count(len(x), self.batch_size)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
        state = Checkpoint(
            checkpoint, generator,
            model=model, averaged=averaged, optimiser=optimiser, schedule=schedule,
        )  # fmt: skip
        epoch, self.curves_ = state.load()
        bar = progress(steps, type(self).__name__, start=epoch * steps // self.epochs)
        while epoch < self.epochs:
            model.train()
            losses = []
            for images, _ in batches(x, None, self.batch_size, generator):
                noisy = images + self.noise * torch.randn_like(images) if self.noise else images
                with hardware.autocast():
                    redrawn = model["decoder"](model["encoder"](noisy))
                loss = F.mse_loss(redrawn.float(), images)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
                schedule.step()
                averaged.update(model)
                losses.append(loss.item())
                bar.update()
                bar.set_postfix(epoch=epoch + 1, loss=f"{loss.item():.4f}", refresh=False)
            epoch += 1
            self.curves_.append({"epoch": epoch, "loss": float(np.mean(losses))})
            state.save(epoch, self.curves_)
        bar.close()
        self.state_ = dict(averaged.model.items())

    def reconstruct(self, x: Tensor) -> Tensor:
        """Images in [-1, 1] (N, C, 32, 32) → their reconstructions."""
        return self.state_["decoder"](self.state_["encoder"](x))

    def random_codes(self, count: int, generator: torch.Generator) -> Tensor:
        """Codes that are uniform in the cube that tanh codes lie in."""
        return uniform_codes(count, self.latent_dim, generator)

    def decode(self, codes: Tensor) -> Tensor:
        """Codes (N, latent_dim) → images in [-1, 1] (N, C, 32, 32)."""
        return self.state_["decoder"](codes)

    def _score(self, x: Tensor) -> Tensor:
        return redrawing_error(x, self.reconstruct(x), self.detail_power)
