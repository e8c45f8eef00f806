"""What scoring costs, counted: multiply-accumulates instead of seconds of some machine."""

import numpy as np
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from ocnd_lib.detectors.base import Detector


class _Operations(TorchDispatchMode):
    """Adds up PyTorch's own counts; its `FlopCounterMode` fails on gradients of a leaf tensor."""

    total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if count := flop_registry.get(func._overloadpacket):
            self.total += count(*args, **(kwargs or {}), out_val=out)
        return out


def macs_per_image(detector: Detector, x: np.ndarray) -> int:
    """Multiply-accumulates that a fitted detector spends on the score of one image.

    `novelty_score` runs on two and on four images of uint8 `x` (N ≥ 4, C, 32, 32); the difference
    leaves out what is done once a batch. Convolutions and matrix products count, backward ones too
    where a score descends a gradient; elementwise work does not. ValueError for fewer images.
    """
    if len(x) < 4:
        raise ValueError(f"four images are needed, not {len(x)}")
    if "components" in detector.state_:
        return _classical(detector.state_)
    operations = []
    for images in (x[:2], x[:4]):
        with _Operations() as counted:
            detector.novelty_score(images)
        operations.append(counted.total)
    return (operations[1] - operations[0]) // 4  # two images, two operations a MAC


def _classical(state: dict[str, np.ndarray]) -> int:
    """NumPy's work, which PyTorch does not see: a projection, then one distance a centre."""
    size, pixels = state["components"].shape
    centres = state["centres"] if "centres" in state else state["support_vectors"]
    return size * pixels + len(centres) * size
