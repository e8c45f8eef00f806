"""COCO objects are cropped by the deck's rules; what cannot be used is never lost in silence."""

import csv
import json
import os
import random
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as masks
from pycocotools.coco import COCO
from threadpoolctl import threadpool_info

from data_prep import coco, coco_crops
from data_prep.archives import DataError
from data_prep.coco import CATEGORIES, Report, build, qualify
from data_prep.coco_crops import crop
from data_prep.coco_split import Item, choose
from data_prep.masked_files import read_set

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
SUBSET = Path(os.environ.get("OCND_DATA") or "data") / "coco"
WIDTH, HEIGHT = 240, 140


class Maker:
    """A COCO file under construction; images are noise, so that no two crops are alike."""

    def __init__(self, folder: Path):
        self.folder, self.path = folder, folder / "instances.json"
        self.images, self.annotations = [], []
        self.pictures: dict[int, np.ndarray] = {}
        (folder / "images").mkdir()

    def image(self, picture: np.ndarray | None = None) -> int:
        """Add an image and return its id."""
        number = len(self.images) + 1
        if picture is None:
            shape = (HEIGHT, WIDTH, 3)
            picture = np.random.default_rng(number).integers(0, 256, shape, np.uint8)
        self.pictures[number] = picture
        name, (height, width) = f"{number:06}.png", picture.shape[:2]
        Image.fromarray(picture).save(self.folder / "images" / name, compress_level=0)
        entry = {"id": number, "file_name": name, "height": height, "width": width}
        self.images.append({**entry, "license": 7, "coco_url": f"http://nowhere/{name}"})
        return number

    def object(self, category: str = "dog", box=(10, 10, 60, 60), image=None, **changes) -> dict:
        """Add an object whose mask is its box, in an image of its own unless one is given."""
        x, y, w, h = box
        number = len(self.annotations) + 101
        self.annotations.append(
            {
                "id": number,
                "image_id": image or self.image(),
                "category_id": CATEGORIES.index(category) + 1 if category in CATEGORIES else 99,
                "bbox": list(box),
                "segmentation": [[x, y, x + w, y, x + w, y + h, x, y + h]],
                "area": w * h,
                "iscrowd": 0,
                **changes,
            }
        )
        return self.annotations[-1]

    def some_of_each(self, count: int = 2) -> None:
        for category in CATEGORIES:
            for _ in range(count):
                self.object(category)

    def write(self) -> Path:
        categories = [{"id": i, "name": name} for i, name in enumerate(CATEGORIES, 1)]
        content = {
            "licenses": [{"id": 7, "name": "Attribution"}],
            "images": self.images,
            "annotations": self.annotations,
            "categories": [*categories, {"id": 99, "name": "zebra"}],
        }
        self.path.write_text(json.dumps(content))
        return self.path

    def build(self, **options) -> Report:
        options = {"per_class": 2, "test": 10, **options}
        return build(self.write(), self.folder / "images", self.folder / "out", **options)

    def result(self) -> dict[str, np.ndarray]:
        return read_set("coco10", self.folder / "out" / "coco10.npz")

    def rows(self, name: str) -> list[dict]:
        with open(self.folder / "out" / name, newline="") as file:
            return list(csv.DictReader(file))

    def crops(self) -> dict[int, tuple[np.ndarray, ...]]:
        """What was built, by annotation id."""
        arrays = self.result()
        found = [
            crop
            for part in ("train", "test")
            for crop in zip(*(arrays[f"{kind}_{part}"] for kind in "xom"), strict=True)
        ]
        ids = [int(row["annotation_id"]) for row in self.rows("manifest.csv")]
        return dict(zip(ids, found, strict=True))


@pytest.fixture
def maker(tmp_path) -> Maker:
    return Maker(tmp_path)


