"""Cropping objects from photographs in the format of COCO, as `ocnd data coco10` does."""

import json
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools.coco import COCO

from data_prep.coco import CATEGORIES, SIZE, build

PHOTOGRAPHS, OBJECTS = 120, 3  # objects in each
HEIGHT, WIDTH = 480, 640  # those of most of COCO's


def photographs(folder: Path, count: int) -> Path:
    """Write pictures with smooth random content, JPEG, and the file of their objects, ellipses."""
    rng = np.random.default_rng(0)
    names = [{"id": k + 1, "name": name} for k, name in enumerate(CATEGORIES)]
    content = {"images": [], "annotations": [], "categories": names}
    for number in range(count):
        coarse = rng.integers(0, 256, (HEIGHT // 16, WIDTH // 16, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number}.jpg", quality=90)
        image = {"id": number, "file_name": f"{number}.jpg", "height": HEIGHT, "width": WIDTH}
        content["images"].append(image)
        for k in range(OBJECTS):
            size = rng.uniform(90, 170, 2)  # within the rules
            middle = size / 2 + rng.uniform(0, 1, 2) * (np.array([WIDTH, HEIGHT]) - size)
            turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
            outline = middle + np.stack([np.cos(turn), np.sin(turn)], 1) * size / 2
            one = OBJECTS * number + k
            about = {"id": one, "image_id": number, "category_id": one % len(CATEGORIES) + 1}
            about |= {"bbox": [*(middle - size / 2), *size], "area": float(size.prod())}
            about |= {"segmentation": [outline.ravel().tolist()], "iscrowd": 0}
            content["annotations"].append(about)
    path = folder / "instances.json"
    path.write_text(json.dumps(content))
    return path


def plain(path: Path) -> int:
    """Crop object by object, each with its photograph opened anew; how many that were."""
    index, crops = COCO(str(path)), []
    for annotation in index.anns.values():
        entry = index.imgs[annotation["image_id"]]
        picture = np.asarray(Image.open(path.parent / entry["file_name"]).convert("RGB"))
        mask = index.annToMask(annotation)[:, :, None]
        x, y, width, height = map(int, annotation["bbox"])
        for kind in (picture, picture * mask, 255 * mask.repeat(3, 2)):
            part = Image.fromarray(kind[y : y + height + 1, x : x + width + 1])
            crops.append(np.asarray(part.resize((SIZE, SIZE), Image.Resampling.BOX)))
    return len(crops) // 3


def crops(side: str, small: bool = False) -> float:
    """Objects a second, from files to files or, the plain way, to arrays."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = photographs(folder, 20 if small else PHOTOGRAPHS)
        start = time.perf_counter()
        if side == "plain":
            count = plain(path)
        else:
            report = build(path, folder, folder / "made", per_class=100, test=100, fewer=True)
            count = len(report.choice.train) + len(report.choice.test)
        return count / (time.perf_counter() - start)
