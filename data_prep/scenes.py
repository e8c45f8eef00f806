"""Generated photographs in the format of COCO: objects of the deck's ten classes, masks known.

    build_scenes(Path("scenes"), background_correlation=0.9)

Each scene shows one or two objects of one class before a textured background. With probability
`background_correlation` that is the class's own background, else any of the ten: at 0 the
background says nothing about the class, at 1 it gives it away. The colours of an object hang on
neither.
"""

from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as masks
from tqdm import tqdm

from data_prep.coco import CATEGORIES, build
from data_prep.files import write_json
from data_prep.masked_files import per_class_counts
from data_prep.silhouettes import SILHOUETTES, Rng
from data_prep.textures import background, smooth_noise

CATEGORY_IDS = (5, 3, 16, 17, 37, 18, 51, 19, 9, 8)  # those of COCO
CELL = 128  # pixels of a scene's height, and of its width for each object
LICENCE = {"id": 1, "name": "CC0 1.0", "url": "https://creativecommons.org/publicdomain/zero/1.0/"}


def place(label: int, rng: Rng, column: int) -> list[tuple[np.ndarray, float]]:
    """Draw an object into a cell of the scene: its parts as polygons in pixels, and their tones.

    Its box is 54 to 116 pixels wide and high, in a ratio of 0.6 to 1.7.
    """
    parts = SILHOUETTES[label](rng)
    turn, mirror = rng.uniform(-0.5, 0.5), rng.choice([-1, 1])
    cos, sin = np.cos(turn), np.sin(turn)
    turned = [polygon @ [[mirror * cos, mirror * sin], [-sin, cos]] for polygon, _ in parts]
    corners = np.concatenate(turned)
    low, extent = corners.min(0), np.ptp(corners, 0)
    # as if it were seen a little from the front or the back
    ratio = np.clip(extent[0] / extent[1] * rng.uniform(0.75, 1), 0.6, 1.7)
    longest = rng.uniform(54 * max(ratio, 1 / ratio), 116)
    size = longest * np.array([min(ratio, 1), min(1 / ratio, 1)])
    start = rng.uniform(4, CELL - 4 - size)
    start[0] += column * CELL
    placed = [np.round((polygon - low) / extent * size + start, 2) for polygon in turned]
    return [(polygon, tone) for polygon, (_, tone) in zip(placed, parts, strict=True)]


def paint(picture: np.ndarray, parts: list, rng: Rng) -> dict:
    """Paint an object into a picture (H, W, 3); return the RLE of exactly the painted pixels."""
    height, width = picture.shape[:2]
    rles = masks.frPyObjects([part.ravel().tolist() for part, _ in parts], height, width)
    whole = masks.merge(rles)
    x, y, w, h = masks.toBbox(whole).astype(int)
    here = picture[y : y + h, x : x + w]
    inside = masks.decode(rles)[y : y + h, x : x + w].astype(bool)
    light = np.zeros((h, w), np.float32)
    for tone, part in zip((tone for _, tone in parts), inside.transpose(2, 0, 1), strict=True):
        light[part] = tone
    # a coat as restless as the background, so that texture alone does not part the two
    light = 35 * light + 60 * (smooth_noise(rng, h, w, 25, 25) - np.linspace(0, 1, h)[:, None])
    light += 70 * (smooth_noise(rng, h, w, 5, 5) - 0.5)
    light += 12 * rng.standard_normal((h, w), np.float32)
    # whatever stands behind, so that a masked object tells nothing about its background
    colour = rng.uniform(50, 215) + rng.normal(0, 25, 3)
    shown = inside.any(2)
    here[shown] = np.clip(colour + light[shown][:, None], 0, 255)
    return whole


def segmentation(parts: list, rle: dict, form: int) -> list | dict:
    """State a mask in one of COCO's three forms: 0 polygons, 1 uncompressed, 2 compressed RLE."""
    if form == 0:
        return [polygon.ravel().tolist() for polygon, _ in parts]
    if form == 2:
        return {"size": rle["size"], "counts": rle["counts"].decode()}
    pixels = masks.decode(rle).T.ravel()  # column by column, beginning with a run of zeros
    changes = np.flatnonzero(np.diff(pixels, prepend=0))
    counts = np.diff(changes, prepend=0, append=len(pixels)).tolist()
    return {"size": rle["size"], "counts": counts}


def draw_scene(label: int, objects: int, background_correlation: float, rng: Rng) -> tuple:
    """Draw one scene: uint8 (H, W, 3), and a list of annotations, without their ids.

    The correlation decides on nothing but what stands behind the objects.
    """
    choice, behind, rng = rng.spawn(3)
    own, other = choice.random() < background_correlation, int(choice.integers(len(SILHOUETTES)))
    picture = background(label if own else other, behind, CELL, objects * CELL)
    annotations = []
    for column in range(objects):
        parts = place(label, rng, column)
        rle = paint(picture, parts, rng)
        mask = segmentation(parts, rle, int(rng.integers(3)))
        extent = {"bbox": masks.toBbox(rle).tolist(), "area": int(masks.area(rle)), "iscrowd": 0}
        annotations.append({"category_id": CATEGORY_IDS[label], "segmentation": mask, **extent})
    return np.rint(picture).astype(np.uint8), annotations


def draw_scenes(folder: Path, per_class: int, background_correlation: float, seed: int) -> Path:
    """Write `images/*.png` and then `instances.json` with `per_class` objects of each class.

    Equal arguments give equal files. `background_correlation` is in [0, 1]; ValueError otherwise.
    """
    if not 0 <= background_correlation <= 1:
        raise ValueError(f"{background_correlation=} is not from 0 to 1")
    (images_folder := Path(folder) / "images").mkdir(parents=True, exist_ok=True)
    # one object, then two, and so on, so that any number can be put aside for the test
    pairs, single = divmod(per_class, 3)
    counts = [1, 2] * pairs + [1] * single
    plan = [(label, count) for label in range(len(SILHOUETTES)) for count in counts]
    images, annotations = [], []
    for number, (label, objects) in enumerate(tqdm(plan, "scenes", disable=None), 1):
        rng, name = np.random.default_rng([seed, number]), f"{number:06}.png"
        picture, drawn = draw_scene(label, objects, background_correlation, rng)
        # without loss: in a JPEG colours of the background seep into the objects
        Image.fromarray(picture).save(images_folder / name, compress_level=1)
        size = dict(zip(("height", "width"), picture.shape, strict=False))
        images.append({"id": number, "file_name": name, **size, "license": 1})
        for annotation in drawn:
            annotations.append({"id": len(annotations) + 1, "image_id": number, **annotation})
    named = zip(CATEGORY_IDS, CATEGORIES, strict=True)
    content = {
        "info": {"description": f"generated scenes, {background_correlation=}, {seed=}"},
        "licenses": [LICENCE], "images": images, "annotations": annotations,
        "categories": [{"id": key, "name": name} for key, name in named],
    }  # fmt: skip
    return write_json(Path(folder) / "instances.json", content)


def build_scenes(folder: Path, per_class=550, test=500, seed=0, background_correlation=0.5):
    """Draw the scenes into the folder and crop them as any COCO file: `scenes.npz` beside them.

    Returns a `Report`; raises ValueError for counts or a correlation that cannot be.
    """
    per_class_counts(per_class, test)  # before half a minute of drawing
    path = draw_scenes(folder, per_class, background_correlation, seed)
    return build(path, path.with_name("images"), folder, "scenes", per_class, test, seed)