def shrunk(planes: np.ndarray) -> np.ndarray:
    """Planes (C, H, W) brought to 32 x 32 by area in whole numbers, a half rounded up."""
    _, height, width = planes.shape
    fine = planes.astype(np.int64).repeat(32, axis=1).repeat(32, axis=2)
    sums = fine.reshape(-1, 32, height, 32, width).sum((2, 4))
    return ((2 * sums + height * width) // (2 * height * width)).astype(np.uint8)


def disc(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return (((x - 60) ** 2 + (y - 70) ** 2) < 40**2).astype(np.uint8)


def in_form(mask: np.ndarray, form: str) -> dict | list:
    if form == "polygon":
        return [[20, 30, 95.5, 40, 90, 105, 31, 99.5], [70, 20, 99, 22, 98, 60]]
    if form == "compressed RLE":
        rle = masks.encode(np.asfortranarray(mask))
        return {"size": rle["size"], "counts": rle["counts"].decode()}
    runs, value, count = [], 0, 0
    for pixel in mask.T.ravel().tolist():
        if pixel != value:
            runs.append(count)
            value, count = pixel, 0
        count += 1
    return {"size": list(mask.shape), "counts": [*runs, count]}


@pytest.mark.parametrize("form", ["polygon", "uncompressed RLE", "compressed RLE"])
@pytest.mark.parametrize("box", [(20, 20, 80, 88), (18, 30, 64, 64), (60, 70, 50, 50)])
def test_crop_and_mask_are_exactly_the_means_of_their_areas(maker, form, box):
    mask = disc(HEIGHT, WIDTH)
    added = maker.object(box=box, segmentation=in_form(mask, form))
    if form == "polygon":
        mask = COCO(maker.write()).annToMask(added)
    maker.build(fewer=True)
    ((x, o, m),) = maker.crops().values()
    left, top, width, height = box
    inside = np.s_[top : top + height, left : left + width]
    picture = maker.pictures[added["image_id"]][inside]
    assert np.array_equal(x, shrunk(picture.transpose(2, 0, 1)))
    assert np.array_equal(m, shrunk(mask[inside][None] * 255))
    assert np.array_equal(o, shrunk((picture * mask[inside][..., None]).transpose(2, 0, 1)))
    assert 0 < m.mean() < 255


def test_masks_are_those_of_pycocotools_pixel_for_pixel(maker, monkeypatch):
    for form in ("polygon", "uncompressed RLE", "compressed RLE"):
        maker.object(box=(20, 20, 80, 88), segmentation=in_form(disc(HEIGHT, WIDTH), form))
    seen = []
    monkeypatch.setattr(
        coco_crops, "crop", lambda picture, mask, box: seen.append(mask) or crop(picture, mask, box)
    )
    maker.build(fewer=True, per_class=3)
    index = COCO(maker.path)
    expected = [index.annToMask(annotation) for annotation in maker.annotations]
    assert sorted(m.tobytes() for m in seen) == sorted(m.tobytes() for m in expected)


@pytest.mark.parametrize(
    ("box", "passes"),
    [
        ((5, 5, 50, 50), True),
        ((5, 5, 49, 50), False),
        ((5, 5, 50, 49), False),
        ((5, 5, 49.99, 60), False),
        ((5, 5, 50, 100), True),
        ((5, 5, 50, 100.2), False),  # 0.499
        ((5, 5, 120, 60), True),
        ((5, 5, 120.06, 60), False),  # 2.001
    ],
)
def test_the_limits_of_the_deck(maker, box, passes):
    maker.object(box=box)
    report = Report()
    items, _ = qualify(json.loads(maker.write().read_text()), report)
    assert len(items) == passes and report.dropped.total() == (not passes)
    assert not report.problems


def test_every_rule_is_counted_and_every_fault_is_listed(maker):
    good = maker.object()
    maker.object("zebra")
    maker.object(iscrowd=1)
    maker.object(box=(5, 5, 20, 60))
    maker.object(box=(5, 5, 130, 60))
    faulty = {
        coco.UNKNOWN: [maker.object(category_id=1234)],
        coco.NO_IMAGE: [maker.object(image=9999)],
        coco.NO_BOX: [
            maker.object(bbox=bad) for bad in ([], None, [1, 2, 0, 3], [0, 0, "wide", 9])
        ],
        coco.NO_AREA: [
            maker.object(area=0),
            maker.object(area=None),
            maker.object(segmentation=[]),
            maker.object(segmentation=None),
            maker.object(segmentation=[[200, 120, 210, 120, 210, 130]]),  # beside its box
            maker.object(bbox=[500, 500, 60, 60]),
        ],
        coco_crops.BAD_MASK: [
            maker.object(segmentation={"size": [9, 9], "counts": [40, 41]}),
            maker.object(segmentation="none"),
        ],
        coco.TWICE: [maker.object(id=good["id"])],
        coco.MISSING: [maker.object()],
        coco.CORRUPT: [maker.object(), maker.object(), maker.object()],
    }
    file = {
        a["image_id"]: maker.folder / f"images/{a['image_id']:06}.png" for a in maker.annotations
    }
    file[faulty[coco.MISSING][0]["image_id"]].unlink()
    cut, other, empty = (file[annotation["image_id"]] for annotation in faulty[coco.CORRUPT])
    cut.write_bytes(cut.read_bytes()[:5000])
    Image.new("RGB", (WIDTH, HEIGHT + 1)).save(other)
    empty.write_bytes(b"")
    report = maker.build(fewer=True, per_class=50)

    assert list(maker.crops()) == [good["id"]]
    rules = {coco.OTHER: 1, coco.CROWD: 1, coco.SMALL: 1, coco.SHAPE: 1}
    assert report.dropped == rules | {reason: len(group) for reason, group in faulty.items()}
    listed = Counter(
        (int(row["annotation_id"]), row["reason"]) for row in maker.rows("problems.csv")
    )
    assert listed == Counter((a["id"], reason) for reason, group in faulty.items() for a in group)
    summary = report.table().splitlines()
    assert f"{coco.NO_AREA:32} {6:>8}" in summary
    assert any(line.startswith("dog") and line.endswith("short: 1 of 50") for line in summary)


def test_what_cannot_be_used_is_replaced_and_the_set_stays_whole(maker):
    maker.some_of_each(4)
    first = maker.build()
    corrupt, absent = first.choice.train[0], first.choice.test[3]
    (maker.folder / f"images/{corrupt.image_id:06}.png").write_bytes(b"not an image")
    (maker.folder / f"images/{absent.image_id:06}.png").unlink()
    asked = []

    def get(entries):
        asked.extend(entry["id"] for entry in entries)
        return [entry["id"] for entry in entries if entry["id"] == absent.image_id]

    report = maker.build(get=get)
    assert report.dropped == {coco.CORRUPT: 1, coco.MISSING: 1}
    assert np.bincount(maker.result()["y_train"]).tolist() == [1] * 10
    assert np.bincount(maker.result()["y_test"]).tolist() == [1] * 10
    assert len(asked) == len(set(asked)) == 22  # only what is needed, each once
    before, after = ({*r.choice.train, *r.choice.test} for r in (first, report))
    assert len(before - after) == 2


def test_all_objects_of_a_bad_image_go(maker):
    maker.some_of_each(2)
    bad = maker.image()
    maker.object("dog", image=bad)
    maker.object("cat", image=bad, iscrowd=0)
    (maker.folder / f"images/{bad:06}.png").write_bytes(b"")
    report = maker.build(fewer=True, per_class=3)
    assert report.dropped == {coco.CORRUPT: 2}


def test_too_few_objects_are_refused_and_the_old_set_stays(maker):
    maker.some_of_each(3)
    maker.build(per_class=3)
    old = (maker.folder / "out/coco10.npz").read_bytes()
    with pytest.raises(DataError, match=r"airplane 3 of 4, .*truck 3 of 4.*--per-class.*--fewer"):
        maker.build(per_class=4)
    assert (maker.folder / "out/coco10.npz").read_bytes() == old
    report = maker.build(per_class=4, fewer=True)
    assert report.choice.short == dict.fromkeys(range(10), (3, 4))
    assert len(maker.result()["x_train"]) == 20 and len(maker.result()["x_test"]) == 10


def test_nothing_at_all_is_refused_even_with_fewer(maker):
    maker.object("zebra")
    with pytest.raises(DataError, match="too few objects"):
        maker.build(fewer=True)
    assert not (maker.folder / "out/coco10.npz").exists()


@pytest.mark.parametrize("counts", [(550, 505), (5, 50), (5, 0)])
def test_impossible_counts_are_refused(maker, counts):
    with pytest.raises(ValueError, match="--test must be a multiple of 10"):
        maker.build(per_class=counts[0], test=counts[1])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"images": [], "annotations": [{"id": 1', "Expecting|Unterminated"),
        ("<html>", "Expecting value"),
        ("[]", "list indices|indices must be"),
        ('{"images": [], "annotations": []}', "it has no 'categories'"),
        (
            '{"images": [3], "annotations": [], "categories": []}',
            "its images are no list of objects",
        ),
        (None, "No such file"),
    ],
)
def test_a_file_that_is_no_coco_file_is_named(tmp_path, text, what):
    path = tmp_path / "instances.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(
        DataError, match=f"instances.json is no whole file .*({what}).*--annotations"
    ):
        build(path, tmp_path, tmp_path / "out")


def test_images_outside_the_folder_are_refused(maker):
    maker.object()
    maker.images[0]["file_name"] = "../instances.json"
    with pytest.raises(DataError, match=r"outside its folder: '\.\./instances\.json'"):
        maker.build(fewer=True)


def test_runs_that_do_not_fill_the_image_are_no_mask(maker):
    """pycocotools leaves what they do not reach as it finds the memory."""
    whole = masks.encode(np.asfortranarray(disc(HEIGHT, WIDTH)))["counts"].decode()
    for counts in ([100, 5000], [40.5, WIDTH * HEIGHT], whole[:-1], whole[:30], [2**40, 5], []):
        maker.object(segmentation={"size": [HEIGHT, WIDTH], "counts": counts})
    maker.object(segmentation={"size": [2**31, 2**31], "counts": "0"})
    good = maker.object(segmentation={"size": [HEIGHT, WIDTH], "counts": whole})
    report = maker.build(fewer=True, per_class=50)
    assert report.dropped == {coco_crops.BAD_MASK: 7} and list(maker.crops()) == [good["id"]]


@pytest.mark.parametrize("far", [1e9, float("inf"), float("nan"), -1e7])
def test_a_corner_far_away_is_no_mask(maker, far):
    good = maker.object(segmentation=[[10, 10, 70, 10, 70, 75, 10, 300]])  # a bit beyond is usual
    maker.object(segmentation=[[10, 10, far, 10, 70, 75]])
    tracemalloc.start()
    report = maker.build(fewer=True, per_class=50)
    assert tracemalloc.get_traced_memory()[1] < 2**26
    tracemalloc.stop()
    assert report.dropped == {coco_crops.BAD_MASK: 1} and list(maker.crops()) == [good["id"]]


def test_pictures_that_would_be_read_wrongly_are_listed(maker):
    deep = [maker.object() for _ in range(3)]
    kinds = (np.uint16, "I;16", ".png"), (np.float32, "F", ".tiff"), (np.int32, "I", ".tiff")
    for added, (kind, _, suffix) in zip(deep, kinds, strict=True):
        entry = maker.images[added["image_id"] - 1]
        entry["file_name"] = f"deep{added['id']}{suffix}"
        picture = np.full((HEIGHT, WIDTH), 40, kind)
        Image.fromarray(picture).save(maker.folder / "images" / entry["file_name"])
    report = maker.build(fewer=True, per_class=50) if maker.object() else None
    assert report.dropped == {coco_crops.DEEP: 3}


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_a_photograph_is_turned_as_its_exif_says(maker, orientation, turns):
    added = maker.object(box=(10, 5, 60, 60))
    upright = maker.pictures[added["image_id"]]
    exif = Image.Exif()
    exif[274] = orientation
    stored = Image.fromarray(np.rot90(upright, -turns))
    stored.save(maker.folder / "images/000001.png", exif=exif)
    maker.build(fewer=True)
    ((x, _, _),) = maker.crops().values()
    assert np.array_equal(x, shrunk(upright[5:65, 10:70].transpose(2, 0, 1)))


def test_two_photographs_with_one_id_are_listed(maker):
    _, second, good = maker.object(), maker.object(), maker.object()
    maker.images[1]["id"] = 1
    second["image_id"] = 1
    maker.images.append(dict(maker.images[2]))  # the same one twice does no harm
    report = maker.build(fewer=True, per_class=50)
    assert report.dropped == {coco.TWO_IMAGES: 2} and list(maker.crops()) == [good["id"]]


def test_links_lead_to_photographs_elsewhere(maker, tmp_path):
    added = maker.object()
    place = maker.folder / "images/000001.png"
    place.rename(tmp_path / "elsewhere.png")
    place.symlink_to(tmp_path / "elsewhere.png")
    maker.build(fewer=True)
    assert list(maker.crops()) == [added["id"]]


def test_entries_of_any_form_are_listed_and_never_end_it(maker):
    wrong = [[1], {}, None, "x", 1.5, float("nan"), float("inf")]
    for value in wrong:
        maker.object(category_id=value)
        maker.object(image_id=value)
        maker.object(id=value)
        maker.object(box=(0, 0, 60, 60), bbox=value)
        maker.object(segmentation=value)
        maker.object()
        maker.images[-1]["file_name"] = value
        maker.object()
        maker.images[-1]["id"] = value
    good = maker.object()
    report = maker.build(fewer=True, per_class=99)
    assert report.dropped[coco.UNKNOWN] == report.dropped[coco.NO_ID] == report.dropped[coco.NO_BOX]
    assert report.dropped[coco.NO_BOX] == len(wrong)
    assert report.dropped[coco.NO_IMAGE] >= 3 * len(wrong) - 2
    assert list(maker.crops())[-1] == good["id"] and len(report.problems) == report.dropped.total()


def test_ids_as_text_or_with_a_point_are_ids_and_names_have_no_case(maker):
    added = maker.object("dog", image_id="1", category_id="11")
    maker.image()
    added["id"] = 101.0
    write = maker.write

    def renamed() -> Path:
        path = write()
        content = json.loads(path.read_text())
        content["categories"].append({"id": "11", "name": " Sports_Ball"})
        path.write_text(json.dumps(content))
        return path

    maker.write = renamed
    report = maker.build(fewer=True)
    assert not report.dropped and list(maker.crops()) == [101]
    assert maker.rows("manifest.csv")[0]["category"] == "sports ball"


def test_a_picture_too_large_to_open_is_called_so(maker, monkeypatch):
    maker.object()
    small = maker.object(image=maker.image(np.zeros((60, 60, 3), np.uint8)), box=(0, 0, 60, 60))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4000)
    report = maker.build(fewer=True)
    assert report.dropped == {coco_crops.LARGE: 1} and list(maker.crops()) == [small["id"]]


