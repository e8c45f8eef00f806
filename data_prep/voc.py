"""Single objects of PASCAL VOC 2012 in COCO's format, so that the path of COCO makes crops of them.

    write_instances("VOCdevkit/VOC2012", "instances.json", ("cat", "dog"))

The folder is as torchvision unpacks it: JPEGImages, Annotations, SegmentationClass. Masks of SBD
(Hariharan et al. 2011), its folder `cls`, are taken from there where VOC has none of a photograph.
These masks are of classes, not of objects, so an object is used only if all of its class near it
is its own; this favours single ones in full view.
"""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from PIL import Image
from pycocotools.mask import encode, iou
from tqdm import tqdm

from data_prep.archives import DataError
from data_prep.coco import known_words
from data_prep.files import write_json

CLASSES = (
    "aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike "
    "person pottedplant sheep sofa train tvmonitor"
).split()  # in VOC's order: a pixel of number k in a mask is of the class k - 1, 255 of none
ANIMALS = ("cat", "cow", "dog", "horse", "sheep")
OVERLAP, COVER, REACH, OUTSIDE, RING = 0.02, 0.2, 0.85, 0.1, 8


def write_instances(voc: Path, path: Path, classes: tuple[str, ...] = ANIMALS) -> Path:
    """Write the objects of these classes that pass `single_object` to a file in COCO's format.

    Boxes are VOC's own. Raises ValueError for another class, DataError if the folder is not VOC's,
    or a file in it is damaged.
    """
    classes = known_words(classes, CLASSES)
    voc, images, annotations = Path(voc), [], []
    files = sorted((voc / "Annotations").glob("*.xml"))
    if not files:
        raise DataError(f"{voc} is no folder VOC2012: no Annotations/*.xml is in it")
    for file in tqdm(files, "VOC", disable=None):
        try:
            objects = [entry for entry in read_objects(file) if entry[0] in classes]
            mask = class_mask(voc, file.stem) if objects else None
        except Exception as error:  # parsers and decoders raise many kinds
            raise DataError(f"{file.stem} of {voc} cannot be read: {error}") from error
        if mask is None:
            continue
        size = dict(zip(("height", "width"), mask.shape, strict=True))
        images.append({"id": len(images) + 1, "file_name": f"{file.stem}.jpg", **size})
        for name, box in objects:
            number = CLASSES.index(name) + 1
            others = [other for kind, other in objects if kind == name]
            others.remove(box)
            alone = single_object(mask == number, box, others)
            if alone is None:
                continue
            rle = encode(np.asfortranarray(alone, np.uint8))
            outline = {"segmentation": {**rle, "counts": rle["counts"].decode()}, "iscrowd": 0}
            ids = {"id": len(annotations) + 1, "image_id": len(images), "category_id": number}
            annotations.append({**ids, "bbox": box, "area": int(alone.sum()), **outline})
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASSES, 1)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    return write_json(path, content)


def read_objects(path: Path) -> list[tuple[str, list[float]]]:
    """Class and box x, y, width, height of every object; VOC's pixels count from 1, both inside."""
    found, sides = [], ("xmin", "ymin", "xmax", "ymax")
    for entry in ElementTree.parse(path).iter("object"):
        left, top, right, bottom = (float(entry.find("bndbox").findtext(side)) for side in sides)
        box = [left - 1, top - 1, right - left + 1, bottom - top + 1]
        found.append((entry.findtext("name"), box))
    return found


def class_mask(voc: Path, name: str) -> np.ndarray | None:
    """The class of every pixel (height, width), 0 none, 255 void; None if nobody marked them."""
    if (path := voc / "SegmentationClass" / f"{name}.png").exists():
        with Image.open(path) as file:
            return np.asarray(file)
    if (path := voc / "cls" / f"{name}.mat").exists():
        from scipy.io import loadmat

        return loadmat(path)["GTcls"][0, 0]["Segmentation"]
    return None


def single_object(mask: np.ndarray, box: list[float], others: list) -> np.ndarray | None:
    """The mask of the class (height, width) inside a box, or None if it may be of more than one.

    No other box of the class covers more than 2 % of this one; the mask covers 20 % of it and
    reaches over 85 % of its width and height; in a ring of 8 px around there is at most a tenth as
    much of the class as inside.
    """
    x, y, width, height = box
    if others and iou([box], others, [True] * len(others)).max() > OVERLAP:
        return None
    left, top, right, bottom = (max(0, round(v)) for v in (x, y, x + width, y + height))
    inside = np.zeros_like(mask)
    inside[top:bottom, left:right] = mask[top:bottom, left:right]
    near = mask[max(0, top - RING) : bottom + RING, max(0, left - RING) : right + RING].sum()
    area = inside.sum()
    if area < COVER * width * height or near - area > OUTSIDE * area:
        return None
    across, down = (np.ptp(np.flatnonzero(inside.any(axis))) + 1 for axis in (0, 1))
    return inside if across >= REACH * width and down >= REACH * height else None
