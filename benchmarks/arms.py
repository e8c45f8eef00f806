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

from benchmarks import detectors, together
from ocnd_lib.networks import VGG11, ResNet
from ocnd_lib.training import batches, shift_and_flip

IMAGES, BATCH = 640, 128
SET_SIZE = 50_000  # so that memory is that of a real data set


def labelled() -> tuple[np.ndarray, np.ndarray]:
    """Random images and labels of the size of CIFAR-10."""
    x = detectors.pictures(SET_SIZE, 3)
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


def loader(batch: int, turns: bool = False) -> torch.utils.data.DataLoader:
    """The usual way: shuffled batches from two workers, one image at a time through torchvision."""
    from torchvision.transforms import v2

    x, y = labelled()
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


def vgg11(side: str, batch_norm: str) -> float:
    """Images a second of training, warm-up left out."""
    from ocnd_lib import classifier  # which imports detectors: only `plain` may come before

    torch.manual_seed(0)
    if side == "plain":
        steps = IMAGES // BATCH
        return plain_loop(VGG11(batch_norm=batch_norm == "True"), loader(BATCH), steps, 2 * steps)
    x, y = labelled()
    recipe = classifier.Recipe(batch_norm=batch_norm == "True", epochs=3, batch_size=BATCH)
    _, curves = classifier.fit(x[:IMAGES], y[:IMAGES], recipe, seed=0)
    return 2 * IMAGES / sum(point["seconds"] for point in curves[1:])


def rotation() -> float:
    """Images a second that a plain loop learns to tell the turns of, made image by image."""
    torch.manual_seed(0)
    made, batch = detectors.detector("rotation")
    return plain_loop(ResNet(3, 4, made.width), loader(batch, turns=True), 2, 8)


def data_path(side: str) -> float:
    """Images a second of shuffled, augmented, scaled batches, without any training."""
    if side == "ours":
        x, y = map(torch.from_numpy, labelled())
        source = batches(x, y, BATCH, torch.Generator().manual_seed(0), shift_and_flip)
    else:
        source = iter(loader(BATCH))
    for _ in range(5):
        next(source)
    start = time.perf_counter()
    for _ in range(100):
        next(source)
    return 100 * BATCH / (time.perf_counter() - start)


ARMS = {
    "vgg11": vgg11,
    "rotation": rotation,
    "batches": data_path,
    "step": detectors.step,
    "score": detectors.score,
    "ocgans": together.ocgans,
}


def run(arguments: list[str]) -> dict:
    """One side: what it measured, and the peak memory of this process (and of its own)."""
    what, *details = arguments
    value = ARMS[what](*details)
    value, elsewhere = value if isinstance(value, tuple) else (value, 0.0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"value": value, "peak_mib": peak + elsewhere}
