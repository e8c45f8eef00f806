"""A file of images is whole and the original or refused, as it is kept and as it is downloaded."""

import gzip
import struct
import zipfile
from hashlib import md5

import numpy as np
import pytest

from data_prep import archives
from data_samples import rows, tiny, write_npz
from ocnd_lib.data import DataError, ImageSet, load_images, prepare


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">{array.ndim + 1}i", 0x800 + array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def mirror(monkeypatch, server, own_sets):
    """torchvision's MNIST and Fashion-MNIST come from here, tiny."""
    from torchvision import datasets

    for name, kind in (("mnist", datasets.MNIST), ("fashion_mnist", datasets.FashionMNIST)):
        resources = []
        for file, array in zip(archives.IDX_FILES, tiny(name).values(), strict=True):
            server.files[f"{file}.gz"] = content = gzip.compress(idx(array), mtime=0)
            resources.append((f"{file}.gz", md5(content).hexdigest()))
        monkeypatch.setattr(kind, "mirrors", [server.url])
        monkeypatch.setattr(kind, "resources", resources)
    return server


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_a_missing_set_is_downloaded_once_and_kept_as_one_file(mirror, tmp_path, name):
    images = load_images(name, tmp_path / "new")
    assert [path.name for path in (tmp_path / "new").iterdir()] == [f"{name}.npz"]
    with zipfile.ZipFile(tmp_path / "new" / f"{name}.npz") as file:
        assert all(member.compress_type == zipfile.ZIP_STORED for member in file.infolist())

    asked = mirror.requests.total()
    again = load_images(name, tmp_path / "new")
    assert mirror.requests.total() == asked > 0
    assert again.fingerprint == images.fingerprint
    original = tiny(name)
    for part in ("train", "test"):
        restored = getattr(again, f"x_{part}")[:, 0, 2:30, 2:30]
        assert np.array_equal(restored, original[f"x_{part}"])
        assert np.array_equal(getattr(again, f"y_{part}"), original[f"y_{part}"])


@pytest.mark.parametrize("fault", ["cut", "wrong", "503", "silent"])
def test_a_failed_download_leaves_nothing(mirror, monkeypatch, tmp_path, fault):
    monkeypatch.setattr("data_prep.download.PATIENCE", 0.2)
    mirror.always = fault
    with pytest.raises(DataError, match=r"mnist\.npz is missing: .*ocnd data mnist$"):
        load_images("mnist", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_something_else_is_not_kept(mirror, monkeypatch, tmp_path):
    monkeypatch.setitem(archives.ORIGINAL_MD5, "mnist", {"x_test": "0" * 32})
    with pytest.raises(DataError, match="x_test has been changed"):
        load_images("mnist", tmp_path)
    assert not list(tmp_path.iterdir())


def test_prepare_repairs_a_broken_file_once_there_is_a_better_one(mirror, tmp_path):
    path = tmp_path / "mnist.npz"
    path.write_bytes(b"half a fi")
    mirror.always = "cut"
    for refused, what in ((load_images, "ocnd data mnist"), (prepare, "left as it was")):
        with pytest.raises(DataError, match=what):
            refused("mnist", tmp_path)
        assert path.read_bytes() == b"half a fi" and list(tmp_path.iterdir()) == [path]
    mirror.always = ""
    prepare("mnist", tmp_path)
    before, asked = path.stat(), mirror.requests.total()
    assert np.array_equal(prepare("mnist", tmp_path).y_test, tiny("mnist")["y_test"])
    assert path.stat() == before and mirror.requests.total() == asked
    assert list(tmp_path.iterdir()) == [path]


def test_raw_idx_files_are_read_and_left_alone(own_sets, tmp_path):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for file, array in zip(archives.IDX_FILES, tiny("mnist").values(), strict=True):
        (raw / f"{file}.gz").write_bytes(gzip.compress(idx(array)))
    before = sorted(tmp_path.rglob("*"))
    images = load_images("mnist", tmp_path)
    assert np.array_equal(images.x_test[:, 0, 2:-2, 2:-2], tiny("mnist")["x_test"])
    assert sorted(tmp_path.rglob("*")) == before
    broken = next(raw.glob("train-images*"))
    broken.write_bytes(broken.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"MNIST.raw.*ocnd data mnist"):
        load_images("mnist", tmp_path)


def arrays_of(images: ImageSet) -> list[np.ndarray]:
    return [getattr(images, key) for key in archives.ARRAYS]


def test_a_file_without_digests_is_held_to_the_known_ones(monkeypatch, own_sets, tmp_path):
    sums = {key: archives.md5_of(array) for key, array in tiny("cifar10").items()}
    monkeypatch.setattr(archives, "UNSIGNED_MD5", {"cifar10": sums})
    path = tmp_path / "cifar10.npz"
    write_npz(path, "cifar10", md5=None, x_test_exact=np.arange(20) > 2)
    images = load_images("cifar10", tmp_path)
    assert rows(images.x_test.transpose(0, 2, 3, 1)) == rows(tiny("cifar10")["x_test"])
    assert images.inexact == 3
    write_npz(path, "cifar10", md5=None, x_test=tiny("cifar10")["x_test"] // 2)
    with pytest.raises(DataError, match="x_test has been changed"):
        load_images("cifar10", tmp_path)


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


@pytest.mark.parametrize(("save", "step"), [(np.savez, 2999), (np.savez_compressed, 499)])
def test_no_flipped_byte_and_no_cut_goes_unnoticed(own_sets, tmp_path, save, step):
    path = tmp_path / "mnist.npz"
    write_npz(path, "mnist", save)
    content, original = path.read_bytes(), rows(*arrays_of(load_images("mnist", tmp_path)))
    for damaged in (content[: len(content) // 2], b"", b"<html>Not found</html>"):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"mnist.npz.* ocnd data mnist$"):
            load_images("mnist", tmp_path)
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
