"""Data sets are read whole or refused, and no split lets a test image into training."""

import gzip
import http.server
import io
import os
import pickle
import struct
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from hashlib import md5, sha1
from pathlib import Path

import numpy as np
import pytest

from data_prep import archives
from data_prep.download import fetch
from ocnd_lib import data
from ocnd_lib.data import DataError, ImageSet, load_images, prepare

REAL = {"mnist": "MNIST", "cifar10": "cifar10.npz"}


def tiny(name: str) -> dict[str, np.ndarray]:
    """Four images of each class for training and two for testing, in the stored layout."""
    rng = np.random.default_rng(1)
    shape = archives.IMAGE_SHAPE[name]
    return {
        "x_train": rng.integers(1, 256, (40, *shape), np.uint8),
        "y_train": np.repeat(np.arange(10, dtype=np.uint8), 4),
        "x_test": rng.integers(1, 256, (20, *shape), np.uint8),
        "y_test": np.tile(np.arange(10, dtype=np.uint8), 2),
    }


def write_npz(path: Path, name: str, save=np.savez, **changes) -> None:
    """Write a well-formed file, then whatever `changes` says (None: without that array)."""
    arrays = tiny(name)
    arrays["md5"] = np.array([archives.md5_of(array) for array in arrays.values()])
    arrays["class_names"] = np.array(archives.CLASS_NAMES[name].split())
    save(path, **{k: v for k, v in {**arrays, **changes}.items() if v is not None})


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">{array.ndim + 1}i", 0x800 + array.ndim, *array.shape) + array.tobytes()


def numbered(train: int, test: int, classes: int = 10, size: int = 1) -> ImageSet:
    """A set in which every image is its own number, so that one is known wherever it turns up."""
    x = np.zeros((classes * (train + test), size, size), np.uint32)
    x[:, 0, 0] = np.arange(len(x))
    y = np.arange(len(x)) % classes
    cut = classes * train
    return ImageSet("numbered", x[:cut], y[:cut], x[cut:], y[cut:], tuple("abcdefghij"), "0" * 16)


def rows(*arrays: np.ndarray) -> list[bytes]:
    return sorted(image.tobytes() for array in arrays for image in array)


def arrays_of(images: ImageSet) -> list[np.ndarray]:
    return [getattr(images, key) for key in archives.ARRAYS]


def same(split, other) -> bool:
    return all(np.array_equal(value, vars(other)[key]) for key, value in vars(split).items())


@pytest.fixture
def own_sets(monkeypatch):
    """Let tiny sets pass for the originals."""
    monkeypatch.setattr(archives, "ORIGINAL_MD5", {name: {} for name in archives.CLASS_NAMES})


