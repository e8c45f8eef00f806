"""Rotation: novel is an image that a network, which learnt to tell turns, does not know upright."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from ocnd_lib.detectors.base import DeepDetector
from ocnd_lib.networks import ResNet
from ocnd_lib.training import Averaged, Checkpoint, batch_count, learn, shift_and_flip

TURNS = 4
NEIGHBOURS = 5


def turned(x: Tensor) -> Tensor:
    """Square images (N, C, H, H) → their four turns (4N, C, H, H)."""
    return torch.cat([torch.rot90(x, turn, (2, 3)) for turn in range(TURNS)])


def answered(logits: Tensor) -> tuple[Tensor, Tensor]:
    """The loss of logits (4N, 4) for `turned` images, and which part of the answers is right."""
    answer = torch.arange(TURNS, device=logits.device).repeat_interleave(len(logits) // TURNS)
    return F.cross_entropy(logits, answer), (logits.argmax(1) == answer).float().mean()


@dataclass(eq=False, repr=False)
class Rotation(DeepDetector):
    """Learns to tell by how many quarters an image was turned, from normal images alone.

    Score: the surprise at the true turn, -log p, and the mean cosine distance of the features from
    the five nearest of the training images, summed over the four turns, with `augment` of the image
    and its mirror image, each by its mean over the validation images. Width and epochs are what
    0.1 PFLOP a class of CIFAR-10 buys. Sources: Gidaris et al. 2018 (the task), Golan and El-Yaniv
    2018, Hendrycks et al. 2019 (as a detector), Sohn et al. 2021 (features).
    """

    # turning is what it learns, and mirroring what it is taught to overlook
    choice_by = ("erased", "pasted", "mixed")

    width: int = 64  # channels of the first block
    epochs: int = 20
    batch_size: int = 64  # images, each in its four turns
    learning_rate: float = 0.1  # the highest; rises for a fifth of the steps, then falls
    weight_decay: float = 5e-4
    augment: bool = True  # mirror and shift images while learning
    surprise: bool = True  # is a part of the score; without it the distance is the score

    def _networks(self) -> dict[str, nn.Module]:
        return {"network": ResNet(self.channels_, TURNS, self.width)}

    def _learn(self, x: np.ndarray, x_validation: np.ndarray, checkpoint: Path | None) -> None:
        hardware, order, images, networks = self._begin(x)
        model = networks["network"]
        averaged = Averaged(model, 0.99)
        optimiser = self._optimiser(model)
        steps = self.epochs * batch_count(len(x), self.batch_size)
        rise = max(1, steps // 5)
        schedule = LambdaLR(
            optimiser, lambda step: min((step + 1) / rise, (steps - step) / (steps - rise + 1))
        )

        def step(turns: Tensor, number: int) -> dict[str, float]:
            with hardware.autocast():
                loss, right = self._task(model, turns)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            averaged.update(model)
            return {"loss": loss.item(), "accuracy": right.item()}

        parts = {"model": model, "averaged": averaged, "optimiser": optimiser, "schedule": schedule}
        state = Checkpoint(checkpoint, order, self._of(x), **parts)
        self.curves_ = state.curves
        learn(step, model, images, self.batch_size, state, self.epochs, self._seen)
        self.state_ = {"network": averaged.model, "scale": np.ones(2, np.float32)}
        self.state_["bank"] = self._batchwise(self._features, x).transpose(1, 0, 2)
        usual = self._batchwise(self._parts, x_validation).T
        self.state_["scale"] = np.array([part.mean() for part in usual], np.float32)
        self._warn_if_it_cannot_tell(x_validation)

    def _task(self, network: nn.Module, turns: Tensor) -> tuple[Tensor, Tensor]:
        return answered(network(turns).float())

    def _seen(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        return turned(shift_and_flip(batch, generator) if self.augment else batch)

    def _optimiser(self, model: nn.Module) -> torch.optim.SGD:
        groups = [
            {"params": [p for p in model.parameters() if p.ndim > 1]},
            # gains and biases do not decay
            {"params": [p for p in model.parameters() if p.ndim == 1], "weight_decay": 0.0},
        ]
        decay = {"momentum": 0.9, "nesterov": True, "weight_decay": self.weight_decay}
        return torch.optim.SGD(groups, self.learning_rate, **decay)

    def _warn_if_it_cannot_tell(self, x_validation: np.ndarray) -> None:
        answer = lambda x: self.state_["network"](turned(x)).argmax(1).view(TURNS, -1).T  # noqa: E731
        answers = self._batchwise(answer, x_validation)
        self.turn_accuracy_ = float(np.mean(answers == np.arange(TURNS)))
        chance, error = 1 / TURNS, np.sqrt((TURNS - 1) / answers.size) / TURNS  # binomial
        if self.turn_accuracy_ < min(chance + 3 * error, 0.4):
            warnings.warn(
                f"the network tells {self.turn_accuracy_:.0%} of the turns of held-out normal "
                "images, where guessing tells 25 %: these images look the same when turned, or "
                "the training was too short; the scores mean little",
                stacklevel=4,
            )

    def _features(self, x: Tensor) -> Tensor:
        """Unit vectors (N, 4, D), one for each turn."""
        return self._unit(self.state_["network"].pooled(turned(x)))

    @staticmethod
    def _unit(pooled: Tensor) -> Tensor:
        return F.normalize(pooled.float(), dim=1).view(TURNS, -1, pooled.shape[1]).transpose(0, 1)

    def _parts(self, x: Tensor) -> Tensor:
        """Surprise and distance (N, 2) of a batch in [-1, 1], each a sum over the turns."""
        parts = self._of_turns(x)
        # mirrored images are as usual as any where it has learnt from them
        return (parts + self._of_turns(x.flip(3))) / 2 if self.augment else parts

    def _of_turns(self, x: Tensor) -> Tensor:
        network = self.state_["network"]
        pooled = network.pooled(turned(x))
        likely = F.log_softmax(network.head(pooled).float(), 1).view(TURNS, -1, TURNS)
        surprise = -likely.diagonal(dim1=0, dim2=2).sum(1)
        bank = torch.from_numpy(self.state_["bank"]).to(x.device)
        with torch.autocast(x.device.type, enabled=False):
            near = self._unit(pooled).transpose(0, 1) @ bank.transpose(1, 2)  # turn, image, bank
            k = min(NEIGHBOURS, bank.shape[1])
            distance = (1 - near.topk(k, dim=2).values).mean(2).sum(0)
        return torch.stack([surprise, distance], 1)

    def _score(self, x: Tensor) -> Tensor:
        scale = torch.from_numpy(self.state_["scale"]).to(x.device)
        parts = self._parts(x) / scale.clamp(min=1e-6)
        return parts.sum(1) if self.surprise else parts[:, 1]

    def score_parts(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """The distance of uint8 images (N, C, 32, 32) in cosines, (N,)."""
        return {"distance": self._batchwise(self._parts, x)[:, 1]}