def test_a_folder_without_any_of_the_images_is_named(maker, tmp_path):
    maker.object()
    with pytest.raises(DataError, match=r"none of the 1 images .* folder .*typo.*--images"):
        build(maker.write(), tmp_path / "typo", tmp_path / "out", fewer=True)


def test_the_same_file_gives_the_same_bytes_and_another_seed_another_set(maker):
    maker.some_of_each(4)
    written = []
    for seed in (3, 3, 4):
        maker.build(seed=seed)
        written.append(
            [(maker.folder / "out" / n).read_bytes() for n in ("coco10.npz", "manifest.csv")]
        )
    assert written[0] == written[1] != written[2]


def test_the_manifest_tells_how_to_build_the_set_again(maker):
    maker.some_of_each(3)
    maker.build()
    rows, arrays = maker.rows("manifest.csv"), maker.result()
    assert {row["licence"] for row in rows} == {"Attribution"}
    for part in ("train", "test"):
        here = [row for row in rows if row["split"] == part]
        assert [CATEGORIES.index(row["category"]) for row in here] == arrays[f"y_{part}"].tolist()
        for row, x in zip(here, arrays[f"x_{part}"], strict=True):
            annotation = maker.annotations[int(row["annotation_id"]) - 101]
            assert annotation["image_id"] == int(row["image_id"])
            picture = maker.pictures[int(row["image_id"])][10:70, 10:70]
            assert np.array_equal(x, shrunk(picture.transpose(2, 0, 1)))


