"""What is shown of a picture with a mask, and how sets with masks are kept, loaded and built."""

import numpy as np
import pytest

from data_prep.archives import DataError
from data_prep.masked_files import ARRAYS, npz_path, write_set
from data_prep.mnist_on_cifar import build_arrays
from data_samples import REAL
from ocnd_lib.crops import (
    Crops,
    background_only,
    before_colour,
    box_mask,
    mean_colour,
    swapped,
)
from ocnd_lib.data import load_images
from ocnd_lib.masked import load_masked, make_scenes


def crops(count: int = 4) -> Crops:
    """Objects of any colour, with soft outlines, before any background."""
    rng = np.random.default_rng(0)
    thing, behind = rng.integers(0, 256, (2, count, 3, 32, 32))
    m = rng.choice(np.array([0, 128, 255], np.uint8), (count, 1, 32, 32))
    part = m / 255
    x, o = (np.rint(a).astype(np.uint8) for a in (part * thing + (1 - part) * behind, part * thing))
    return Crops(x, o, m, np.arange(count) % 10)


def some_set(count: int = 20) -> dict[str, np.ndarray]:
    some = crops(count)
    arrays = [*some, *(array[:10] for array in some)]
    return {key: a.astype(np.uint8) for key, a in zip(ARRAYS, arrays, strict=True)}


def test_the_background_or_a_colour_takes_the_place_of_what_is_hidden():
    x, o, m, _ = crops()
    rest = background_only(x, o)
    assert np.abs(rest.astype(int) + o - x).max() <= 1
    assert not rest[np.broadcast_to(m, x.shape) == 255].any()  # rounding does not wrap round
    colour = mean_colour(x)
    assert np.allclose(colour, x.reshape(4, 3, -1).mean((0, 2)))
    shown = before_colour(o, m, colour)
    for channel in range(3):
        assert (shown[:, channel][m[:, 0] == 0] == round(colour[channel])).all()
        assert np.array_equal(shown[:, channel][m[:, 0] == 255], x[:, channel][m[:, 0] == 255])
        half = m[:, 0] == 128
        expected = o[:, channel][half] + colour[channel] * (1 - 128 / 255)
        assert np.abs(shown[:, channel][half] - expected).max() <= 0.51


def test_a_box_mask_knows_the_box_and_not_the_outline():
    m = np.zeros((3, 1, 32, 32), np.uint8)
    m[0] = 255
    m[1, 0, 4:20, 10:26] = 255
    m[2, 0, 4:20, 10], m[2, 0, 19, 10:26] = 3, 200  # another outline in the same box
    whole, part, hollow = box_mask(m)[:, 0]
    assert np.array_equal(whole, whole[::-1]) and np.array_equal(whole, whole.T)
    # the middle lies between pixels 15 and 16, so this one is 7.5 and the highest 0.5 away from it
    expected = np.exp(-(7.5**2 - 0.5**2) / (2 * 8**2))
    assert whole[15, 23] / 255 == pytest.approx(expected, abs=0.003)
    assert np.array_equal(part, hollow) and set(np.argwhere(part == 255)[0]) == {11, 17}
    # half as wide a box: a Gaussian half as wide, around its own middle
    assert part[11, 21] / 255 == pytest.approx(np.exp(-(3.5**2 - 0.5**2) / (2 * 4**2)), abs=0.003)


@pytest.mark.parametrize("y", ["02102103", "01002000"])
def test_a_swapped_background_belongs_to_another_class_and_shows_none_of_its_object(y):
    y = np.array([*map(int, y)])
    m = np.zeros((8, 1, 32, 32), np.uint8)
    m[:, :, 8:16, 8:16] = 255
    x = np.broadcast_to(10 * np.arange(1, 9, dtype=np.uint8)[:, None, None, None], (8, 3, 32, 32))
    x = np.where(m == 255, np.uint8(250), x)  # each picture has a level of its own behind
    o = np.where(m == 255, np.uint8(250), np.uint8(0))
    m[0, :, 16:24] = 255  # a larger object, and a larger hole, than the others
    x, o = np.where(m == 255, np.uint8(250), x), np.where(m == 255, np.uint8(250), o)
    shown = swapped(Crops(x, o, m, y))
    assert (shown[np.broadcast_to(m, shown.shape) == 255] == 250).all()
    levels = [np.unique(a[np.broadcast_to(b == 0, a.shape)]) for a, b in zip(shown, m, strict=True)]
    assert all(len(level) == 1 for level in levels)  # the hole has the colour around it
    donor = np.array([level[0] // 10 - 1 for level in levels])
    assert len(set(donor)) == (8 if max(y) == 3 else 4) and (y[donor] != y).all()


def test_a_set_comes_back_as_it_was_written(tmp_path):
    arrays = some_set()
    write_set("coco10", tmp_path / "coco10", arrays, [])
    images = load_masked("coco10", tmp_path)
    assert np.array_equal(load_images("coco10", tmp_path).x_train, arrays["x_train"])
    loaded = dict(zip(ARRAYS, (*images.train, *images.test), strict=True))
    assert all(np.array_equal(loaded[key], arrays[key]) for key in ARRAYS)
    arrays["m_test"] = 255 - arrays["m_test"]
    write_set("coco10", tmp_path / "coco10", arrays, [])
    assert load_masked("coco10", tmp_path).fingerprint != images.fingerprint


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"x_test": np.zeros((10, 3, 32, 32), np.uint8)}, "x_test has been"),
        ({"class_names": np.array(["a", "b"])}, "class names are not"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, change, what):
    path = write_set("coco10", tmp_path / "coco10", some_set(), [])
    with np.load(path) as file:
        np.savez(path, **{**file, **change})
    with pytest.raises(DataError, match=f"coco10.npz cannot be used: .*{what}.*ocnd data coco10"):
        load_masked("coco10", tmp_path)
    with pytest.raises(DataError, match=r"coco10.npz is missing.*ocnd data coco10"):
        load_masked("coco10", tmp_path / "elsewhere")


