"""One side of one comparison, in a process of its own; gives {value, peak_mib}."""

import resource
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks import crops, detectors, together

IMAGES = 640
BATCH = {False: 128, True: 8}  # by `small`
SET_SIZE = 50_000  # so that memory is that of a real data set


def pictures(small: bool) -> tuple[np.ndarray, np.ndarray]:
    """Random images and labels of the size of CIFAR-10."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (2000 if small else SET_SIZE, 3, 32, 32), dtype=np.uint8)
    return x, (np.arange(len(x)) % 10 != 0).astype(np.int64)


@dataclass
class Pictures(torch.utils.data.Dataset):
    """Images with their labels, each through a transform; or in four turns, and which that are."""

    x: Tensor
    y: np.ndarray
    transform: Callable
    turns: bool

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int):
        image = self.transform(self.x[index])
        if not self.turns:
            return image, self.y[index]
        return torch.stack([torch.rot90(image, k, (1, 2)) for k in range(4)]), torch.arange(4)


def loader(small: bool, batch: int, turns: bool = False) -> torch.utils.data.DataLoader:
    """The usual way: shuffled batches from two workers, one image at a time through torchvision."""
    from torchvision.transforms import v2

    x, y = pictures(small)
    steps = (v2.RandomCrop(32, padding=4, padding_mode="edge"), v2.RandomHorizontalFlip())
    scale = (v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.5] * 3))
    data = Pictures(torch.from_numpy(x), y, v2.Compose([*steps, *scale]), turns)
    return torch.utils.data.DataLoader(data, batch, shuffle=True, num_workers=2)


def plain_loop(model: nn.Module, source: Iterable, warm_up: int, counted: int) -> float:
    """Images a second of `counted` steps of a plain fp32 loop in contiguous memory."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device, memory_format=torch.contiguous_format)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True)

    def rate(batches: Iterator) -> float:
        start, seen = time.perf_counter(), 0
        for images, labels in batches:
            seen += len(images)
            images, labels = images.to(device), labels.to(device)
            loss = F.cross_entropy(model(images.view(-1, 3, 32, 32)), labels.flatten())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        if device == "cuda":
            torch.cuda.synchronize()
        return seen / (time.perf_counter() - start)

    source = iter(source)
    rate(islice(source, warm_up))
    return rate(islice(source, counted))


def vgg11(side: str, batch_norm: str, small: bool = False) -> float:
    """Images a second of training, warm-up left out."""
    from ocnd_lib import classifier
    from ocnd_lib.networks import VGG11

    batch_norm, batch = batch_norm == "True", BATCH[small]
    count = batch if small else IMAGES
    torch.manual_seed(0)
    if side == "plain":
        steps = count // batch
        return plain_loop(VGG11(batch_norm=batch_norm), loader(small, batch), steps, 2 * steps)
    x, y = pictures(small)
    recipe = classifier.Recipe(batch_norm=batch_norm, epochs=3, batch_size=batch)
    _, curves = classifier.fit(x[:count], y[:count], recipe, seed=0)
    return 2 * count / sum(point["seconds"] for point in curves[1:])


def rotation(small: bool = False) -> float:
    """Images a second that a plain loop learns to tell the turns of, made image by image."""
    from ocnd_lib.networks import ResNet

    torch.manual_seed(0)
    made, batch = detectors.detector("rotation", small)
    return plain_loop(ResNet(3, 4, made.width), loader(small, batch, turns=True), 2, 8)


def data_path(side: str, small: bool = False) -> float:
    """Images a second of shuffled, augmented, scaled batches, without any training."""
    from ocnd_lib.training import batches, shift_and_flip

    if side == "ours":
        x, y = map(torch.from_numpy, pictures(small))
        source = batches(x, y, BATCH[small], torch.Generator().manual_seed(0), shift_and_flip)
    else:
        source = iter(loader(small, BATCH[small]))
    warm_up, counted = (1, 2) if small else (5, 100)
    for _ in range(warm_up):
        next(source)
    start = time.perf_counter()
    for _ in range(counted):
        next(source)
    return counted * BATCH[small] / (time.perf_counter() - start)


ARMS = {
    "vgg11": vgg11,
    "rotation": rotation,
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