class Mirror:
    """A server of files on this machine, which can be told to misbehave."""

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.mode = "good"
        self.requests = 0
        self.closing = threading.Event()
        mirror = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self):
                self.do_GET(body=False)

            def do_GET(self, body=True):
                mirror.requests += 1
                content = mirror.files.get(self.path.lstrip("/"))
                if content is None or mirror.mode == "refuses":
                    return self.send_error(503)
                if mirror.mode == "silent":
                    mirror.closing.wait(20)
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if mirror.mode == "truncates":
                    content = content[: len(content) // 2]
                elif mirror.mode == "wrong bytes":
                    content = bytes(len(content))
                if body:
                    self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def add(self, name: str, content: bytes) -> tuple[str, str]:
        self.files[name] = content
        return name, md5(content).hexdigest()


@pytest.fixture
def mirror(monkeypatch, own_sets):
    """torchvision's MNIST, Fashion-MNIST and CIFAR-10 come from here, tiny."""
    from torchvision import datasets

    mirror = Mirror()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    for name, kind in (("mnist", datasets.MNIST), ("fashion_mnist", datasets.FashionMNIST)):
        files = zip(archives.IDX_FILES, tiny(name).values(), strict=True)
        resources = [mirror.add(f"{f}.gz", gzip.compress(idx(a), mtime=0)) for f, a in files]
        monkeypatch.setattr(kind, "mirrors", [mirror.url])
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
    _, tgz_md5 = mirror.add("cifar.tar.gz", packed.getvalue())
    kind = datasets.CIFAR10
    monkeypatch.setattr(kind, "url", mirror.url + "cifar.tar.gz")
    monkeypatch.setattr(kind, "tgz_md5", tgz_md5)
    monkeypatch.setattr(kind, "train_list", sums[:5])
    monkeypatch.setattr(kind, "test_list", sums[5:6])
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": sums[6][1]})
    yield mirror
    mirror.closing.set()
    mirror.server.shutdown()
    mirror.server.server_close()


# Downloading


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10"])
def test_a_missing_set_is_downloaded_once_and_kept_as_one_file(mirror, tmp_path, name):
    images = load_images(name, tmp_path / "new")
    assert [path.name for path in (tmp_path / "new").iterdir()] == [f"{name}.npz"]
    with zipfile.ZipFile(tmp_path / "new" / f"{name}.npz") as file:
        assert all(member.compress_type == zipfile.ZIP_STORED for member in file.infolist())

    asked = mirror.requests
    again = load_images(name, tmp_path / "new")
    assert mirror.requests == asked > 0
    assert again.fingerprint == images.fingerprint
    original = tiny(name)
    for part in ("train", "test"):
        x = getattr(again, f"x_{part}")
        assert x.shape[2:] == (32, 32) and x.dtype == np.uint8
        restored = x.transpose(0, 2, 3, 1) if name == "cifar10" else x[:, 0, 2:30, 2:30]
        assert np.array_equal(restored, original[f"x_{part}"])
        assert getattr(again, f"y_{part}").dtype == np.int64
        assert np.array_equal(getattr(again, f"y_{part}"), original[f"y_{part}"])


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
@pytest.mark.parametrize("mode", ["truncates", "wrong bytes", "refuses", "silent", "gone"])
def test_a_failed_download_leaves_nothing(mirror, monkeypatch, tmp_path, name, mode):
    monkeypatch.setattr("data_prep.download.PATIENCE", 0.2)
    mirror.mode = mode
    if mode == "gone":
        mirror.server.shutdown()
        mirror.server.server_close()
    with pytest.raises(DataError) as error:
        load_images(name, tmp_path)
    assert f"{tmp_path / name}.npz is missing" in str(error.value)
    assert f"ocnd data {name}" in str(error.value) and "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_download_of_something_else_is_refused(mirror, monkeypatch, tmp_path):
    monkeypatch.setitem(archives.ORIGINAL_MD5, "mnist", {"x_test": "0" * 32})
    with pytest.raises(DataError, match="x_test has been changed"):
        load_images("mnist", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_written_badly_is_not_kept(mirror, monkeypatch, tmp_path):
    good = tmp_path / "mnist.npz"
    write_npz(good, "mnist")
    before = good.read_bytes()
    monkeypatch.setattr(
        "data_prep.download.np.savez", lambda path, **_: path.write_bytes(before[:-9])
    )
    with pytest.raises(DataError, match="left as it was"):
        fetch("mnist", tmp_path)
    assert good.read_bytes() == before and list(tmp_path.iterdir()) == [good]


def test_a_folder_that_cannot_be_made(mirror, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="ocnd data mnist"):
        load_images("mnist", tmp_path / "file")


def test_prepare_repairs_a_broken_file(mirror, tmp_path):
    path = tmp_path / "mnist.npz"
    path.write_bytes(b"half a fi")
    with pytest.raises(DataError, match="ocnd data mnist"):
        load_images("mnist", tmp_path)
    prepare("mnist", tmp_path)
    assert np.array_equal(load_images("mnist", tmp_path).y_test, tiny("mnist")["y_test"])
    assert list(tmp_path.iterdir()) == [path]


def test_prepare_keeps_a_broken_file_until_there_is_a_better_one(mirror, tmp_path):
    (tmp_path / "mnist.npz").write_bytes(b"half a fi")
    mirror.mode = "truncates"
    with pytest.raises(DataError, match="left as it was"):
        prepare("mnist", tmp_path)
    assert (tmp_path / "mnist.npz").read_bytes() == b"half a fi"
    assert len(list(tmp_path.iterdir())) == 1


def test_prepare_leaves_a_good_file_alone(mirror, tmp_path):
    write_npz(tmp_path / "mnist.npz", "mnist")
    before = (tmp_path / "mnist.npz").stat()
    assert prepare("mnist", tmp_path).name == "mnist"
    assert (tmp_path / "mnist.npz").stat() == before and mirror.requests == 0


def test_prepare_knows_sets_that_need_no_file(tmp_path):
    assert prepare("digits", tmp_path).name == "digits"


def test_what_a_killed_download_left_is_removed_by_a_later_one(mirror, tmp_path):
    for age, name in ((2 * 24 * 3600, ".mnist-old"), (0, ".mnist-running")):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    load_images("mnist", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"mnist.npz", ".mnist-running"}


# Files that lie there already


@pytest.mark.parametrize("packed", [False, True])
def test_raw_idx_files_are_read_and_left_alone(own_sets, tmp_path, packed):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for file, array in zip(archives.IDX_FILES, tiny("mnist").values(), strict=True):
        content = idx(array)
        (raw / (f"{file}.gz" if packed else file)).write_bytes(
            gzip.compress(content) if packed else content
        )
    before = sorted(tmp_path.rglob("*"))
    images = load_images("mnist", tmp_path)
    assert np.array_equal(images.x_test[:, 0, 2:-2, 2:-2], tiny("mnist")["x_test"])
    assert sorted(tmp_path.rglob("*")) == before

    write_npz(tmp_path / "mnist.npz", "mnist")
    assert load_images("mnist", tmp_path).fingerprint == images.fingerprint

    (tmp_path / "mnist.npz").unlink()
    broken = next(raw.glob("train-images*"))
    broken.write_bytes(broken.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"MNIST.raw.*ocnd data mnist"):
        load_images("mnist", tmp_path)


def test_raw_cifar_batches_are_read_and_verified(mirror, tmp_path):
    with tarfile.open(fileobj=io.BytesIO(mirror.files["cifar.tar.gz"])) as tar:
        tar.extractall(tmp_path, filter="data")
    before = sorted(tmp_path.rglob("*"))
    images = load_images("cifar10", tmp_path)
    assert np.array_equal(images.x_train.transpose(0, 2, 3, 1), tiny("cifar10")["x_train"])
    assert sorted(tmp_path.rglob("*")) == before and mirror.requests == 0

    batch = tmp_path / "cifar-10-batches-py" / "data_batch_3"
    batch.write_bytes(batch.read_bytes()[:-1] + b"!")
    with pytest.raises(DataError, match=r"cifar-10-batches-py.*ocnd data cifar10"):
        load_images("cifar10", tmp_path)
    assert prepare("cifar10", tmp_path).fingerprint == images.fingerprint
    assert load_images("cifar10", tmp_path).fingerprint == images.fingerprint


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


def test_a_whole_file_is_read_however_its_threads_take_turns(own_sets, tmp_path):
    """Python 3.12.1 mixes up two threads that read from one zip file."""
    sums = np.array([archives.md5_of(array) for array in tiny("mnist").values()])
    write_npz(tmp_path / "mnist.npz", "mnist", np.savez_compressed, md5=sums)
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(100):
            load_images("mnist", tmp_path)
    finally:
        sys.setswitchinterval(usual)


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
    path.write_bytes(
        {
            "a flipped byte": bytes(content),
            "cut off": content[: len(content) // 2],
            "empty": b"",
            "text": b"<html>Not found</html>",
            "a folder": b"",
        }[damage]
    )
    if damage == "a folder":
        path.unlink()
        path.mkdir()
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
    for place in {*range(0, len(content), 997), *range(150), *range(-600, 0)}:
        broken = bytearray(content)
        broken[place] ^= 0x11
        path.write_bytes(broken)
        try:  # some bytes, such as the hour of writing, tell nothing about the images
            assert rows(*arrays_of(load_images("mnist", tmp_path))) == original
        except DataError:
            noticed += 1
    assert noticed > 300


def test_a_file_that_vouches_for_itself_is_not_the_original(tmp_path):
    write_npz(tmp_path / "cifar10.npz", "cifar10")
    with pytest.raises(DataError, match="x_train has been changed"):
        load_images("cifar10", tmp_path)


def test_names_that_do_not_exist_list_those_that_do(tmp_path):
    with pytest.raises(ValueError, match="digits, mnist, fashion_mnist, cifar10"):
        load_images("imagenet", tmp_path)
    with pytest.raises(ValueError, match="digits, mnist"):
        prepare("../mnist", tmp_path)


def test_reading_a_file_needs_no_torch(tmp_path):
    code = (
        "import sys, ocnd_lib.data as d\n"
        "assert not {'sklearn', 'data_prep.download'} & set(sys.modules)\n"
        "d.load_images('digits')\n"
        "assert not {'torch', 'torchvision'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# Real images


@pytest.fixture(scope="module", params=REAL)
def real(request):
    folder = data.data_folder()
    if (
        not (folder / REAL[request.param]).exists()
        and not (folder / f"{request.param}.npz").exists()
    ):
        pytest.skip(f"{folder} has no {request.param}: ocnd data {request.param}, $OCND_DATA")
    return load_images(request.param)


def test_real_images_have_the_original_order_and_orientation(real):
    assert real.x_train.flags.c_contiguous and real.x_test.flags.c_contiguous
    x = real.x_train.transpose(0, 2, 3, 1)
    if real.name == "mnist":
        x = x[:, 2:30, 2:30, 0]
        assert real.x_train.sum(dtype=np.int64) == x.sum(dtype=np.int64)
    else:
        # the first data batch as published: one label byte, then the three planes of an image
        batch = np.column_stack([real.y_train[:10000], real.x_train[:10000].reshape(10000, -1)])
        digest = sha1(batch.astype(np.uint8)).hexdigest()
        assert digest == "aadd24acce27caa71bf4b10992e9e7b2d74c2540"
    assert archives.md5_of(x) == archives.ORIGINAL_MD5[real.name]["x_train"]


def test_real_sets_have_the_known_sizes(real):
    counts = np.bincount(real.y_train)
    if real.name == "mnist":
        assert (counts[5], counts[1]) == (5421, 6742) and len(real.y_test) == 10000
    else:
        assert set(counts) == {5000} and set(np.bincount(real.y_test)) == {1000}
        for ratio, normal in ((9, 5000), (30, 1500), (99, 455)):
            split = data.imbalanced_split(real, "plane", ratio, seed=0)
            assert np.bincount(split.y_train).tolist() == [normal, 45000]
            assert np.bincount(split.y_test).tolist() == [1000, 9000]


def test_real_training_images_are_no_test_images(real):
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
    assert digits.x_train.min() == 0 and digits.x_train.max() == 255
    assert not set(rows(digits.x_train)) & set(rows(digits.x_test))
    assert digits.fingerprint == load_images("digits").fingerprint
    # the resized image is the bilinear one of torch
    torch = pytest.importorskip("torch")
    from sklearn.datasets import load_digits

    x = torch.from_numpy(load_digits().images)[:, None] * (255 / 16)
    resized = torch.nn.functional.interpolate(x, 32, mode="bilinear", align_corners=False)
    assert rows(digits.x_train, digits.x_test) == rows(resized.round().byte().numpy())


# Classes and splits


@pytest.mark.parametrize(
    ("name", "given", "index"),
    [
        ("cifar10", 9, 9),
        ("cifar10", np.int64(9), 9),
        ("cifar10", "9", 9),
        ("cifar10", "Truck", 9),
        ("cifar10", "plane", 0),
        ("cifar10", "CAR", 1),
        ("fashion_mnist", "T-shirt/top", 0),
        ("fashion_mnist", "Ankle boot", 9),
        ("mnist", "8", 8),
    ],
)
def test_a_class_is_named_by_index_or_name(name, given, index):
    empty = np.zeros(0)
    names = tuple(archives.CLASS_NAMES[name].split())
    images = ImageSet(name, empty, empty, empty, empty, names, "")
    assert data.class_index(images, given) == index


@pytest.mark.parametrize("given", [10, -1, 3.0, True, None, "", "zebra", "-1", "1.0"])
def test_a_class_that_does_not_exist_lists_those_that_do(given):
    with pytest.raises(ValueError, match=r"there are: 0 a, 1 b, .*9 j"):
        data.class_index(numbered(1, 1), given)


@pytest.mark.parametrize("validation", [0, 0.1, 0.25])
def test_one_class_split_deals_out_each_image_once(validation):
    images = numbered(train=40, test=10)
    split = data.one_class_split(images, 3, seed=0, validation=validation)
    assert len(split.x_validation) == 40 * validation
    assert rows(split.x_train, split.x_validation) == rows(images.x_train[images.y_train == 3])
    assert np.array_equal(split.x_test, images.x_test)
    assert np.array_equal(split.class_test, images.y_test)
    assert np.array_equal(split.y_test == 0, images.y_test == 3)
    assert set(split.y_test) == {0, 1} and split.normal_class == 3


def test_pooled_split_is_eighty_twenty_with_as_many_negatives():
    images = numbered(train=40, test=10)
    split = data.pooled_split(images, "d", seed=0)
    assert (len(split.x_train), len(split.x_validation)) == (36, 4)
    normal = split.x_test[split.y_test == 0]
    pool = [images.x_train[images.y_train == 3], images.x_test[images.y_test == 3]]
    assert rows(split.x_train, split.x_validation, normal) == rows(*pool)
    assert np.bincount(split.y_test).tolist() == [10, 10]
    counts = np.bincount(split.class_test, minlength=10)
    assert counts[3] == 10 and sorted(np.delete(counts, 3)) == [1] * 8 + [2]
    assert np.array_equal(split.x_test[:, 0, 0] % 10, split.class_test)
    assert len(set(rows(split.x_test))) == 20


@pytest.mark.parametrize(("ratio", "normal"), [(9, 40), (9.1, 40), (30, 12), (99, 4), (360, 1)])
def test_imbalanced_split_removes_normal_images_only(ratio, normal):
    images = numbered(train=40, test=10)
    split = data.imbalanced_split(images, 3, ratio, seed=0)
    assert np.bincount(split.y_train).tolist() == [normal, 360]
    assert np.array_equal(split.y_train == 0, split.x_train[:, 0, 0] % 10 == 3)
    assert rows(split.x_train[split.y_train == 1]) == rows(images.x_train[images.y_train != 3])
    assert set(rows(split.x_train)) <= set(rows(images.x_train))
    assert len(set(rows(split.x_train))) == len(split.x_train)
    assert np.array_equal(split.x_test, images.x_test)
    assert np.array_equal(split.y_test, images.y_test != 3)
    assert np.array_equal(split.class_test, images.y_test)


@pytest.mark.parametrize("ratio", [0, -9, 1, 8, 1000, float("nan"), float("inf")])
def test_an_impossible_ratio_says_what_is_possible(ratio):
    with pytest.raises(ValueError, match=r"smallest is 9, with all 40 .* largest 360"):
        data.imbalanced_split(numbered(train=40, test=10), 3, ratio, seed=0)


@pytest.mark.parametrize(
    "split",
    [
        lambda images, seed: data.one_class_split(images, 3, seed),
        lambda images, seed: data.pooled_split(images, 3, seed),
        lambda images, seed: data.imbalanced_split(images, 3, 30, seed),
    ],
    ids=["one-class", "pooled", "imbalanced"],
)
def test_a_split_depends_on_its_seed_alone(split):
    images = numbered(train=40, test=10)
    np.random.seed(0)
    first = split(images, 7)
    np.random.seed(1)
    assert same(first, split(images, 7))
    other = split(images, 8)
    assert rows(first.x_train) != rows(other.x_train)


@pytest.mark.parametrize("validation", [-0.1, 1, 1.5, float("nan")])
def test_an_impossible_validation_part_is_refused(validation):
    with pytest.raises(ValueError, match="hold out"):
        data.one_class_split(numbered(train=40, test=10), 3, 0, validation)


def test_a_class_without_images_is_refused():
    images = numbered(train=40, test=10)
    few = ImageSet(**{**vars(images), "y_train": np.zeros_like(images.y_train)})
    with pytest.raises(ValueError, match="class d of numbered has no image in x_train"):
        data.one_class_split(few, 3, seed=0)
    with pytest.raises(ValueError, match="class d of numbered has no image in x_train"):
        data.imbalanced_split(few, 3, 9, seed=0)
    none = ImageSet(**{**vars(few), "y_test": np.full_like(images.y_test, 4)})
    with pytest.raises(ValueError, match="class d of numbered has no image"):
        data.pooled_split(none, 3, seed=0)
    untested = ImageSet(**{**vars(images), "y_test": np.full_like(images.y_test, 4)})
    with pytest.raises(ValueError, match="class d of numbered has no image in x_test"):
        data.one_class_split(untested, 3, seed=0)
    with pytest.raises(ValueError, match="x_test of numbered has no image of another class"):
        data.one_class_split(untested, 4, seed=0)
    with pytest.raises(ValueError, match="x_train of numbered has 400 images, y_train 399"):
        data.one_class_split(ImageSet(**{**vars(images), "y_train": images.y_train[1:]}), 3, 0)
