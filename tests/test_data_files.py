"""A kept file of images is read whole and as the original, or refused with what mends it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from data_prep import archives
from data_samples import rows, tiny, write_npz
from ocnd_lib.data import DataError, ImageSet, load_images, prepare


def arrays_of(images: ImageSet) -> list[np.ndarray]:
    return [getattr(images, key) for key in archives.ARRAYS]


def test_a_file_without_digests_is_held_to_the_known_ones(monkeypatch, own_sets, tmp_path):
    sums = {key: archives.md5_of(array) for key, array in tiny("cifar10").items()}
    monkeypatch.setattr(archives, "UNSIGNED_MD5", {"cifar10": sums})
    exact = np.ones(20, bool)
    path = tmp_path / "cifar10.npz"
    save = np.savez_compressed
    write_npz(path, "cifar10", save, md5=None, x_test_exact=exact)
    assert load_images("cifar10", tmp_path).x_test.shape == (20, 3, 32, 32)
    write_npz(path, "cifar10", save, md5=None, x_test=tiny("cifar10")["x_test"] // 2)
    with pytest.raises(DataError, match="x_test has been changed"):
        load_images("cifar10", tmp_path)


def test_the_fingerprint_is_that_of_the_arrays(own_sets, tmp_path):
    seen = set()
    for x_test in (tiny("mnist")["x_test"], tiny("mnist")["x_test"][::-1]):
        arrays = {**tiny("mnist"), "x_test": x_test}
        sums = np.array([archives.md5_of(array) for array in arrays.values()])
        for save in (np.savez, np.savez_compressed):
            write_npz(tmp_path / "mnist.npz", "mnist", save, x_test=x_test, md5=sums)
            seen.add(load_images("mnist", tmp_path).fingerprint)
    assert len(seen) == 2 and all(len(s) == 16 and int(s, 16) for s in seen)


def test_images_that_are_no_originals_are_counted(own_sets, tmp_path):
    path = tmp_path / "coil100.npz"
    arrays = {
        f"{kind}_{part}": np.arange(100, dtype=np.uint8) if kind == "y" else pictures
        for part, pictures in (("train", picture(1)), ("test", picture(2)))
        for kind in "xy"
    }
    md5 = np.array([archives.md5_of(arrays[key]) for key in archives.ARRAYS])
    names = np.array(archives.CLASS_NAMES["coil100"].split())
    flags = {"inexact_train": np.arange(100) < 3, "inexact_test": np.arange(100) == 5}
    for extra, count in (({}, 0), (flags, 4)):
        np.savez(path, **arrays, **extra, md5=md5, class_names=names)
        assert load_images("coil100", tmp_path).inexact == count
    np.savez(path, **arrays, inexact_train=np.ones(99, bool), md5=md5, class_names=names)
    with pytest.raises(DataError, match="inexact_train is not one yes or no for each image"):
        load_images("coil100", tmp_path)


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (100, 32, 32, 3), np.uint8)


def test_a_set_that_vouches_for_itself_is_held_to_what_is_known(tmp_path):
    path = Path(os.environ.get("OCND_DATA") or "data") / "coil100.npz"
    if not path.exists():
        pytest.skip("coil100 is not in the data folder")
    assert load_images("coil100", path.parent).inexact == 102
    with np.load(path) as file:
        kept = dict(file)
    kept["y_test"] = kept["y_test"][::-1]
    kept["md5"] = np.array([archives.md5_of(kept[key]) for key in archives.ARRAYS])
    np.savez(tmp_path / path.name, **kept)
    with pytest.raises(DataError, match="y_test has been changed"):
        load_images("coil100", tmp_path)


CHANGES = {
    "x_train has been changed": {"x_train": tiny("mnist")["x_train"] ^ 1},
    "y_test has been changed": {"y_test": tiny("mnist")["y_test"][::-1]},
    "it lacks y_test": {"y_test": None},
    "it brings no checksum": {"md5": None},
    "its class names": {"class_names": np.array(list("0123456798"))},
    "x_train is float32": {"x_train": np.full((40, 28, 28), np.nan, np.float32)},
    r"x_train is uint8 \(40, 32, 32\)": {"x_train": np.zeros((40, 32, 32), np.uint8)},
    r"y_train is uint8 \(39,\)": {"y_train": tiny("mnist")["y_train"][1:]},
    "y_train is float64": {"y_train": np.full(40, np.nan)},
    "labels in y_train": {"y_train": tiny("mnist")["y_train"] + 1},
    "labels in y_test": {"y_test": np.zeros(20, np.uint8)},
    "Object arrays": {"y_test": np.array([None] * 20)},
    "it lacks x_train, y_train, x_test, y_test": dict.fromkeys(archives.ARRAYS),
}


@pytest.mark.parametrize("complaint", CHANGES)
def test_a_file_with_other_arrays_is_refused(own_sets, tmp_path, complaint):
    write_npz(tmp_path / "mnist.npz", "mnist", **CHANGES[complaint])
    with pytest.raises(DataError, match=complaint) as error:
        load_images("mnist", tmp_path)
    assert str(tmp_path / "mnist.npz") in str(error.value)
    assert f"OCND_DATA={tmp_path} ocnd data mnist" in str(error.value)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("damage", ["a flipped byte", "cut off", "empty", "text", "a folder"])
def test_a_damaged_file_is_refused(own_sets, tmp_path, monkeypatch, save, damage):
    path = tmp_path / "mnist.npz"
    write_npz(path, "mnist", save)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    half = content[: len(content) // 2]
    text = {"empty": b"", "text": b"<html>Not found</html>", "cut off": half}
    path.unlink()
    path.mkdir() if damage == "a folder" else path.write_bytes(text.get(damage, content))
    monkeypatch.setenv("OCND_DATA", str(tmp_path))
    with pytest.raises(DataError) as error:
        load_images("mnist")
    assert str(path) in str(error.value)
    assert str(error.value).endswith("run: ocnd data mnist")


def test_no_flipped_byte_goes_unnoticed(own_sets, tmp_path):
    path = tmp_path / "mnist.npz"
    write_npz(path, "mnist")
    content, original = path.read_bytes(), rows(*arrays_of(load_images("mnist", tmp_path)))
    noticed = 0
    for place in {*range(0, len(content), 2999), *range(150), *range(-600, 0, 2)}:
        broken = bytearray(content)
        broken[place] ^= 0x11
        path.write_bytes(broken)
        try:  # some bytes, such as the hour of writing, tell nothing about the images
            assert rows(*arrays_of(load_images("mnist", tmp_path))) == original
        except DataError:
            noticed += 1
    assert noticed > 150


def test_names_that_do_not_exist_list_those_that_do(tmp_path):
    with pytest.raises(ValueError, match="digits, mnist, fashion_mnist, cifar10"):
        load_images("imagenet", tmp_path)
    with pytest.raises(ValueError, match="digits, mnist"):
        prepare("../mnist", tmp_path)


def test_reading_a_file_needs_no_torch(tmp_path):
    code = (
        "import sys, ocnd_lib.data as d\n"
        "assert not {'sklearn', 'pooch', 'pycocotools'} & set(sys.modules)\n"
        "d.load_images('digits')\n"
        "assert not {'torch', 'torchvision'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
