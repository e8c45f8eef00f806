"""AE and DAE: the novelty of an image is how badly an autoencoder redraws it."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ocnd_lib.detail import in_details, lost_detail, reconstruction_error
from ocnd_lib.detectors.base import DeepDetector
from ocnd_lib.networks import Decoder, Encoder


@dataclass(eq=False, repr=False)
class AutoEncoder(DeepDetector):
    """Convolutional autoencoder; with `noise` a denoising one (Vincent et al. 2008).

    Score: mean squared error over pixels in [-1, 1] between an image and its reconstruction, with
    `detail_power` 1 in units of the image's own detail (`ocnd_lib.detail`).
    """

    draws = True

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

    def _loss(self, model: nn.ModuleDict, x: Tensor, epoch: int) -> dict[str, Tensor]:
        noisy = x + self.noise * torch.randn_like(x) if self.noise else x
        redrawn = model["decoder"](model["encoder"](noisy))
        return {"loss": F.mse_loss(redrawn.float(), x)}

    def reconstruct(self, x: Tensor) -> Tensor:
        return self.decode(self.state_["encoder"](x))

    def _score(self, x: Tensor) -> Tensor:
        error = reconstruction_error(x, self.reconstruct(x))
        return in_details(error, lost_detail(x), self.detail_power)
