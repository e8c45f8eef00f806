"""Images are the original ones, and no split lets a test image into training."""

from dataclasses import replace
from hashlib import sha1

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from data_prep import archives
from data_samples import rows
from ocnd_lib import data
from ocnd_lib.data import ImageSet, load_images
from ocnd_lib.experiments import run_cell

REAL = {"mnist": "MNIST", "cifar10": "cifar10.npz"}


def numbered(train: int, test: int, classes: int = 10, size: int = 1) -> ImageSet:
    """A set in which every image is its own number, so that one is known wherever it turns up."""
    x = np.zeros((classes * (train + test), size, size), np.uint32)
    x[:, 0, 0] = np.arange(len(x))
    y = np.arange(len(x)) % classes
    cut = classes * train
    return ImageSet("numbered", x[:cut], y[:cut], x[cut:], y[cut:], tuple("abcdefghij"), "0" * 16)


def same(split, other) -> bool:
    return all(np.array_equal(value, vars(other)[key]) for key, value in vars(split).items())


@pytest.fixture(scope="module", params=REAL)
def real(request):
    folder = data.data_folder()
    if not any((folder / file).exists() for file in (REAL[request.param], f"{request.param}.npz")):
        pytest.skip(f"{folder} has no {request.param}: ocnd data {request.param}, $OCND_DATA")
    return load_images(request.param)


def test_real_images_are_the_original_ones_in_order_and_no_test_image_trains(real):
    x = real.x_train.transpose(0, 2, 3, 1)
    if real.name == "mnist":
        x = x[:, 2:30, 2:30, 0]
    else:
        # the first data batch as published: one label byte, then the three planes of an image
        batch = np.column_stack([real.y_train[:10000], real.x_train[:10000].reshape(10000, -1)])
        digest = sha1(batch.astype(np.uint8)).hexdigest()
        assert digest == "aadd24acce27caa71bf4b10992e9e7b2d74c2540"
    assert archives.md5_of(x) == archives.ORIGINAL_MD5[real.name]["x_train"]
    counts = np.bincount(real.y_train)
    if real.name == "mnist":
        assert (counts[5], counts[1]) == (5421, 6742) and len(real.y_test) == 10000
    else:
        assert set(counts) == {5000} and set(np.bincount(real.y_test)) == {1000}
        for ratio, normal in ((9, 5000), (30, 1500), (99, 455)):
            split = data.imbalanced_split(real, "plane", ratio, seed=0)
            assert np.bincount(split.y_train).tolist() == [normal, 45000]
    k = 1
    split = data.one_class_split(real, k, seed=0)
    assert len(split.x_validation) == round(0.1 * (real.y_train == k).sum())
    in_test = set(rows(split.x_test))
    shared = [row for row in rows(split.x_train, split.x_validation) if row in in_test]
    # CIFAR-10 has some images twice, once in each part
    assert shared == [row for row in rows(real.x_train[real.y_train == k]) if row in in_test]
    assert len(shared) < 10


def test_digits_are_dealt_out_evenly():
    digits = load_images("digits")
    assert digits.x_train.shape == (1300, 1, 32, 32) and digits.x_test.shape == (497, 1, 32, 32)
    assert set(np.bincount(digits.y_train)) == {130}
    assert not set(rows(digits.x_train)) & set(rows(digits.x_test))
    # resized as torch does it, bilinearly
    x = torch.from_numpy(load_digits().images)[:, None] * (255 / 16)
    resized = torch.nn.functional.interpolate(x, 32, mode="bilinear", align_corners=False)
    assert rows(digits.x_train, digits.x_test) == rows(resized.round().byte().numpy())


def test_a_class_is_named_by_index_or_name():
    for name, given, index in (("cifar10", "9", 9), ("fashion_mnist", "Ankle boot", 9)):
        assert data.class_index(name, given) == index
    assert data.class_index("cifar10", "CAR") == data.class_index("cifar10", "automobile") == 1


