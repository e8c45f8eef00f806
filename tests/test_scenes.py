"""The generated scenes are COCO files, and their background says just as much as it is told to."""

import json
from collections import Counter

import numpy as np
import pytest
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


def test_they_are_a_coco_file_in_which_every_object_qualifies_with_masks_of_all_forms(folder):
    content = json.loads((folder / "instances.json").read_text())
    report = Report()
    items, _ = qualify(content, report)
    assert Counter(item.label for item in items) == dict.fromkeys(range(10), 6)
    assert not report.dropped
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


def test_the_mask_is_exactly_what_was_painted():
    label, rng = 3, np.random.default_rng(3)
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


@pytest.mark.parametrize("correlation", [0.5, 1.0])
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
    with pytest.raises(ValueError, match=r"background_correlation=.* is not from 0 to 1"):
        draw_scenes(tmp_path, 2, float("nan"))
