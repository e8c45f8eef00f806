"""The networks of an OCGAN, trained step by step, alone or beside others; they can start afresh."""

from functools import partial

import torch
from torch import Tensor, nn

from ocnd_lib.cuda_graphs import Recorded
from ocnd_lib.detectors.base import DeepDetector
from ocnd_lib.training import Averaged, Hardware, Together

KEPT = ("encoder", "decoder", "visual_discriminator")  # of a GAN, once it is trained


class Redrawer(Together):
    """Networks of an OCGAN, their averages and optimisers: a part of a `Checkpoint`.

    `recipe` is the OCGAN whose parameters hold; `kept` are the networks that score and explain.
    """

    def __init__(self, recipe: DeepDetector, hardware: Hardware):
        self.recipe, self.hardware = recipe, hardware
        self.restart()

    def restart(self) -> None:
        """Begin anew: weights, batch-norm statistics, averages and the optimisers' moments."""
        self.nets = self.hardware.place(nn.ModuleDict(self.recipe._networks()))
        self.redraws = nn.ModuleDict({name: self.nets[name] for name in ("encoder", "decoder")})
        self.averaged = Averaged(self.redraws)
        self.averaged.model.eval()  # others look at it while they learn
        self.optimisers = self.recipe._optimisers(self.nets)
        step = partial(self.recipe._step, nets=self.nets, optimisers=self.optimisers)
        self.update = Recorded(step, self.optimisers.values())
        super().__init__(nets=self.nets, averaged=self.averaged, **self.optimisers)
        self.kept = nn.ModuleDict(
            {**self.averaged.model, "visual_discriminator": self.nets["visual_discriminator"]}
        )

    def step(self, images: Tensor, **parts: bool) -> dict[str, Tensor]:
        """One update of all its networks by a batch in [-1, 1]; returns the losses.

        `parts` are what not every step of an OCGAN has: `classify` and `mining`.
        """
        noisy = images + self.recipe.noise * torch.randn_like(images)
        losses = self.update(images, noisy, **parts)
        self.averaged.update(self.redraws)
        return losses
