"""COCO objects are cropped by the deck's rules; what cannot be used is never lost in silence."""

import csv
import json
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as masks
from pycocotools.coco import COCO

from data_prep import coco, coco_crops
from data_prep.archives import DataError
from data_prep.coco import CATEGORIES, Report, build
from data_prep.coco_crops import crop
from data_prep.coco_split import Item, choose
from data_prep.masked_files import read_set

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
        self.images.append({**entry, "license": 7})
        return number

    def object(self, category: str = "dog", box=(10, 10, 60, 60), image=None, **changes) -> dict:
        """Add an object whose mask is its box, in an image of its own unless one is given."""
        x, y, w, h = box
        number = len(self.annotations) + 101
        kind = CATEGORIES.index(category) + 1 if category in CATEGORIES else 99
        outline = [[x, y, x + w, y, x + w, y + h, x, y + h]]
        ids = {"id": number, "image_id": image or self.image(), "category_id": kind}
        mask = {"bbox": list(box), "segmentation": outline, "area": w * h, "iscrowd": 0}
        self.annotations.append({**ids, **mask, **changes})
        return self.annotations[-1]

    def some_of_each(self, count: int) -> None:
        for category in CATEGORIES * count:
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
        a = self.result()
        kinds = (np.concatenate([a[f"{kind}_train"], a[f"{kind}_test"]]) for kind in "xom")
        ids = [int(row["annotation_id"]) for row in self.rows("manifest.csv")]
        return dict(zip(ids, zip(*kinds, strict=True), strict=True))


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
    rle = masks.encode(np.asfortranarray(mask))
    return {"size": rle["size"], "counts": rle["counts"].decode()}


@pytest.mark.parametrize(
    ("form", "box"), [("polygon", (20, 20, 80, 88)), ("RLE", (60, 70, 50, 50))]
)
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


