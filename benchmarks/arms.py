"""One side of one comparison, in a process of its own; gives {value, peak_mib}."""

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks import crops, detectors, together

IMAGES, BATCH = 640, 128
SET_SIZE = 50_000  # so that memory is that of a real data set


def size(small: bool) -> int:
    """Images in a batch."""
    return 8 if small else BATCH


def pictures(small: bool) -> tuple[np.ndarray, np.ndarray]:
    """Random images and labels of the size of CIFAR-10."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (2000 if small else SET_SIZE, 3, 32, 32), dtype=np.uint8)
    return x, (np.arange(len(x)) % 10 != 0).astype(np.int64)


def loader(small: bool) -> torch.utils.data.DataLoader:
    """The usual way: shuffled batches from two workers, one image at a time through torchvision."""
    from torchvision.transforms import v2

    x, y = pictures(small)
    steps = (v2.RandomCrop(32, padding=4, padding_mode="edge"), v2.RandomHorizontalFlip())
    scale = (v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.5] * 3))
    data = Pictures(torch.from_numpy(x), y, v2.Compose([*steps, *scale]))
    return torch.utils.data.DataLoader(data, size(small), shuffle=True, num_workers=2)


@dataclass
class Pictures(torch.utils.data.Dataset):
    """Images with their labels, each through a transform."""

    x: torch.Tensor
    y: np.ndarray
    transform: Callable

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int):
        return self.transform(self.x[index]), self.y[index]


def vgg11(side: str, batch_norm: str, small: bool = False) -> float:
    """Images a second of training, warm-up left out."""
    from ocnd_lib import classifier
    from ocnd_lib.networks import VGG11

    batch_norm, batch = batch_norm == "True", size(small)
    count = batch if small else IMAGES
    torch.manual_seed(0)
    if side == "ours":
        x, y = pictures(small)
        recipe = classifier.Recipe(batch_norm=batch_norm, epochs=3, batch_size=batch)
        _, curves = classifier.fit(x[:count], y[:count], recipe, seed=0)
        return 2 * count / sum(point["seconds"] for point in curves[1:])
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = VGG11(batch_norm=batch_norm).to(device, memory_format=torch.contiguous_format)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True)
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    start, seen = 0.0, -count
    for images, labels in loader(small):
        if seen == 0:
            wait()
            start = time.perf_counter()
        if seen == 2 * count:
            break
        loss = F.cross_entropy(model(images.to(device)), labels.to(device))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        seen += batch
    wait()
    return 2 * count / (time.perf_counter() - start)


def data_path(side: str, small: bool = False) -> float:
    """Images a second of shuffled, augmented, scaled batches, without any training."""
    from ocnd_lib.training import batches, shift_and_flip

    if side == "ours":
        x, y = map(torch.from_numpy, pictures(small))
        source = batches(x, y, size(small), torch.Generator().manual_seed(0), shift_and_flip)
    else:
        source = iter(loader(small))
    warm_up, counted = (1, 2) if small else (5, 100)
    for _ in range(warm_up):
        next(source)
    start = time.perf_counter()
    for _ in range(counted):
        next(source)
    return counted * size(small) / (time.perf_counter() - start)


ARMS = {
    "vgg11": vgg11,
    "batches": data_path,
    "crops": crops.crops,
    "step": detectors.step,
    "score": detectors.score,
    "ten": together.ten,
    "ocgans": together.ocgans,
}


def run(arguments: list[str], small: bool = False) -> dict:
    """One side: what it measured, and the peak memory of this process (and of its own)."""
    what, *details = arguments
    value = ARMS[what](*details, small=small)
    value, elsewhere = value if isinstance(value, tuple) else (value, 0.0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"value": value, "peak_mib": peak + elsewhere}
