"""Crops of objects with their masks from files in COCO's format, by the deck's rules.

    build("instances.json", "images", "coco10")
    build("instances.json", "images", "mine", "mine", categories=("cat", "dog"), whole=True)

The deck takes objects whose box is at least 50 px wide and high and whose width is 0.5 to 2 times
the height, crops by the box and resizes to 32 x 32. Kept here beside each crop are the deck's
second copy, multiplied by the object's own mask, and that mask.
"""

import difflib
import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from data_prep.archives import DataError
from data_prep.coco_crops import CORRUPT, DEEP, LARGE, MISSING, NO_AREA, SIZE, crop_image
from data_prep.coco_split import Choice, Item, choose
from data_prep.masked_files import COCO_CLASSES, COLUMNS, per_class_counts, write_csv, write_set

CATEGORIES = tuple(word.replace("-", " ") for word in COCO_CLASSES.split())
# Why an object is not used. The first four are the rules; the others are faults, listed one by one.
OTHER, CROWD = "of another category", "crowd"
SMALL, SHAPE = "box below 50 px", "width/height outside 0.5 to 2"
RULES = (OTHER, CROWD, SMALL, SHAPE)
UNKNOWN = "category not in the file's list"
NO_IMAGE, NO_BOX = "image not in the file's list", "no usable box"
TWO_IMAGES, COPY = "image id used by two images", "a copy of a picture to test on"
IMAGES = (MISSING, CORRUPT, DEEP, LARGE)  # those that take out all objects of an image
NO_ID, TWICE = "annotation id is no whole number", "annotation id used before"
FEWEST = 10  # photographs of a set that somebody makes


@dataclass
class Report:
    """What became of the objects of an annotation file."""

    categories: Sequence[str] = CATEGORIES
    total: int = 0
    dropped: Counter = field(default_factory=Counter)  # reason -> number of objects
    problems: list[tuple] = field(default_factory=list)  # annotation, image, category, reason
    choice: Choice | None = None

    def drop(self, annotation: dict, category: object, reason: str) -> None:
        """Count an object that is not used, and note it if that is due to a fault."""
        self.dropped[reason] += 1
        if reason not in RULES:
            self.problems.append((*map(annotation.get, ("id", "image_id")), category, reason))

    def table(self) -> str:
        """The summary: how many objects each rule dropped, and how many each class got."""
        usable, sides = self.total - self.dropped.total(), (self.choice.train, self.choice.test)
        taken = sum(map(len, sides))
        lines = [("objects in the file", self.total), *self.dropped.most_common()]
        lines += [("usable", usable), ("not needed", usable - taken), ("taken", taken)]
        text = [f"{name:32} {count:>8}" for name, count in lines] + [f"{'':32} {'train':>8}   test"]
        train, test = (Counter(item.label for item in side) for side in sides)
        for label, name in enumerate(self.categories):
            short = self.choice.short.get(label)
            said = f"  short: {short[0]} of {short[1]}" if short else ""
            text.append(f"{name:32} {train[label]:>8} {test[label]:>6}{said}")
        return "\n".join(text)


def read_annotations(path: Path) -> dict:
    """Read an instances*.json; raises DataError for a missing, cut-off or other file."""
    try:
        content = json.loads(Path(path).read_bytes())
        for key in ("images", "annotations", "categories"):
            if not all(isinstance(entry, dict) for entry in content[key]):
                raise ValueError(f"its {key} are no list of objects")
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise DataError(
            f"{path} is no whole file of COCO instances: {what}. Fetch it again, or name another "
            "with --annotations; without that, `ocnd data coco10` downloads one"
        ) from error
    if not any(annotation.get("segmentation") for annotation in content["annotations"]):
        raise DataError(f"{path} has no masks: no object in it has a `segmentation`")
    return content


def class_word(category: object) -> str:
    """A category as the one word that names a class: "Sports Ball" becomes sports-ball."""
    return re.sub(r"[\W_]+", "-", category.lower()).strip("-") if isinstance(category, str) else ""


def chosen_categories(content: dict, wanted: Sequence[str] | None) -> tuple[str, ...]:
    """The categories of a file that are wanted, as class words, or else all that have objects.

    ValueError for one that the file lacks, and for less than two.
    """
    named = {_number(c.get("id")): class_word(c.get("name")) for c in content["categories"]}
    used = {_number(a.get("category_id")) for a in content["annotations"]} - {None}
    there = list(dict.fromkeys(word for key, word in named.items() if word and key in used))
    words = there if wanted is None else known_words(wanted, there)
    if not 2 <= len(words) <= 256:
        raise ValueError(f"a set needs 2 to 256 categories, normal and novel; not {words}")
    return tuple(words)


def known_words(wanted: Iterable[str], there: Sequence[str]) -> list[str]:
    """The class words that are wanted, each once; ValueError for one that is not there."""
    words = list(dict.fromkeys(map(class_word, wanted)))
    for word in (word for word in words if word not in there):
        hint = "".join(f"did you mean {w}? " for w in difflib.get_close_matches(word, there, 1))
        raise ValueError(f"no object is of category {word!r}; {hint}there are: {', '.join(there)}")
    return words


