"""Real digits of MNIST on real pictures of CIFAR-10, so that the mask of every pixel is known.

A digit is laid over a picture in ink of one colour, as opaque as its pixels are bright: these are
the mask. Digits and pictures are drawn at random, each at most once, training ones for training
and test ones for the test, so that the picture says nothing about the digit. Each digit gets a size
and a place of its own: were all in the middle, as in MNIST, a blob there would seem to find them.
"""

import numpy as np
from PIL import Image

from data_prep.masked_files import per_class_counts

SIDES = 16, 24  # pixels of the longer side of a digit's box, least and most
LICENCE = "CC BY-SA 3.0 (digit); none stated (picture)"


def scatter(digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Give each digit of uint8 (N, 1, 32, 32) a random size, within `SIDES`, and a random place.

    Sizes and places are uniform, proportions are kept; an image without ink stays as it is.
    """
    placed = np.zeros_like(digits)
    for image, canvas in zip(map(Image.fromarray, digits[:, 0]), placed[:, 0], strict=True):
        side, *at = rng.integers(SIDES[0], SIDES[1] + 1), *rng.random(2)
        if (box := image.getbbox()) is None:
            continue
        digit = image.crop(box)
        scale = side / max(digit.size)
        width, height = (max(1, round(scale * length)) for length in digit.size)
        small = digit.resize((width, height), Image.Resampling.BILINEAR)
        top, left = (int(u * (33 - length)) for u, length in zip(at, (height, width), strict=True))
        canvas[top : top + height, left : left + width] = small
    return placed


def compose(x: np.ndarray, masks: np.ndarray, rng: np.random.Generator) -> tuple:
    """Lay masks (N, 1, 32, 32) in ink over pictures (N, 3, 32, 32); all are uint8.

    Returns the pictures with the ink, and the ink alone, on black; both (N, 3, 32, 32). Each ink is
    at least 64 levels away, in each channel, from the mean colour that it covers, so that it can be
    seen; apart from that it is any colour.
    """
    # in whole numbers: sums of floats hang on the order in which a processor adds them up
    weighed = (x.astype(np.int32) * masks).sum((2, 3), dtype=np.int64)
    covered = weighed / np.maximum(masks.sum((2, 3), dtype=np.int64), 1)
    opaque = masks / np.float32(255)
    ink = (covered + rng.uniform(64, 192, covered.shape)) % 256
    alone = opaque * np.clip(ink, 0, 255)[..., None, None]
    return tuple(np.rint(a).astype(np.uint8) for a in (x * (1 - opaque) + alone, alone))


def build_arrays(mnist: dict, cifar: dict, per_class=550, test=500, seed=0) -> tuple[dict, list]:
    """Make the arrays and the manifest's rows, as `masked_files` has them, from two loaded sets.

    In the manifest, annotation_id is the row of the digit in its part of MNIST, and image_id that
    of the picture in its part of CIFAR-10. Raises ValueError if there are too few of either.
    """
    rng, arrays, rows = np.random.default_rng(seed), {}, []
    for part, count in zip(("train", "test"), per_class_counts(per_class, test), strict=True):
        masks, labels, pictures = mnist[f"x_{part}"], mnist[f"y_{part}"], cifar[f"x_{part}"]
        most = min(np.bincount(labels, minlength=10).min(), len(pictures) // 10)
        if count > most:
            raise ValueError(f"there are {most} {part} pictures a class at most, not {count}")
        by_class = [rng.permutation(np.flatnonzero(labels == digit))[:count] for digit in range(10)]
        digits = np.sort(np.concatenate(by_class))
        behind = rng.permutation(len(pictures))[: len(digits)]
        m, y = scatter(masks[digits], rng), labels[digits].astype(np.uint8)
        x, o = compose(pictures[behind], m, rng)
        arrays |= {f"{kind}_{part}": a for kind, a in zip("xomy", (x, o, m, y), strict=True)}
        rows += [(*ids, part, LICENCE) for ids in zip(digits, behind, labels[digits], strict=True)]
    return arrays, rows
