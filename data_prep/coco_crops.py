"""A picture, its object alone and a mask, cropped by a box and brought to 32 x 32 by area."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from pycocotools.coco import COCO
from pycocotools.mask import encode

SIZE = 32
# Why an object cannot be cropped.
MISSING, CORRUPT = "image missing", "image corrupt or of another size"
DEEP, LARGE = "image of more than 8 bits a channel", "image of too many pixels"
NO_AREA, BAD_MASK = "no area", "mask unreadable"


def area_weights(start: float, length: float, pixels: int) -> np.ndarray:
    """How much of each pixel lies in each of `SIZE` equal parts of a stretch: (SIZE, pixels).

    Pixel j covers [j, j + 1), the stretch [start, start + length); each row adds up to 1.
    """
    edges, pixel = start + length * np.arange(SIZE + 1)[:, None] / SIZE, np.arange(pixels)
    overlap = np.maximum(np.minimum(edges[1:], pixel + 1) - np.maximum(edges[:-1], pixel), 0)
    return overlap / overlap.sum(1, keepdims=True)


def crop(picture: np.ndarray, mask: np.ndarray, box: Iterable[float]) -> tuple | None:
    """Crop a picture (H, W, 3) uint8 and a mask (H, W) of 0 and 1 by a box x, y, width, height.

    Returns the picture, the picture times the mask, both (3, 32, 32), and the mask (1, 32, 32),
    uint8, each pixel the mean of its area, a half rounded up; None if no pixel of the mask lies in
    the box. Were the product taken of the small ones, an outline would keep some background.
    """
    x, y, width, height = box
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + width, mask.shape[1]), min(y + height, mask.shape[0])
    if left >= right or top >= bottom:
        return None
    rows, columns = (slice(int(a), int(np.ceil(b))) for a, b in ((top, bottom), (left, right)))
    mask = mask[rows, columns]
    if not mask.any():
        return None
    down = area_weights(top - rows.start, bottom - top, mask.shape[0])
    along = area_weights(left - columns.start, right - left, mask.shape[1]).T
    planes = picture[rows, columns].transpose(2, 0, 1).astype(np.float64, order="C")
    # the billionth keeps a half a half, whatever the order in which a processor adds
    return tuple(
        np.floor(down @ plane @ along + 0.5 + 1e-9).astype(np.uint8)
        for plane in (planes, planes * mask, 255.0 * mask[None])
    )


def read_upright(path: Path) -> np.ndarray | str:
    """A picture upright, uint8 (height, width, 3); or what is wrong with it.

    Pillow would make white of 16 bits, black of floats; boxes are drawn as EXIF turns a picture.
    """
    try:
        with Image.open(path) as file:
            if file.mode in ("F", "I") or file.mode.startswith("I;"):
                return DEEP
            return np.asarray(ImageOps.exif_transpose(file).convert("RGB"))
    except FileNotFoundError:
        return MISSING
    except Image.DecompressionBombError:
        return LARGE
    except Exception:  # Pillow's decoders raise many kinds
        return CORRUPT


def read_picture(path: Path, image: dict) -> np.ndarray | str:
    """A photograph, `read_upright`, if it is as large as its entry says."""
    picture = read_upright(path)
    if isinstance(picture, str) or picture.shape[:2] == (image.get("height"), image.get("width")):
        return picture
    return CORRUPT


def read_mask(annotation: dict, height: int, width: int, index: COCO) -> np.ndarray:
    """The mask of an object, 0 and 1, (height, width); ValueError, or another, for none of these.

    pycocotools leaves memory as it is where runs end early, and takes gigabytes for a far corner.
    """
    given = annotation["segmentation"]
    runs = given["counts"] if isinstance(given, dict) else []
    if isinstance(given, dict):
        listed = not isinstance(runs, list) or sum(map(int, runs)) == height * width
        if list(given["size"]) != [height, width] or not listed:
            raise ValueError("the runs of the mask do not fill the photograph")
    elif not all((np.abs(p) <= 2 * max(height, width)).all() for p in given):  # nor is NaN
        raise ValueError("a corner of the mask is far outside the photograph")
    mask = index.annToMask(annotation)
    if isinstance(runs, str) and encode(np.asfortranarray(mask))["counts"] != runs.encode():
        raise ValueError("the runs of the mask do not fill the photograph")
    return mask


def crop_image(path: Path, image: dict, annotations: list[dict], index: COCO) -> list:
    """Crop the objects of one photograph; for each what `crop` returns, or the reason why not."""
    picture = read_picture(path, image)
    if isinstance(picture, str):
        return [picture] * len(annotations)
    found = []
    for annotation in annotations:
        try:
            mask = read_mask(annotation, *picture.shape[:2], index)
            found.append(crop(picture, mask, annotation["bbox"]) or NO_AREA)
        except Exception:  # pycocotools raises many kinds
            found.append(BAD_MASK)
    return found
