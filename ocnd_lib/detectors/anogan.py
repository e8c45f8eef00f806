"""AnoGAN: novel is what a generator of normal images cannot be made to draw."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ocnd_lib.detectors.gan import GAN, latent_search, nearest_codes


@dataclass(eq=False, repr=False)
class AnoGAN(GAN):
    """DCGAN of the normal class, and a search by gradient for the code of each image.

    Score, and what the search lowers: (1 - feature_weight)·Σ|x - G(z)| over pixels in [-1, 1] plus
    feature_weight·Σ|f(x) - f(G(z))| over the discriminator's last feature maps f (Schlegl et al.
    2017, who take 500 steps from one code).
    """

    candidates: int = 256  # random codes; those that draw nearest start the searches
    restarts: int = 2  # searches an image; the best one counts
    search_steps: int = 100
    search_rate: float = 0.05  # of Adam, on codes
    feature_weight: float = 0.1  # the paper's lambda

    def _learn(self, x: np.ndarray, x_validation: np.ndarray, checkpoint: Path | None) -> None:
        if not 1 <= self.restarts <= self.candidates:
            raise ValueError(f"restarts is {self.restarts}; it must be 1 to candidates")
        self._train(x, checkpoint)

    def _search(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """As GAN's, by the loss that is the score; of several searches an image's best counts."""
        generator, critic = self.state_["generator"], self.state_["critic"]
        features = critic.features(x).float()

        def loss(drawn: Tensor) -> Tensor:
            pixels = (x - drawn.float()).abs().sum((1, 2, 3))
            seen = (features - critic.features(drawn).float()).abs().sum((1, 2, 3))
            return (1 - self.feature_weight) * pixels + self.feature_weight * seen

        starts = nearest_codes(
            x, generator, self.latent_dim, self.candidates, self.restarts, self.seed
        )
        searches = [
            latent_search(generator, loss, start, self.search_steps, self.search_rate)
            for start in starts.unbind(1)
        ]
        codes, left = (torch.stack(found) for found in zip(*searches, strict=True))
        best = left.argmin(0)
        rows = torch.arange(len(x), device=x.device)
        return codes[best, rows], left[best, rows]

    def _score(self, x: Tensor) -> Tensor:
        return self._search(x)[1]
