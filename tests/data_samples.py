"""What tests share: bars to learn from, tiny sets in the stored layout, files in COCO's format."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from data_prep import archives

REAL = Path(os.environ.get("OCND_DATA") or "data")  # the originals, where there are any


def tiny(name: str) -> dict[str, np.ndarray]:
    """Four images of each class for training and two for testing, in the stored layout."""
    rng = np.random.default_rng(1)
    shape = archives.IMAGE_SHAPE[name]
    return {
        "x_train": rng.integers(1, 256, (40, *shape), np.uint8),
        "y_train": np.repeat(np.arange(10, dtype=np.uint8), 4),
        "x_test": rng.integers(1, 256, (20, *shape), np.uint8),
        "y_test": np.tile(np.arange(10, dtype=np.uint8), 2),
    }


def write_npz(path: Path, name: str, save=np.savez, **changes) -> None:
    """Write a well-formed file, then whatever `changes` says (None: without that array)."""
    arrays = tiny(name)
    arrays["md5"] = np.array([archives.md5_of(array) for array in arrays.values()])
    arrays["class_names"] = np.array(archives.CLASS_NAMES[name].split())
    save(path, **{k: v for k, v in {**arrays, **changes}.items() if v is not None})


def record(cell: str, **more) -> dict:
    """The least that a record is made of, and more or other than that."""
    least = {"metrics": {}, "seconds": 1.0, "hardware": "cpu float32", "provenance": {}}
    return {"cell": cell, **least, **more}


def bars(count: int, seed: int, channels: int = 1) -> np.ndarray:
    """Dark images with a bright bar, here or a little further."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 30, (count, channels, 32, 32))
    for image, top, left in zip(x, *rng.integers(10, 14, (2, count)), strict=True):
        image[:, top : top + 12, left : left + 6] += 200
    return x.astype(np.uint8)


def rows(*arrays: np.ndarray) -> list[bytes]:
    return sorted(image.tobytes() for array in arrays for image in array)


def photographs(folder: Path, count: int, names: tuple[str, ...]) -> dict:
    """Photographs of noise with two objects each, of one class, and what a COCO file says of them.

    Their outlines are polygons and runs, in turns.
    """
    folder.mkdir(parents=True)
    content = {"images": [], "annotations": [], "licenses": [{"id": 1, "name": "free"}]}
    content["categories"] = [{"id": k, "name": name} for k, name in enumerate(names)]
    for number in range(count):
        picture = np.random.default_rng(number).integers(0, 256, (70, 140, 3), np.uint8)
        Image.fromarray(picture).save(folder / f"{number}.png")
        entry = {"id": number, "file_name": f"{number}.png", "height": 70, "width": 140}
        content["images"].append({**entry, "license": 1})
        for x in (5, 75):
            runs = {"size": [70, 140], "counts": [70 * x, 70 * 55, 70 * (140 - 55 - x)]}
            outline = runs if number % 2 else [[x, 5, x + 55, 5, x + 55, 60, x, 60]]
            ids = {"id": len(content["annotations"]) + 1, "image_id": number}
            box = {"bbox": [x, 5, 55, 55], "segmentation": outline, "area": 55 * 55}
            content["annotations"].append({**ids, "category_id": number % len(names), **box})
    return content


def high_bars(count: int, seed: int) -> np.ndarray:
    """Noise with a bright bar near the top, which tells how an image was turned."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 60, (count, 1, 32, 32)).astype(np.uint8)
    for image, top in zip(x, rng.integers(2, 9, count), strict=True):
        image[:, top : top + 4, 4:28] += 180
    return x
