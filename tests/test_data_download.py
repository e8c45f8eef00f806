"""What torchvision brings is kept whole as one file or refused, and its own files are read."""

import gzip
import io
import pickle
import struct
import tarfile
import zipfile
from hashlib import md5

import numpy as np
import pytest

from data_prep import archives
from data_prep.download import fetch
from data_samples import tiny, write_npz
from ocnd_lib.data import DataError, load_images, prepare


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">{array.ndim + 1}i", 0x800 + array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def mirror(monkeypatch, server, own_sets):
    """torchvision's MNIST, Fashion-MNIST and CIFAR-10 come from here, tiny."""
    from torchvision import datasets

    def add(name: str, content: bytes) -> tuple[str, str]:
        server.files[name] = content
        return name, md5(content).hexdigest()

    for name, kind in (("mnist", datasets.MNIST), ("fashion_mnist", datasets.FashionMNIST)):
        files = zip(archives.IDX_FILES, tiny(name).values(), strict=True)
        resources = [add(f"{f}.gz", gzip.compress(idx(a), mtime=0)) for f, a in files]
        monkeypatch.setattr(kind, "mirrors", [server.url])
        monkeypatch.setattr(kind, "resources", resources)

    arrays, batches = tiny("cifar10"), {}
    planes = {
        p: arrays[f"x_{p}"].transpose(0, 3, 1, 2).reshape(-1, 3072) for p in ("train", "test")
    }
    for i in range(5):
        part = slice(8 * i, 8 * i + 8)
        labels = arrays["y_train"][part].tolist()
        batches[f"data_batch_{i + 1}"] = {"data": planes["train"][part], "labels": labels}
    batches["test_batch"] = {"data": planes["test"], "labels": arrays["y_test"].tolist()}
    batches["batches.meta"] = {"label_names": archives.CLASS_NAMES["cifar10"].split()}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for file, batch in batches.items():
            batches[file] = pickle.dumps(batch)
            info = tarfile.TarInfo(f"cifar-10-batches-py/{file}")
            info.size = len(batches[file])
            tar.addfile(info, io.BytesIO(batches[file]))
    sums = [[file, md5(content).hexdigest()] for file, content in batches.items()]
    _, tgz_md5 = add("cifar.tar.gz", packed.getvalue())
    kind = datasets.CIFAR10
    monkeypatch.setattr(kind, "url", server.url + "cifar.tar.gz")
    monkeypatch.setattr(kind, "tgz_md5", tgz_md5)
    monkeypatch.setattr(kind, "train_list", sums[:5])
    monkeypatch.setattr(kind, "test_list", sums[5:6])
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": sums[6][1]})
    return server


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10"])
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
        x = getattr(again, f"x_{part}")
        restored = x.transpose(0, 2, 3, 1) if name == "cifar10" else x[:, 0, 2:30, 2:30]
        assert np.array_equal(restored, original[f"x_{part}"])
        assert np.array_equal(getattr(again, f"y_{part}"), original[f"y_{part}"])


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
@pytest.mark.parametrize("fault", ["cut", "wrong", "503", "silent"])
def test_a_failed_download_leaves_nothing(mirror, monkeypatch, tmp_path, name, fault):
    monkeypatch.setattr("data_prep.download.PATIENCE", 0.2)
    mirror.always = fault
    with pytest.raises(DataError) as error:
        load_images(name, tmp_path)
    assert f"{tmp_path / name}.npz is missing" in str(error.value)
    assert f"ocnd data {name}" in str(error.value) and "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_what_is_something_else_or_written_badly_is_not_kept(mirror, monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        patch.setitem(archives.ORIGINAL_MD5, "mnist", {"x_test": "0" * 32})
        with pytest.raises(DataError, match="x_test has been changed"):
            load_images("mnist", tmp_path)
    good = tmp_path / "mnist.npz"
    write_npz(good, "mnist")
    before = good.read_bytes()
    monkeypatch.setattr(
        "data_prep.download.np.savez", lambda path, **_: path.write_bytes(before[:-9])
    )
    with pytest.raises(DataError, match="left as it was"):
        fetch("mnist", tmp_path)
    assert good.read_bytes() == before and list(tmp_path.iterdir()) == [good]


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