def numbered(count: int, offset: int, channels: int) -> dict[str, np.ndarray]:
    """Pictures that are each of one shade, so that one is known wherever it turns up."""
    shades = (offset + np.arange(2 * count)) % 256
    x = np.tile(shades[:, None, None, None], (1, channels, 32, 32)).astype(np.uint8)
    y = np.arange(2 * count, dtype=np.int64) % 10
    return {"x_train": x[:count], "y_train": y[:count], "x_test": x[count:], "y_test": y[count:]}


def test_digits_lie_on_pictures_each_used_once_and_the_mask_tells_where():
    digits, cifar = numbered(60, 100, 1), numbered(100, 0, 3)
    for part in ("x_train", "x_test"):
        digits[part][..., 16:] = 0  # a stroke, at an opacity that names its row
    arrays, rows = build_arrays(digits, cifar, per_class=6, test=20, seed=1)
    assert [row[3] for row in rows] == ["train"] * 40 + ["test"] * 20
    for part, images in (("train", rows[:40]), ("test", rows[40:])):
        assert len({row[0] for row in images}) == len({row[1] for row in images}) == len(images)
        assert np.bincount(arrays[f"y_{part}"]).tolist() == [len(images) // 10] * 10
        made = (arrays[f"{kind}_{part}"] for kind in "xomy")
        for row, x, o, m, y in zip(images, *made, strict=True):
            behind, inside = cifar[f"x_{part}"][row[1]].astype(int), m[0] > 0
            assert y == digits[f"y_{part}"][row[0]] == row[2]
            assert set(np.unique(m)) == {0, digits[f"x_{part}"][row[0]].max()}
            assert np.array_equal(x[:, ~inside], behind[:, ~inside]) and not o[:, ~inside].any()
            rest = x[:, inside] - behind[:, inside] * (1 - m.max() / 255)
            assert np.abs(o[:, inside] - rest).max() <= 2  # all roundings
    with pytest.raises(ValueError, match="6 train pictures a class at most, not 8"):
        build_arrays(digits, cifar, 10, 20)


def test_scenes_are_those_of_the_records_bit_for_bit(tmp_path, monkeypatch):
    """As two processors drew them; all records of scenes rest on the same strokes and crops."""
    monkeypatch.chdir(tmp_path)
    asked = {"per_class": 3, "test": 10, "seed": 1}
    assert (made := make_scenes(0.5, **asked)).fingerprint == "ca8604900a3357b9"
    assert make_scenes(0.5, **asked) is made  # not drawn again
    assert not list(tmp_path.iterdir())  # nothing is kept


@pytest.mark.skipif(
    not (REAL / "cifar10.npz").exists() or not (REAL / "MNIST").exists(), reason="no real data"
)
def test_real_digits_on_real_pictures():
    assert load_masked("mnist_on_cifar", REAL).fingerprint == "af1cbc399d1e9a0c"  # of the records


@pytest.mark.skipif(not (REAL / "coco").is_dir(), reason="no COCO subset")
def test_real_photographs_give_the_crops_of_the_records():
    assert load_masked("coco10", REAL).fingerprint == "072b7e1df3239681"


def test_scenes_are_built_into_the_data_folder_and_coco_from_files(ocnd, tmp_path):
    done = ocnd("data", "scenes", "--per-class", 3, "--test", 10, "--background-correlation", 1)
    assert done.exit_code == 0, done.output
    scenes = tmp_path / "data" / "scenes"
    assert f"fingerprint {load_masked('scenes').fingerprint}" in done.stdout
    words = ["--annotations", scenes / "instances.json", "--images", scenes / "images"]
    words += ["--per-class", 9, "--test", 10, "--fewer", "--out", tmp_path / "c"]
    fewer = ocnd("data", "coco10", *words)
    assert fewer.exit_code == 0 and "short: 3 of 9" in fewer.stdout
    assert npz_path("coco10", tmp_path / "c").exists()
    for options, code, what in (
        (["digits", "--seed", "3"], 2, "digits takes no options; scenes, mnist_on_cifar, coco10"),
        (["scenes", "--fewer"], 2, "scenes takes no 'fewer'; it takes --per-class"),
        (["coco10", "--annotations", "x.json"], 2, "belong together"),
        (["mnist_on_cifar", "--voc", "x"], 2, "it takes --per-class, --test, --seed\n"),
    ):
        refused = ocnd("data", *options)
        assert refused.exit_code == code and what in refused.stderr