def _number(value: object) -> int | None:
    """An id, which some tools write as text or as 101.0; None for what is no whole number."""
    try:
        return int(value) if isinstance(value, int) or int(value) == float(value) else None
    except (TypeError, ValueError, OverflowError):
        return None


def qualify(content: dict, report: Report) -> tuple[list[Item], COCO]:
    """Apply the rules to all annotations: the objects that pass, and an index of these alone.

    Every other object is dropped in `report`, for the first reason that applies.
    """
    words = [class_word(category) for category in report.categories]
    names = {_number(of.get("id")): of.get("name") for of in content["categories"]} | {None: None}
    images, first = {}, {}
    for image in content["images"]:
        key, file = _number(image.get("id")), image.get("file_name")
        if key is not None and isinstance(file, str):
            first.setdefault(Path(file), key)
            same = images.setdefault(key, image)["file_name"] == file
            images[key] = images[key] if same else {"file_name": ""}
    index, items = COCO(), []
    report.total = len(content["annotations"])
    for given in content["annotations"]:
        category = names.get(_number(given.get("category_id")))
        annotation = given | {key: _number(given.get(key)) for key in ("id", "image_id")}
        if reason := _reason(annotation, class_word(category), words, images, index.anns):
            report.drop(given, category, reason)
            continue
        key, file = annotation["id"], images[annotation["image_id"]]["file_name"]
        # one photograph under two ids must not be on both sides of the split
        annotation["image_id"] = one = first[Path(file)]
        items.append(Item(key, one, words.index(class_word(category))))
        index.anns[key], index.imgs[one] = annotation, images[one]
    return items, index


def _reason(annotation: dict, word: str, words: list, images: dict, known: dict) -> str | None:
    """Why an annotation is not used, or None."""
    if word not in words:
        return OTHER if word else UNKNOWN
    if annotation.get("iscrowd"):
        return CROWD
    try:
        width, height = map(float, annotation["bbox"][2:])
        if not np.isfinite(annotation["bbox"]).all() or min(width, height) <= 0:
            return NO_BOX
    except (KeyError, TypeError, ValueError, OverflowError):
        return NO_BOX
    if min(width, height) < 50:
        return SMALL
    if not 0.5 <= width / height <= 2:
        return SHAPE
    area = annotation.get("area", 1)  # not every tool writes it
    if not annotation.get("segmentation") or not isinstance(area, int | float) or not area > 0:
        return NO_AREA
    if annotation["image_id"] not in images:
        return NO_IMAGE
    if not images[annotation["image_id"]]["file_name"]:
        return TWO_IMAGES
    if annotation["id"] is None:
        return NO_ID
    return TWICE if annotation["id"] in known else None