def test_one_class_split_deals_out_each_image_once():
    images = numbered(train=40, test=10)
    split = data.one_class_split(images, 3, seed=0)
    assert len(split.x_validation) == 4
    assert rows(split.x_train, split.x_validation) == rows(images.x_train[images.y_train == 3])
    assert np.array_equal(split.x_test, images.x_test)
    assert np.array_equal(split.class_test, images.y_test)
    assert np.array_equal(split.y_test == 0, images.y_test == 3)
    assert set(split.y_test) == {0, 1}


@pytest.mark.parametrize(("ratio", "normal"), [(9, 40), (30, 12), (360, 1)])
def test_imbalanced_split_removes_normal_images_only(ratio, normal):
    images = numbered(train=40, test=10)
    split = data.imbalanced_split(images, 3, ratio, seed=0)
    assert np.bincount(split.y_train).tolist() == [normal, 360]
    assert np.array_equal(split.y_train == 0, split.x_train[:, 0, 0] % 10 == 3)
    assert rows(split.x_train[split.y_train == 1]) == rows(images.x_train[images.y_train != 3])
    assert len(set(rows(split.x_train))) == len(split.x_train)
    assert np.array_equal(split.x_test, images.x_test)
    assert np.array_equal(split.y_test, images.y_test != 3)


def test_what_is_impossible_is_refused_with_what_is_possible():
    images = numbered(train=40, test=10)
    for ratio in (-9, 8, 1000, float("nan")):
        with pytest.raises(ValueError, match=r"smallest is 9, with all 40 .* largest 360"):
            data.imbalanced_split(images, 3, ratio, seed=0)
    for given in (10, -1, 3.0, True, None, "", "zebra"):
        with pytest.raises(ValueError, match=r"there are: 0 a, 1 b, .*9 j"):
            data.class_index(images, given)
    few = replace(images, y_train=np.zeros_like(images.y_train))
    untested = replace(images, y_test=np.full_like(images.y_test, 4))
    short = replace(images, y_train=images.y_train[1:])
    for given, k, what in (
        (few, 3, "class d of numbered has no image in x_train"),
        (untested, 3, "class d of numbered has no image in x_test"),
        (untested, 4, "x_test of numbered has no image of another class"),
        (short, 3, "x_train of numbered has 400 images, y_train 399"),
    ):
        with pytest.raises(ValueError, match=what):
            data.one_class_split(given, k, seed=0)
    with pytest.raises(ValueError, match="class d of numbered has no image in x_train"):
        data.imbalanced_split(few, 3, 9, seed=0)


@pytest.mark.parametrize("kind", ["one_class", "imbalanced"])
def test_a_split_depends_on_its_seed_alone(kind):
    split, ratio = getattr(data, f"{kind}_split"), {"ratio": 30} if kind == "imbalanced" else {}
    images = numbered(train=40, test=10)
    np.random.seed(0)
    first = split(images, 3, seed=7, **ratio)
    np.random.seed(1)
    assert same(first, split(images, 3, seed=7, **ratio))
    assert rows(first.x_train) != rows(split(images, 3, seed=8, **ratio).x_train)


def test_contamination_puts_training_images_of_other_classes_among_normal_ones(tmp_path):
    images = load_images("digits")
    plain, mixed = (data.one_class_split(images, 3, 0, contamination=part) for part in (0.0, 0.1))
    assert len(plain.x_train) == len(mixed.x_train)
    is_normal = images.y_train == 3
    normal, others = (set(rows(images.x_train[kind])) for kind in (is_normal, ~is_normal))
    other = data.one_class_split(images, 3, 1, contamination=0.1)
    foreign, elsewhere = (
        [image for image in rows(split.x_train, split.x_validation) if image not in normal]
        for split in (mixed, other)
    )
    assert len(foreign) == 13 and others.issuperset(foreign) and foreign != elsewhere
    assert len(set(foreign)) == len(foreign)
    np.testing.assert_array_equal(mixed.x_test, plain.x_test)
    cells = [run_cell(f"digits/kde{more}/3/0", tmp_path) for more in ("", "+contamination=0.3")]
    assert cells[0]["metrics"] != cells[1]["metrics"]
    for contamination in (-0.1, 0.6, float("nan")):
        with pytest.raises(ValueError, match="contamination must be"):
            data.one_class_split(images, 3, 0, contamination)