def test_boxes_with_fractions_and_beyond_the_border():
    mask = np.ones((100, 100), np.uint8)
    ramp = np.tile(np.arange(100, dtype=np.uint8), (100, 1))[..., None].repeat(3, 2)
    x, o, m = crop(ramp, mask, (10.5, 0, 64, 64))
    # a part reaches from 10.5 + 2k to 12.5 + 2k: half of one pixel, one, and half of the next
    assert x[0, 0].tolist() == [11 + 2 * k for k in range(32)] and (m == 255).all()
    assert np.array_equal(o, x)
    x, *_ = crop(ramp, mask, (-20, -20, 84, 84))
    assert x[0, 0].tolist() == [2 * k + 1 for k in range(32)]  # 0.5 + 2k, rounded up
    assert crop(ramp, mask, (100, 0, 60, 60)) is None
    assert crop(ramp, 0 * mask, (10, 10, 60, 60)) is None


def crowded(seed: int, per_photograph: int = 4) -> list[Item]:
    """Objects of all classes, several to a photograph, the classes of very unequal size."""
    rng = random.Random(seed)
    labels = [label for label in range(10) for _ in range(60 if label == 4 else 80 + 40 * label)]
    rng.shuffle(labels)
    return [Item(i, i // rng.randint(1, per_photograph), label) for i, label in enumerate(labels)]


@pytest.mark.parametrize("seed", range(5))
def test_no_photograph_is_on_both_sides_and_classes_are_equal(seed):
    choice = choose(crowded(seed), per_class=50, test=100, seed=seed)
    assert not choice.short
    assert Counter(item.label for item in choice.train) == dict.fromkeys(range(10), 40)
    assert Counter(item.label for item in choice.test) == dict.fromkeys(range(10), 10)
    assert not {i.image_id for i in choice.train} & {i.image_id for i in choice.test}
    assert len({*choice.train, *choice.test}) == 500


def test_a_class_with_just_enough_objects_is_split_without_loss():
    others = [Item(1000 + i, 1000 + i, i % 10) for i in range(100) if i % 10 != 4]
    # three photographs with three, two and one objects: only one of them can be the test
    scarce = [Item(i, image, 4) for i, image in enumerate([1, 1, 1, 2, 2, 3])]
    choice = choose([*scarce, *others], per_class=6, test=10)
    assert not choice.short
    assert [item.image_id for item in choice.test if item.label == 4] == [3]
    choice = choose([*scarce[:5], *others], per_class=5, test=10)
    assert choice.short.keys() == {4}


def test_a_photograph_that_drops_out_moves_few_others():
    items = crowded(0)
    before = choose(items, per_class=50, test=100)
    gone = before.train[0].image_id
    after = choose([item for item in items if item.image_id != gone], per_class=50, test=100)
    assert len({*before.train} - {*after.train}) < 10
    assert len({*before.test} - {*after.test}) < 10


def test_nothing_of_the_background_is_left_on_the_outline_of_an_object():
    mask = np.zeros((64, 64), np.uint8)
    mask[10:41, 7:36] = 1  # ends in the middle of parts of 2 x 2 pixels
    shown = []
    for background in (0, 255):
        picture = np.full((64, 64, 3), background, np.uint8)
        picture[mask == 1] = 200
        shown.append(crop(picture, mask, (0, 0, 64, 64)))
    (x, o, m), (y, alone, _) = shown
    assert np.array_equal(o, alone) and np.array_equal(o, x)
    assert o[0, 10, 3] == 100 and m[0, 10, 3] == 128  # half of it is object
    assert y[0, 10, 3] == 228  # where half of it is background


def test_fewer_keeps_the_proportion_and_a_lone_object_trains():
    counts = {0: 44, 1: 11, 2: 2, 3: 1}
    labels = [label for label, count in counts.items() for _ in range(count)]
    choice = choose([Item(i, i, k) for i, k in enumerate(labels)], 44, 40, fewer=True)
    assert Counter(item.label for item in choice.train) == {0: 40, 1: 10, 2: 1, 3: 1}
    assert Counter(item.label for item in choice.test) == {0: 4, 1: 1, 2: 1}
    assert choice.short == {k: (counts.get(k, 0), 44) for k in range(1, 10)}


def test_each_of_the_two_crops_at_a_time_has_one_thread(maker, monkeypatch):
    seen, crop_image = [], coco.crop_image

    def spy(*arguments):
        pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
        seen.append({pool["num_threads"] for pool in pools})
        return crop_image(*arguments)

    monkeypatch.setattr(coco, "crop_image", spy)
    maker.some_of_each()
    maker.build()
    assert seen and all(threads == {1} for threads in seen)


def test_memory_does_not_grow_with_the_number_of_images(maker):
    def peak() -> int:
        tracemalloc.start()
        try:
            maker.build(fewer=True, per_class=99)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    picture = np.full((800, 1000, 3), 99, np.uint8)
    maker.object(image=maker.image(picture))
    maker.build(fewer=True)  # what is imported and cached once does not count
    few = [maker.object(image=maker.image(picture)) for _ in range(3)] and peak()
    many = [maker.object(image=maker.image(picture)) for _ in range(16)] and peak()
    assert many < few + 4 * picture.nbytes  # two threads may hold more than one did


@pytest.mark.skipif(not SUBSET.is_dir(), reason="the COCO subset is not in the data folder")
def test_real_photographs_go_through(tmp_path):
    annotations = next((SUBSET / "annotations").glob("instances*.json"))
    report = build(annotations, SUBSET / "images", tmp_path, per_class=60, test=100, fewer=True)
    assert report.total == 1121 and not report.problems
    got = Counter(item.label for item in [*report.choice.train, *report.choice.test])
    assert [got[k] for k in range(10)] == [6, 36, 23, 20, 1, 21, 60, 7, 9, 14]  # its README
    arrays = read_set("coco10", tmp_path / "coco10.npz")
    cover = np.concatenate([arrays["m_train"], arrays["m_test"]]).mean((1, 2, 3)) / 255
    assert 0.3 < np.median(cover) < 0.9 and cover.min() > 0.02
