"""What training costs, counted: multiply-accumulates instead of seconds of some machine."""

import numpy as np
from sklearn.base import clone
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


def training_macs(detector: Detector, x: np.ndarray, images: int) -> float:
    """Multiply-accumulates of fitting a detector to `images` images; a count, not a measurement.

    What an epoch more takes on uint8 `x` (N, C, 32, 32), some batches, is scaled to all epochs and
    images, phase by phase. 0 without epochs.
    """
    settings = detector.get_params()
    planned = {name: n for name, n in settings.items() if name.endswith("epochs") and n}

    def counted(**epochs: int) -> int:
        short = clone(detector).set_params(**dict.fromkeys(planned, 2) | epochs, device="cpu")
        with _Operations() as operations:
            short.fit(x, x_validation=x[:10])
        return operations.total

    if not planned:
        return 0.0
    least = counted()
    epoch = {name: (counted(**{name: 4}) - least) / 2 for name in planned}
    return sum(epoch[name] * planned[name] for name in epoch) / 2 * images / len(x)
