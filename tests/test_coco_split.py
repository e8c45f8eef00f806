"""A crop is the mean of its areas; whole photographs are on one side, and classes are equal."""

import random
from collections import Counter

import numpy as np

from data_prep.coco_crops import crop
from data_prep.coco_split import Item, choose


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
