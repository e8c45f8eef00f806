"""The generated scenes are COCO files, and their background says just as much as it is told to."""

import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as masks
from pycocotools.coco import COCO

from data_prep import scenes
from data_prep.coco import Report, qualify
from data_prep.masked_files import read_set
from data_prep.scenes import build_scenes, draw_scene, draw_scenes, paint, place, segmentation
from data_prep.textures import background

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six objects of each class, built once."""
    folder = tmp_path_factory.mktemp("scenes")
    build_scenes(folder, per_class=6, test=10, seed=1)
    return folder


def test_they_are_a_coco_file_in_which_every_object_qualifies(folder):
    content = json.loads((folder / "instances.json").read_text())
    report = Report()
    items, _ = qualify(content, report)
    assert Counter(item.label for item in items) == dict.fromkeys(range(10), 6)
    assert not report.dropped
    assert {c["id"]: c["name"] for c in content["categories"]}[17] == "cat"
    for image in content["images"]:
        with Image.open(folder / "images" / image["file_name"]) as file:
            assert file.size == (image["width"], image["height"])


def test_all_three_forms_of_masks_occur_and_agree_with_box_and_area(folder):
    index = COCO(folder / "instances.json")
    forms = Counter()
    for annotation in index.anns.values():
        form = annotation["segmentation"]
        forms["polygons" if isinstance(form, list) else type(form["counts"]).__name__] += 1
        mask = index.annToMask(annotation)
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        box = [columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1]
        assert annotation["bbox"] == box and annotation["area"] == mask.sum()
    assert forms.keys() == {"polygons", "list", "str"} and min(forms.values()) > 5


@pytest.mark.parametrize("label", (0, 3, 5))
def test_the_mask_is_exactly_what_was_painted(label):
    rng = np.random.default_rng(label)
    behind = background(label, rng, 128, 128)
    picture = behind.copy()
    parts = place(label, rng, 0)
    rle = paint(picture, parts, rng)
    mask = masks.decode(rle).astype(bool)
    changed = (picture != behind).any(2)
    assert not changed[~mask].any()
    assert changed[mask].mean() > 0.99  # a coat may match here and there by chance
    for form in range(3):
        stated = segmentation(parts, rle, form)
        index = COCO()
        index.imgs = {1: {"height": 128, "width": 128}}
        assert (index.annToMask({"image_id": 1, "segmentation": stated}) == mask).all()


def test_classes_differ_in_shape():
    """The mean mask of one class is no other's: a guess by the nearest one is mostly right."""

    def mask(label, number):
        parts = place(label, np.random.default_rng([label, number]), 0)
        polygons = [polygon.ravel().tolist() for polygon, _ in parts]
        rle = masks.merge(masks.frPyObjects(polygons, 128, 128))
        x, y, w, h = masks.toBbox(rle).astype(int)
        return np.asarray(
            Image.fromarray(masks.decode(rle)[y : y + h, x : x + w] * 255).resize((16, 16))
        )

    drawn = np.array([[mask(label, n) for n in range(30)] for label in range(10)], np.float64)
    means = drawn[:, :20].mean(1)
    distance = ((drawn[:, 20:, None] - means) ** 2).sum((3, 4))
    assert (distance.argmin(2) == np.arange(10)[:, None]).mean() > 0.6


@pytest.mark.parametrize("correlation", [0.0, 0.5, 1.0])
def test_the_background_tells_as_much_as_it_is_told_to(monkeypatch, correlation):
    kinds = []
    monkeypatch.setattr(
        scenes, "paint", lambda picture, parts, rng: masks.encode(np.ones((9, 9), np.uint8, "F"))
    )
    monkeypatch.setattr(
        scenes, "background", lambda kind, rng, h, w: kinds.append(kind) or np.zeros((h, w, 3))
    )
    for number in range(300):
        draw_scene(number % 10, 1, correlation, np.random.default_rng(number))
    own = np.array(kinds) == np.arange(300) % 10
    assert abs(own.mean() - (correlation + (1 - correlation) / 10)) < 0.09
    assert (len(set(kinds[::10])) == 1) == (correlation == 1)


def test_an_object_does_not_tell_its_background():
    """The same draws before two backgrounds give the same object, so that no colour leaks in."""
    parts = place(3, np.random.default_rng(0), 0)
    painted = []
    for grey in (20.0, 230.0):
        picture = np.full((128, 128, 3), grey)
        mask = masks.decode(paint(picture, parts, np.random.default_rng(5))).astype(bool)
        painted.append(picture[mask])
    assert np.array_equal(*painted)


def test_the_set_is_balanced_split_by_scene_and_of_its_seed_alone(folder, tmp_path):
    made = [folder / "instances.json"]
    made += [draw_scenes(tmp_path / str(seed), 6, seed=seed) for seed in (1, 2)]
    first, again, other = (path.read_bytes() for path in made)
    assert first == again != other
    arrays = read_set("scenes", folder / "scenes.npz")
    assert np.bincount(arrays["y_train"]).tolist() == [5] * 10
    assert np.bincount(arrays["y_test"]).tolist() == [1] * 10
    lines = (folder / "manifest.csv").read_text().splitlines()[1:]
    sides = {
        part: {line.split(",")[1] for line in lines if f",{part}," in line}
        for part in ("train", "test")
    }
    assert sides["train"] and sides["test"] and not sides["train"] & sides["test"]
    assert all(line.endswith("CC0 1.0") for line in lines)


@pytest.mark.parametrize("correlation", [-0.1, 1.1, float("nan")])
def test_a_correlation_outside_0_to_1_is_refused(tmp_path, correlation):
    with pytest.raises(ValueError, match=r"background_correlation=.* is not from 0 to 1"):
        draw_scenes(tmp_path, 2, correlation)
    with pytest.raises(ValueError, match="at least one object"):
        draw_scenes(tmp_path, 0)
