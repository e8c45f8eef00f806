"""VAE: the novelty of an image is how improbable a variational autoencoder finds it."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ocnd_lib.detectors.base import DeepDetector
from ocnd_lib.networks import Decoder, Encoder

# of a colour value in [-1, 1]: the Gaussian's negative log-likelihood is then the squared error
VARIANCE = 0.5


@dataclass(eq=False, repr=False)
class VAE(DeepDetector):
    """Variational autoencoder (Kingma and Welling 2014) with a Gaussian code.

    Pixels are Bernoulli for one channel, Gaussian with variance `VARIANCE` for three. Score: minus
    the evidence lower bound at the mean code, in nats, less what a perfect decoder would leave, the
    entropy of grey pixels: else dark images look normal whatever they show.
    """

    draws = True

    latent_dim: int = 32  # size of the code
    width: int = 32  # channels of the first layer
    epochs: int = 40
    warm_up: float = 0.5  # part of the epochs in which the weight of the KL term rises to 1
    batch_size: int = 128
    learning_rate: float = 1e-3  # falls to zero along a cosine

    def _networks(self) -> dict[str, nn.Module]:
        return {
            # two linear heads in one layer: means, then logarithms of the variances
            "encoder": Encoder(self.channels_, 2 * self.latent_dim, self.width, tanh=False),
            "decoder": Decoder(self.channels_, self.latent_dim, self.width, tanh=False),
        }

    def _loss(self, model: nn.ModuleDict, x: Tensor, epoch: int) -> dict[str, Tensor]:
        mean, log_variance = encode(model["encoder"], x)
        noise = torch.randn_like(mean)
        raw = model["decoder"](mean + (log_variance / 2).exp() * noise)
        misfit, kl = reconstruction_loss(raw, x).mean(), kl_divergence(mean, log_variance).mean()
        kl_weight = min(1.0, (epoch + 1) / max(1.0, self.warm_up * self.epochs))
        return {"loss": misfit + kl_weight * kl, "reconstruction": misfit, "kl": kl}

    def decode(self, z: Tensor) -> Tensor:
        raw = self.state_["decoder"](z).float()
        return raw.sigmoid() * 2 - 1 if self.channels_ == 1 else raw.clamp(-1, 1)

    def random_codes(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randn(count, self.latent_dim, generator=generator)

    def reconstruct(self, x: Tensor) -> Tensor:
        return self.decode(encode(self.state_["encoder"], x)[0])

    def _score(self, x: Tensor) -> Tensor:
        mean, log_variance = encode(self.state_["encoder"], x)
        raw = self.state_["decoder"](mean)
        return reconstruction_loss(raw, x) + kl_divergence(mean, log_variance)


def encode(encoder: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """Images → means and log-variances of their codes, fp32, each (N, latent_dim)."""
    # within ±20 neither the exponential nor its gradient can overflow, however strange the image
    mean, log_variance = encoder(x).float().chunk(2, dim=1)
    return mean, log_variance.clamp(-20, 20)


def reconstruction_loss(raw: Tensor, x: Tensor) -> Tensor:
    """Log-likelihood of images in [-1, 1], (N, C, 32, 32), that the decoder gives away → nats (N,).

    It is 0 if the decoder's raw output, logits for one channel and means for three, is the image.
    """
    raw = raw.float()
    if x.shape[1] == 1:
        white = (x + 1) / 2
        entropy = torch.special.entr(white) + torch.special.entr(1 - white)
        loss = F.binary_cross_entropy_with_logits(raw, white, reduction="none") - entropy
    else:
        loss = (raw - x).square() / (2 * VARIANCE)
    return loss.sum((1, 2, 3))


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence from N(0, 1) to a diagonal Gaussian, summed over the code → nats (N,)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
