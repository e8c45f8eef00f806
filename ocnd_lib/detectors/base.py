"""What every one-class detector shares: checks, threshold, orientation."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted
from torch import nn

from ocnd_lib import training
from ocnd_lib.networks import uniform_codes
from ocnd_lib.settings import MAY_BE_0, check_settings

DRAWN = 36  # images of random codes that a record keeps


def to_pixels(x: torch.Tensor) -> np.ndarray:
    """Images in [-1, 1] (N, C, 32, 32) → uint8."""
    return ((x.float().clamp(-1, 1) + 1) * 127.5).round().byte().cpu().numpy()


def check_images(x: np.ndarray, channels: int | None = None, least: int = 1) -> np.ndarray:
    """Return `x` if it is a uint8 array (N, C, 32, 32), C 1 or 3, N ≥ `least`; else ValueError."""
    x = np.asarray(x)
    if x.dtype != np.uint8:
        bad = int(np.isnan(x).sum()) if x.dtype.kind == "f" else 0
        given = f"{x.dtype}, and {bad} values are not numbers" if bad else x.dtype
        raise ValueError(f"images must be uint8 0..255, not {given}; scale and cast them first")
    if x.ndim != 4 or x.shape[2:] != (32, 32) or x.shape[1] not in (1, 3):
        raise ValueError(f"images must have the shape (N, 1 or 3, 32, 32), not {x.shape}")
    if len(x) < least:
        raise ValueError(f"{len(x)} images are too few; at least {least} are needed")
    if channels is not None and x.shape[1] != channels:
        raise ValueError(f"the detector was fitted on {channels} channels, not {x.shape[1]}")
    return np.require(x, requirements=["C", "W"])  # mirrored or read-only views are copied


@dataclass(eq=False, repr=False)  # both are scikit-learn's
class Detector(OutlierMixin, BaseEstimator):
    """A one-class detector of images in the manner of scikit-learn.

    Subclasses are dataclasses, whose fields are their parameters. They learn in
    `_learn(x, x_validation, checkpoint)`, keep networks and arrays in the dict `self.state_`, and
    implement `novelty_score`.
    """

    seed: int = 0  # of all that is drawn, the held-out images among it

    may_be_0 = MAY_BE_0  # parameters, whole numbers, of which 0 makes sense

    @classmethod
    def parameter_types(cls) -> dict[str, type]:
        """The type of each parameter, by name."""
        return {field.name: field.type for field in fields(cls)}

    def fit(
        self, x: np.ndarray, y=None, *, x_validation: np.ndarray | None = None,
        checkpoint: Path | None = None, **more,
    ) -> "Detector":  # fmt: skip
        """Learn from normal images, uint8 (N, C, 32, 32); `y` is ignored.

        The 95 % quantile of `x_validation`, further normal images (else a tenth of `x`, drawn by
        `seed`), is the threshold. With `checkpoint`, a stopped fit goes on from there. `more` is
        for `_learn`. ValueError, before anything is learnt, for other images or parameters.
        """
        settings = self.get_params(deep=False)
        check_settings(settings, self.parameter_types(), self.may_be_0)
        # torch takes no numbers of numpy's
        self.set_params(**{k: v.item() for k, v in settings.items() if isinstance(v, np.generic)})
        x = check_images(x, least=10)
        if x_validation is None:
            order = np.random.default_rng(self.seed).permutation(len(x))
            x, x_validation = x[order[len(x) // 10 :]], x[order[: len(x) // 10]]
        x_validation = check_images(x_validation, x.shape[1])
        before = dict(vars(self))
        self.channels_ = x.shape[1]
        self.curves_: list[dict] = []
        self.state_: dict = {}
        try:
            with training.own_random_numbers():
                self._learn(x, x_validation, checkpoint and Path(checkpoint), **more)
            self.threshold_ = float(np.quantile(self.novelty_score(x_validation), 0.95))
        except BaseException:
            vars(self).clear()
            vars(self).update(before)  # what was fitted before stays
            raise
        return self

    def novelty_score(self, x: np.ndarray) -> np.ndarray:
        """Score of uint8 images (N, C, 32, 32) → float (N,); higher means more novel."""
        raise NotImplementedError

    def hardware(self) -> training.Hardware:
        """Where it computes, and in which precision."""
        return training.Hardware(torch.device("cpu"), torch.float64)  # numpy's own

    def pictures(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Images by name, uint8 (M, C, 32, 32), that show what was learnt; none unless it draws."""
        return {}

    def score_parts(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """What the scores of uint8 images are made of, by name, each (N,); none unless of parts."""
        return {}

    def decision_function(self, x: np.ndarray) -> np.ndarray:
        """Above 0: normal; below 0: novel."""
        scores = self.novelty_score(x)  # first, because it says so when nothing was fitted
        return self.threshold_ - scores

    def predict(self, x: np.ndarray) -> np.ndarray:
        """+1 normal, -1 novel."""
        return np.where(self.decision_function(x) >= 0, 1, -1)

    def _ready(self, x: np.ndarray) -> np.ndarray:
        check_is_fitted(self, "state_")
        return check_images(x, self.channels_)


@dataclass(eq=False, repr=False)
class DeepDetector(Detector):
    """A detector whose score is computed by networks, batch by batch.

    Subclasses implement `_networks()`, fresh ones by name for `self.channels_`, and `_score(x)`,
    the novelty (N,) of a batch in [-1, 1].
    """

    device: str = "auto"  # or cpu, cuda

    adam: ClassVar[dict] = {}  # what Adam is given beside the rate
    draws: ClassVar[bool] = False  # whether random codes stand for images

    def hardware(self) -> training.Hardware:
        return training.choose_hardware(self.device)

    def _begin(
        self, x: np.ndarray
    ) -> tuple[training.Hardware, torch.Generator, torch.Tensor, nn.ModuleDict]:
        """Seed all that is drawn; images and fresh networks lie on the device."""
        hardware, order = self.hardware(), training.seed_everything(self.seed)
        networks = nn.ModuleDict(self._networks())
        return hardware, order, torch.from_numpy(x).to(hardware.device), hardware.place(networks)

    def _of(self, *arrays: torch.Tensor | np.ndarray | None) -> str:
        """What a checkpoint of this training belongs to, on whatever device it goes on."""
        settings = self.get_params()
        settings["device"] = str(self.hardware().dtype)  # elsewhere it may go on, no other way
        return training.fingerprint(type(self).__name__, sorted(settings.items()), *arrays)

    def _learn(self, x: np.ndarray, x_validation: np.ndarray, checkpoint: Path | None) -> None:
        """Train all networks by one loss; the averaged weights of the last epoch are the model.

        `_loss(networks, images, epoch)` → numbers by name, of which Adam descends `loss` at a rate
        that falls to zero along a cosine.
        """
        hardware, order, x, model = self._begin(x)
        averaged, in_epoch = training.Averaged(model), training.batch_count(len(x), self.batch_size)
        descend = training.Descent(model, self.learning_rate, self.epochs * in_epoch, **self.adam)
        parts = {"model": model, "averaged": averaged, **descend.parts}
        state = training.Checkpoint(checkpoint, order, self._of(x), **parts)

        def step(images: torch.Tensor, number: int) -> dict[str, float]:
            with hardware.autocast():
                numbers = self._loss(model, images, number // in_epoch)
            descend(numbers["loss"])
            averaged.update(model)
            return {name: value.item() for name, value in numbers.items()}

        self.curves_ = state.curves
        training.learn(step, model, x, self.batch_size, state, self.epochs)
        self.state_ = dict(averaged.model.items())

    def novelty_score(self, x: np.ndarray) -> np.ndarray:
        """Score of uint8 images (N, C, 32, 32) → float32 (N,); higher means more novel."""
        score = self._batchwise(self._score, x)
        if not np.isfinite(score).all():
            raise training.Diverged("scores are no numbers: training diverged; try a lower rate")
        return score

    def reconstruct(self, x: torch.Tensor) -> torch.Tensor | None:
        """Images in [-1, 1] (N, C, 32, 32) as the model redraws them; None if it cannot."""
        return None

    def random_codes(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """Codes (count, latent_dim), drawn as in training."""
        return uniform_codes(count, self.latent_dim, generator)

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        """Codes (N, latent_dim) → the images that they stand for, in [-1, 1] (N, C, 32, 32)."""
        return self.state_["decoder"](codes)

    def pictures(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """What the model makes of uint8 images (N, C, 32, 32), by name, uint8 (M, C, 32, 32).

        `redrawn`: the images as it redraws them; `drawn`: images of `DRAWN` random codes.
        """
        x, hardware = self._at_rest(x)
        images = training.to_unit(torch.from_numpy(x).to(hardware.device))
        with torch.no_grad(), hardware.autocast():
            made = {"redrawn": self.reconstruct(images)}
            if self.draws:
                codes = self.random_codes(DRAWN, torch.Generator().manual_seed(self.seed))
                made["drawn"] = self.decode(codes.to(hardware.device))
        return {name: to_pixels(images) for name, images in made.items() if images is not None}

    def _at_rest(self, x: np.ndarray) -> tuple[np.ndarray, training.Hardware]:
        """Checked images, and the hardware, where the networks now are in evaluation mode."""
        x, hardware = self._ready(x), self.hardware()
        for part in self.state_.values():
            if isinstance(part, nn.Module):
                hardware.place(part).eval()
        return x, hardware

    def _batchwise(self, function: Callable, x: np.ndarray) -> np.ndarray:
        """`function` of all images, batches in [-1, 1] → (N, …), in evaluation mode."""
        x, hardware = self._at_rest(x)
        values = []
        with torch.no_grad():
            for pictures in torch.from_numpy(x).split(125):  # 500 take 0.25 GiB more
                with hardware.autocast():
                    seen = training.to_unit(pictures.to(hardware.device))
                    values.append(function(seen).float().cpu())
        return torch.cat(values).numpy()
