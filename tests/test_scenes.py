"""The generated scenes are COCO files, and their background says just as much as it is told to."""

import numpy as np
import pytest
from pycocotools import mask as masks
from pycocotools.coco import COCO

from data_prep import scenes
from data_prep.scenes import draw_scene, paint, place, segmentation
from data_prep.textures import background


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
