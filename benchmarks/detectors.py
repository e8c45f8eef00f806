"""Deep detectors: a training step and scoring, by their own loops, our choices on and off."""

from contextlib import nullcontext
from time import perf_counter
from unittest.mock import patch

import numpy as np
import torch
from torch import nn

from ocnd_lib import cuda_graphs, training

TRAINED = (  # AnoGAN trains as GAN does
    "ae", "dae", "vae", "pixelcnn", "gan", "and", "f-anogan", "deep-svdd", "ocgan", "attention-gan",
)  # fmt: skip
SCORED = (*(method for method in TRAINED if method != "pixelcnn"), "rotation")  # it takes minutes

# short runs, and which of their epochs are made of the fullest step; the first is never timed
EPOCHS = {
    "f-anogan": ({"epochs": 3, "encoder_epochs": 1}, slice(1, 3)),  # critic and generator
    "deep-svdd": ({"pretrain_epochs": 1, "epochs": 3}, slice(2, 4)),  # the sphere
    "ocgan": ({"epochs": 3}, slice(1, 3)),  # mining begins with the second
    # map and masked GAN together
    "attention-gan": ({"epochs": 1, "joint_epochs": 3, "masked_epochs": 1}, slice(2, 3)),
}
SHORT = ({"epochs": 3}, slice(1, 3))
COMPILED = ({"epochs": 6}, slice(4, 6))  # mining begins with the fourth, and compiles once more
STEPS = 40 if torch.cuda.device_count() else 4  # of an epoch; a GPU first records some
IMAGES = 10_000  # scored
VALIDATION = 50
BANK = 40  # times what it learnt, so that Rotation compares with as many images as in the tables


def plain() -> None:
    """Turn our choices off, for the rest of this process; call it before a detector is imported."""
    training.Hardware.place = lambda self, module: module.to(self.device)
    training.Hardware.autocast = lambda self: nullcontext()
    training.to_unit = lambda x: x.float().mul_(2 / 255).sub_(1)
    training.Averaged.update = lambda self, model: None
    cuda_graphs.Recorded.__call__ = lambda self, *tensors, **flags: self.step(*tensors, **flags)


def compiled(networks: dict[str, nn.Module]) -> dict[str, nn.Module]:
    """The same networks, each from now on through `torch.compile`."""
    for network in networks.values():
        network.compile()
    return networks


def detector(method: str):
    """A detector with the settings of the tables (MNIST), but few epochs; and its batch size."""
    from ocnd_lib.registry import DETECTORS, detector_class

    made = detector_class(method)(**DETECTORS[method][2], **EPOCHS.get(method, SHORT)[0])
    return made, made.batch_size


def pictures(count: int, channels: int = 1) -> np.ndarray:
    """Random images."""
    return np.random.default_rng(0).integers(0, 256, (count, channels, 32, 32), dtype=np.uint8)


def step(method: str, side: str) -> float:
    """Images a second of one full training step."""
    if side == "plain":
        plain()
    made, size = detector(method)
    epochs, channels = EPOCHS.get(method, SHORT)[1], 3 if method == "rotation" else 1
    if side == "compiled":
        settings, epochs = COMPILED
        made.set_params(**settings)
        made._networks = lambda networks=made._networks: compiled(networks())
    ends: list[float] = []  # of the epochs: every loop saves its state there
    with patch.object(training.Checkpoint, "save", lambda *_: ends.append(perf_counter())):
        made.fit(pictures(STEPS * size, channels), x_validation=pictures(VALIDATION, channels))
    seconds = np.diff(ends, prepend=np.nan)[epochs]
    return STEPS * size / float(seconds.mean())


def score(method: str, side: str) -> float:
    """Seconds to score 10 000 images."""
    if side == "plain":
        plain()
    made, size = detector(method)
    made.fit(pictures(2 * size), x_validation=pictures(VALIDATION))
    if "bank" in made.state_:
        made.state_["bank"] = made.state_["bank"].repeat(BANK, axis=1)
    x = pictures(IMAGES)
    start = perf_counter()
    made.novelty_score(x)
    return perf_counter() - start
