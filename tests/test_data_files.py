"""A kept file of images is read whole and as the original, or refused with what mends it."""

import os
from pathlib import Path

import numpy as np
import pytest

from data_prep import archives
from data_samples import rows, tiny, write_npz
from ocnd_lib.data import DataError, ImageSet, load_images


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
    "y_test has been changed": {"y_test": tiny("mnist")["y_test"][::-1]},
    "it lacks y_test": {"y_test": None},
    "it brings no checksum": {"md5": None},
    "its class names": {"class_names": np.array(list("0123456798"))},
    "x_train is float32": {"x_train": np.full((40, 28, 28), np.nan, np.float32)},
    r"y_train is uint8 \(39,\)": {"y_train": tiny("mnist")["y_train"][1:]},
    "labels in y_train": {"y_train": tiny("mnist")["y_train"] + 1},
    "labels in y_test": {"y_test": np.zeros(20, np.uint8)},
    "Object arrays": {"y_test": np.array([None] * 20)},
}


@pytest.mark.parametrize("complaint", CHANGES)
def test_a_file_with_other_arrays_is_refused(own_sets, tmp_path, complaint):
    write_npz(tmp_path / "mnist.npz", "mnist", **CHANGES[complaint])
    with pytest.raises(DataError, match=rf"mnist.npz.*{complaint}.* ocnd data mnist"):
        load_images("mnist", tmp_path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_damaged_file_is_refused(own_sets, tmp_path, save):
    path = tmp_path / "mnist.npz"
    write_npz(path, "mnist", save)
    content = path.read_bytes()
    for damaged in (content[: len(content) // 2], b"", b"<html>Not found</html>", None):
        path.unlink()
        path.mkdir() if damaged is None else path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"mnist.npz.* ocnd data mnist$"):
            load_images("mnist", tmp_path)


@pytest.mark.parametrize(("save", "step"), [(np.savez, 2999), (np.savez_compressed, 499)])
def test_no_flipped_byte_goes_unnoticed(own_sets, tmp_path, save, step):
    path = tmp_path / "mnist.npz"
    write_npz(path, "mnist", save)
    content, original = path.read_bytes(), rows(*arrays_of(load_images("mnist", tmp_path)))
    noticed = 0
    for place in {*range(0, len(content), step), *range(0, 150, 3), *range(-600, 0, 7)}:
        broken = bytearray(content)
        broken[place] ^= 0x11
        path.write_bytes(broken)
        try:  # some bytes, such as the hour of writing, tell nothing about the images
            assert rows(*arrays_of(load_images("mnist", tmp_path))) == original
        except DataError:
            noticed += 1
    assert noticed > 50
