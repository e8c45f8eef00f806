"""One side of one comparison, in a process of its own; prints {rate, peak_mib}."""

import json
import resource
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from ocnd_lib import classifier
from ocnd_lib.networks import VGG11
from ocnd_lib.training import batches, shift_and_flip

IMAGES, BATCH = 1280, 128
SET_SIZE = 50_000  # so that memory is that of a real data set


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """Random images and labels of the size of CIFAR-10."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (SET_SIZE, 3, 32, 32), dtype=np.uint8)
    return x, (np.arange(SET_SIZE) % 10 != 0).astype(np.int64)


class Pictures(Dataset):
    """The usual way: one image at a time through torchvision's transforms."""

    def __init__(self, x: np.ndarray, y: np.ndarray):
        self.x, self.y = torch.from_numpy(x), y
        self.transform = v2.Compose(
            [
                v2.RandomCrop(32, padding=4, padding_mode="edge"),
                v2.RandomHorizontalFlip(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize([0.5] * 3, [0.5] * 3),
            ]
        )

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int):
        return self.transform(self.x[index]), self.y[index]


def loader() -> DataLoader:
    """Shuffled batches from two worker processes."""
    data = Pictures(*pictures())
    return DataLoader(data, BATCH, shuffle=True, num_workers=2, persistent_workers=True)


def vgg11(side: str, batch_norm: str) -> float:
    """Images a second of training, warm-up left out."""
    batch_norm = batch_norm == "True"
    torch.manual_seed(0)
    if side == "ours":
        x, y = pictures()
        recipe = classifier.Recipe(batch_norm=batch_norm, epochs=3)
        _, curves = classifier.fit(x[:IMAGES], y[:IMAGES], recipe, seed=0)
        return IMAGES / min(point["seconds"] for point in curves[1:])
    model = VGG11(batch_norm=batch_norm).to(memory_format=torch.contiguous_format)
    model.fast = False
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True)
    start, seen = 0.0, -5 * BATCH
    for images, labels in loader():
        if seen == 0:
            start = time.perf_counter()
        if seen == IMAGES:
            break
        loss = F.cross_entropy(model(images), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        seen += BATCH
    return IMAGES / (time.perf_counter() - start)


def data_path(side: str) -> float:
    """Images a second of shuffled, augmented, scaled batches, without any training."""
    if side == "ours":
        x, y = map(torch.from_numpy, pictures())
        source = batches(x, y, BATCH, torch.Generator().manual_seed(0), shift_and_flip)
    else:
        source = iter(loader())
    for _ in range(5):
        next(source)
    start = time.perf_counter()
    for _ in range(100):
        next(source)
    return 100 * BATCH / (time.perf_counter() - start)


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    rate = {"vgg11": vgg11, "batches": data_path}[what](*arguments)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rate": rate, "peak_mib": peak}))