def build(
    annotations: Path, images: Path, out: Path, name: str = "coco10", per_class: int = 550,
    test: int | None = 500, seed: int = 0, fewer: bool = False,
    get: Callable[[list[dict]], Iterable[int]] | None = None,
    categories: Sequence[str] | None = CATEGORIES, whole: bool = False,
) -> Report:  # fmt: skip
    """Build `NAME.npz`, `manifest.csv` and `problems.csv` in `out` from a COCO file and its images.

    An object that cannot be used is replaced by another of its class. `test` None is a fifth;
    `categories` None are all of the file. `get(entries)`, if given, puts the images of these
    entries into the folder `images`, and returns the ids of those that do not exist. Raises
    ValueError for impossible counts and categories; DataError for an unusable file, and when a
    class has fewer than `per_class` objects, unless `fewer` allows that. With `whole` no class may
    lack objects to train on or to test on, and there must be ten photographs.
    """
    if categories and test is not None:
        per_class_counts(per_class, test, len(categories))
    content, out = read_annotations(annotations), Path(out)
    if categories is not CATEGORIES:
        categories = chosen_categories(content, categories)
    test = len(categories) * max(1, per_class // 5) if test is None else test
    per_class_counts(per_class, test, len(categories))
    items, index = qualify(content, report := Report(categories))
    given = [entry for entry in content.get("licenses") or [] if isinstance(entry, dict)]
    licences = {_number(entry.get("id")): entry.get("name", "") for entry in given}
    paths = {key: _inside(Path(images), image["file_name"]) for key, image in index.imgs.items()}
    del content  # of which `index` holds the small part that is used
    lost = {key for key, path in paths.items() if not path.exists()} if get is None else set()
    if lost and len(lost) == len(paths):
        raise DataError(
            f"none of the {len(lost)} images that are needed is in the folder {images}, the first: "
            f"{min(paths.values()).name}. Is it the right folder for --images?"
        )
    items = _without(items, dict.fromkeys(lost, MISSING), {}, report, index)
    crops = {}
    while True:  # until all that are chosen have proved to be usable
        report.choice = choose(items, per_class, test, seed, fewer, len(categories))
        chosen = [*report.choice.train, *report.choice.test]
        lacks = _lacks(report) if whole else []
        if not chosen or (report.choice.short and not fewer) or lacks:
            write_problems(report, out)
            raise DataError(_too_few(annotations, report, lacks, out))
        entries = defaultdict(list)
        for item in chosen:
            if item.annotation_id not in crops:
                entries[item.image_id].append(item.annotation_id)
        lost = set(get([index.imgs[key] for key in sorted(entries)])) if get and entries else set()
        found = _crop_all({k: ids for k, ids in entries.items() if k not in lost}, paths, index)
        crops |= {key: crop for key, crop in found.items() if not isinstance(crop, str)}
        bad = {key: reason for key, reason in found.items() if isinstance(reason, str)}
        seen = {key: crop[0].tobytes() for key, crop in crops.items()}
        tested = {seen.get(key) for key, *_ in report.choice.test} - {None}
        bad |= {key: COPY for key, *_ in report.choice.train if seen.get(key) in tested}
        if not bad and not lost:
            break
        gone = {index.anns[key]["image_id"]: why for key, why in bad.items() if why in IMAGES}
        items = _without(items, dict.fromkeys(lost, MISSING) | gone, bad, report, index)
    write_problems(report, out)
    _write(name, out, report, crops, index, licences)
    return report


def _lacks(report: Report) -> list[str]:
    """What is missing so that every class trains and is tested, with ten photographs in all."""
    train, test = report.choice.train, report.choice.test
    count = len({item.image_id for item in (*train, *test)})
    few = [f"{count} photographs in all, of {FEWEST} at least"] if count < FEWEST else []
    sides = {"train": {item.label for item in train}, "test": {item.label for item in test}}
    names = enumerate(report.categories)
    return few + [f"no {n} to {at} on" for k, n in names for at in sides if k not in sides[at]]


def _inside(folder: Path, name: str) -> Path:
    path = folder / name
    if not Path(os.path.abspath(path)).is_relative_to(os.path.abspath(folder)):  # links may leave
        raise DataError(f"the annotation file names an image outside its folder: {name!r}")
    return path


def _without(items: list[Item], images: dict, objects: dict, report: Report, index: COCO) -> list:
    """The items but those of these images or with these ids, which are dropped for the reasons."""
    reasons = {i: images.get(i.image_id) or objects.get(i.annotation_id) for i in items}
    for item in filter(reasons.get, items):
        report.drop(index.anns[item.annotation_id], report.categories[item.label], reasons[item])
    return [item for item in items if not reasons[item]]


def _crop_all(entries: dict[int, list[int]], paths: dict[int, Path], index: COCO) -> dict:
    """Crop objects, photograph by photograph; crops or reasons by annotation id."""

    def one(key: int, ids: list[int]) -> list[tuple]:
        crops = crop_image(paths[key], index.imgs[key], index.loadAnns(ids), index)
        return list(zip(ids, crops, strict=True))

    # two crops at a time, each on one thread: BLAS with threads of its own would halve the speed
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(2) as pool:
        found = pool.map(one, entries, entries.values())
        return dict(chain.from_iterable(tqdm(found, "crops", len(entries), disable=None)))


def write_problems(report: Report, folder: Path) -> None:
    """Write `problems.csv`: every object that a fault of the file or an image took out."""
    write_csv(folder / "problems.csv", (*COLUMNS[:3], "reason"), report.problems)


def _too_few(annotations: Path, report: Report, lacks: list[str], folder: Path) -> str:
    short = report.choice.short.items()
    few = [f"{report.categories[label]} {got} of {wanted}" for label, (got, wanted) in short]
    return (
        f"{annotations} has too few objects that qualify, split by photograph: "
        f"{', '.join(few + lacks)}. {len(report.problems)} objects have a fault, see "
        f"{folder / 'problems.csv'}. Ask for a smaller --per-class with a smaller --test, or take "
        "what there is with --fewer"
    )


def _write(name: str, folder: Path, report: Report, crops: dict, index: COCO, licences: dict):
    arrays, rows = {}, []
    for part, items in (("train", report.choice.train), ("test", report.choice.test)):
        found = [crops[item.annotation_id] for item in items]
        for k, (kind, channels) in enumerate(zip("xom", (3, 3, 1), strict=True)):
            array = np.array([crop[k] for crop in found], np.uint8)
            arrays[f"{kind}_{part}"] = array.reshape(-1, channels, SIZE, SIZE)
        arrays[f"y_{part}"] = np.array([item.label for item in items], np.uint8)
        for key, image_id, label in items:
            licence = licences.get(_number(index.imgs[image_id].get("license")), "not stated")
            rows.append((key, image_id, report.categories[label], part, licence))
    write_set(name, folder, arrays, rows, list(map(class_word, report.categories)))