def test_every_rule_is_counted_and_every_fault_is_listed(maker, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", HEIGHT * WIDTH)
    sizes = [(50, 50), (50, 100), (120, 60)]  # the limits of the deck
    good, *_ = passes = [maker.object(box=(5, 5, *size)) for size in sizes]
    maker.object("zebra")
    maker.object(iscrowd=1)
    for size in [(50, 49), (49.99, 60), (50, 100.2), (120.06, 60)]:
        maker.object(box=(5, 5, *size))
    passes.append(maker.object(image_id="1", category_id="6", id=1001.0))  # some tools write so
    maker.images[-1]["license"] = [7]
    lost = [maker.object(), maker.object()]
    maker.images[-2]["file_name"], maker.images[-1]["id"] = None, "x"
    whole = masks.encode(np.asfortranarray(disc(HEIGHT, WIDTH)))["counts"].decode()
    boxes = [], None, [1, 2, 0, 3], [0, 0, "wide", 9], [0, 0, 10**400, 9]
    faulty = {
        coco.UNKNOWN: [maker.object(category_id=odd) for odd in (1234, [1], None)],
        coco.NO_IMAGE: [maker.object(image_id=odd) for odd in (9999, {}, float("nan"))] + lost,
        coco.NO_ID: [maker.object(id=odd) for odd in ("x", 1.5, None)],
        coco.NO_BOX: [maker.object(bbox=box) for box in boxes],
        coco.NO_AREA: [
            *(maker.object(area=area) for area in (0, None)),
            *(maker.object(segmentation=empty) for empty in ([], None)),
            maker.object(segmentation=[[200, 120, 210, 120, 210, 130]]),  # beside its box
            maker.object(bbox=[500, 500, 60, 60]),
        ],
        # pycocotools leaves memory as it is where runs end early, and fills it for a far corner
        coco_crops.BAD_MASK: [
            maker.object(segmentation={"size": [9, 9], "counts": [40, 41]}),
            maker.object(segmentation={"size": [HEIGHT, WIDTH], "counts": [100, 5000]}),
            maker.object(segmentation={"size": [HEIGHT, WIDTH], "counts": whole[:-1]}),
            maker.object(segmentation={"size": [2**31, 2**31], "counts": "0"}),
            maker.object(segmentation=[[10, 10, 1e9, 10, 70, 75]]),
            maker.object(segmentation="none"),
        ],
        coco.TWICE: [maker.object(id=good["id"])],
        coco.MISSING: [maker.object()],
        coco.CORRUPT: [maker.object(), maker.object(), maker.object()],
        coco_crops.LARGE: [maker.object()],
        coco_crops.DEEP: [maker.object()],  # would lose their upper bits in silence
        coco.TWO_IMAGES: [maker.object(), maker.object()],
    }
    bad = [a for group in (coco.CORRUPT, coco.MISSING) for a in faulty[group]]
    bad += faulty[coco_crops.LARGE] + faulty[coco_crops.DEEP]
    cut, other, empty, absent, large, deep = (
        maker.folder / f"images/{a['image_id']:06}.png" for a in bad
    )
    absent.unlink()
    cut.write_bytes(cut.read_bytes()[:5000])
    Image.new("RGB", (WIDTH - 1, HEIGHT)).save(other)
    empty.write_bytes(b"")
    Image.new("RGB", (WIDTH, 2 * HEIGHT + 1)).save(large)
    Image.fromarray(np.full((HEIGHT, WIDTH), 40, np.uint16)).save(deep)
    first, second = faulty[coco.TWO_IMAGES]
    maker.images[second["image_id"] - 1]["id"] = second["image_id"] = first["image_id"]
    report = maker.build(fewer=True, per_class=50)

    assert sorted(maker.crops()) == sorted(one["id"] for one in passes)
    rules = {coco.OTHER: 1, coco.CROWD: 1, coco.SMALL: 2, coco.SHAPE: 2}
    assert report.dropped == rules | {reason: len(group) for reason, group in faulty.items()}
    rows = maker.rows("problems.csv")
    listed = Counter((row["annotation_id"], row["reason"]) for row in rows)
    expected = [(a["id"], reason) for reason, group in faulty.items() for a in group]
    assert listed == Counter(("" if key is None else str(key), why) for key, why in expected)
    summary = report.table().splitlines()
    assert f"{coco.NO_AREA:32} {6:>8}" in summary
    assert any(line.startswith("dog") and line.endswith("short: 4 of 50") for line in summary)


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


def test_a_file_that_cannot_be_used_is_named(maker, tmp_path):
    maker.object()
    maker.images[0]["file_name"] = "../instances.json"
    with pytest.raises(DataError, match=r"outside its folder: '\.\./instances\.json'"):
        maker.build(fewer=True)
    for text in ('{"images": [], "annotations": [{"id": 1', "[]", '{"images": [3]}'):
        maker.path.write_text(text)
        with pytest.raises(DataError, match=r"instances.json is no whole file .*--annotations"):
            build(maker.path, tmp_path, tmp_path / "out")


def test_a_photograph_is_turned_as_its_exif_says(maker):
    added = maker.object(box=(10, 5, 60, 60))
    upright = maker.pictures[added["image_id"]]
    exif = Image.Exif()
    exif[274] = 6  # the camera was turned by a quarter
    stored = Image.fromarray(np.rot90(upright, -3))
    stored.save(maker.folder / "images/000001.png", exif=exif)
    maker.build(fewer=True)
    ((x, _, _),) = maker.crops().values()
    assert np.array_equal(x, shrunk(upright[5:65, 10:70].transpose(2, 0, 1)))


def test_one_photograph_with_two_ids_is_on_one_side(maker):
    maker.some_of_each(3)
    for image in list(maker.images[::2]):
        number, name, of = image["id"], image["file_name"], maker.folder / "images"
        (of / f"copy-{name}").write_bytes((of / name).read_bytes())
        for more, file in ((1000, f"./{name}"), (2000, f"copy-{name}")):
            maker.images.append({**image, "id": number + more, "file_name": file})
            maker.object(CATEGORIES[number // 3 % 10], image=number + more)
    maker.build(per_class=6, test=20, fewer=True)
    sides = [{r["image_id"] for r in maker.rows("manifest.csv") if r["split"] == part}
             for part in ("train", "test")]  # fmt: skip
    assert not sides[0] & sides[1] and not {int(i) // 1000 for side in sides for i in side} - {0, 2}
    train, test = ({x.tobytes() for x in maker.result()[f"x_{part}"]} for part in ("train", "test"))
    assert not train & test


def test_the_manifest_tells_how_to_build_the_set_again(maker):
    maker.some_of_each(3)
    written = []
    for seed in (4, 3, 3):
        maker.build(seed=seed)
        files = (maker.folder / "out" / name for name in ("coco10.npz", "manifest.csv"))
        written.append([file.read_bytes() for file in files])
    assert written[0] != written[1] == written[2]
    rows = maker.rows("manifest.csv")
    assert {row["licence"] for row in rows} == {"Attribution"}
    here = [row for row in rows if row["split"] == "train"]
    labels = maker.result()["y_train"].tolist()
    assert [CATEGORIES.index(row["category"]) for row in here] == labels


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


def test_no_photograph_is_on_both_sides_and_classes_are_equal():
    choice = choose(crowded(0), per_class=50, test=100, seed=0)
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


def test_fewer_keeps_the_proportion_and_a_lone_object_trains():
    counts = {0: 44, 1: 11, 2: 2, 3: 1}
    labels = [label for label, count in counts.items() for _ in range(count)]
    choice = choose([Item(i, i, k) for i, k in enumerate(labels)], 44, 40, fewer=True)
    assert Counter(item.label for item in choice.train) == {0: 40, 1: 10, 2: 1, 3: 1}
    assert Counter(item.label for item in choice.test) == {0: 4, 1: 1, 2: 1}
    assert choice.short == {k: (counts.get(k, 0), 44) for k in range(1, 10)}
