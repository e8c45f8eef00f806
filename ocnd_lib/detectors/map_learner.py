"""How the attention map of an AttentionGAN learns, and its classifier beside it."""

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from ocnd_lib import attention
from ocnd_lib.detectors.base import DeepDetector
from ocnd_lib.detectors.redrawer import KEPT, Redrawer
from ocnd_lib.networks import Critic
from ocnd_lib.training import Averaged, Hardware, Together, descend, evaluating, says, to_unit

LEARNS_MAP = ("mask", "joint")  # phases of an AttentionGAN
DECISION = 0.05  # weight of m(1 - m) where the temperature falls
DECAY = 0.98  # of the averaged weights: a map learns in a few hundred steps


class MapLearner(Together):
    """The networks of a map as they learn, and their optimisers: a part of a `Checkpoint`.

    `model` is the AttentionGAN, whose base GAN rests; `given` are real novel images or None.
    """

    def __init__(self, model: DeepDetector, hardware: Hardware, given: np.ndarray | None):
        self.model, self.given, networks = model, given, {}
        if model.mask == "learned":  # a control has no network
            taps = (4 * model.width, 2 * model.width, model.width)
            start = min(max(model.most_area, 0.05), 0.95)  # at first nearly all is seen
            drawer = attention.AttentionMap(taps, max(model.width // 2, 2), model.cbam, start)
            networks["attention"] = drawer
        if model.classifier != "none":
            networks["classifier"] = Critic(model.channels_, model.width)
        self.nets = hardware.place(nn.ModuleDict(networks))
        self.averaged = Averaged(self.nets, DECAY)
        self.optimisers = {
            name: torch.optim.Adam(net.parameters(), model.mask_rate, betas=(0.5, 0.999))
            for name, net in self.nets.items()
        }
        optimisers = Together(**self.optimisers)
        super().__init__(nets=self.nets, averaged=self.averaged, optimisers=optimisers)

    def temperature(self, epoch: int) -> float:
        """That of an epoch: 1 until the joint ones, in which it falls to the model's own."""
        phases = self.model._phases()
        if phases[epoch] == "masked":
            return self.model.temperature
        fallen = phases[: epoch + 1].count("joint") / max(phases.count("joint"), 1)
        return 1 + (self.model.temperature - 1) * fallen

    def step(
        self, images: Tensor, temperature: float, beside: Redrawer | None
    ) -> tuple[dict[str, float], Tensor]:
        """One update by normal images in [-1, 1], `beside` the masked GAN: log, masked images."""
        model, count = self.model, len(images)
        guided = "classifier" in self.nets
        # normal and novel in one batch, or its statistics would tell them apart
        every = torch.cat([images, self._negatives(images)]) if guided else images
        maps = model._map(every, temperature)
        masked = attention.multiply(every, maps)
        seen, drawn = masked[:count], maps[:count]
        log = {}
        if guided:
            both = self.nets["classifier"](torch.cat([every, masked])).chunk(2)
            whole, part = ((says(of[:count], 1) + says(of[count:], 0)) / 2 for of in both)
            lesson, told = part, (whole + part) / 2
            log["classifier"] = told.item()
        elif model.guidance == "whole":
            lesson = F.mse_loss(model.reconstruct(seen).float(), images)
        else:
            lesson = self._easy(seen, drawn, beside)
        outside = attention.area_penalty(maps, model.least_area, model.most_area)
        loss = lesson + model.area_weight * outside
        loss = loss + model.smoothness * attention.total_variation(maps)
        if model.temperature < 1:
            loss = loss + DECISION * (maps * (1 - maps)).mean()
        descend(loss, self.optimisers["attention"], again=guided)
        if guided:  # after the map, whose gradient goes through the weights that this changes
            descend(told, self.optimisers["classifier"])
        self.averaged.update(self.nets)
        log |= {"lesson": lesson.item(), "outside": outside.item(), "temperature": temperature}
        log["mask_mean"] = drawn.detach().double().mean().item()
        return log, seen.detach()

    def settle(self, x: Tensor) -> None:
        """Let map and classifier rest: averaged weights, and batch-norm statistics of these.

        Statistics kept while weights changed lag behind: maps at rest would leave their bounds.
        """
        self.nets.load_state_dict(self.averaged.model.state_dict())
        guided = "classifier" in self.nets

        def every() -> Iterator[Tensor]:
            for images in map(to_unit, x.split(self.model.batch_size)):
                yield torch.cat([images, self._negatives(images)]) if guided else images

        drawer = self.nets["attention"]
        update_bn(((self.model._features(images),) for images in every()), drawer)
        if guided:
            drawer.eval()
            both = (torch.cat([i, attention.multiply(i, self.model._map(i))]) for i in every())
            update_bn(both, self.nets["classifier"])

    def _easy(self, seen: Tensor, drawn: Tensor, beside: Redrawer | None) -> Tensor:
        """How badly the part that is seen is redrawn, and told from real by the masked GAN."""
        if beside is None:
            return attention.attended_error(seen, self.model.reconstruct(seen), drawn).mean()
        encoder, decoder, judge = (beside.nets[name] for name in KEPT)
        with evaluating(encoder, decoder, judge):
            codes = encoder(seen)
            redrawn = decoder(codes)
            told = says(beside.recipe._judge(judge, redrawn, codes), 1)
        return attention.attended_error(seen, redrawn, drawn).mean() + told

    def _negatives(self, images: Tensor) -> Tensor:
        """As many novel images as there are normal ones."""
        if self.given is None:
            return attention.generated_negatives(images)
        rows = torch.randint(len(self.given), (len(images),)).numpy()
        return to_unit(torch.from_numpy(self.given[rows]).to(images.device))
