"""COIL-100 is built from its archive, whole, or not at all."""

import http.server
import io
import threading
import zipfile
from functools import partial
from hashlib import sha256

import numpy as np
import pytest
from PIL import Image

from data_prep import archives, coil100
from ocnd_lib import data
from ocnd_lib.data import DataError, load_images, one_class_split
from ocnd_lib.records import write_record
from ocnd_lib.sweep import cells
from report.tables import load_published, render, results

OBJECTS = 3


def png(number: int, angle: int, size: int = 128, mode: str = "RGB") -> bytes:
    """Object and angle are the colour, so that an image is known wherever it turns up."""
    pixels = np.full((size, size, 3), (10 * number, angle // 5, 7), np.uint8)
    pixels[0, 0] += 16  # one of the 16 pixels of the first block: its mean is one higher
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, "png", compress_level=1)
    return file.getvalue()


MEMBERS = {
    f"coil-100/obj{number}__{angle}.png": png(number, angle)
    for number in range(1, OBJECTS + 1)
    for angle in coil100.ANGLES
} | {"coil-100/convertGroupppm2png.pl": b"#!/usr/bin/perl"}


def packed(changes: dict[str, bytes | None] | None = None) -> bytes:
    """The archive of the small library, members changed, added, or (None) left out."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in {**MEMBERS, **(changes or {})}.items():
            if content is not None:
                archive.writestr(name, content)
    return file.getvalue()


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files; breaks off in the middle of one that is called cut.zip."""

    def copyfile(self, source, outputfile):
        content = source.read()
        outputfile.write(content[: len(content) // 2] if "cut.zip" in self.path else content)

    def log_message(self, *_):
        pass


@pytest.fixture
def serve(monkeypatch, tmp_path, own_sets):
    """Call with an archive: from then on COIL-100 is that, of three objects, on this machine."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    names = {**archives.CLASS_NAMES, "coil100": "obj1 obj2 obj3"}
    for module in (archives, coil100, data):
        monkeypatch.setattr(module, "CLASS_NAMES", names)
    monkeypatch.setattr("data_prep.download.CLASS_NAMES", names)
    folder = tmp_path / "server"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Handler, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()

    def serve(content: bytes, name: str = "coil-100.zip", digest: str | None = None):
        (folder / name).write_bytes(content)
        monkeypatch.setattr(coil100, "ADDRESS", f"http://127.0.0.1:{server.server_port}/{name}")
        monkeypatch.setattr(coil100, "ARCHIVE_SHA256", digest or sha256(content).hexdigest())

    yield serve
    server.shutdown()
    server.server_close()


def test_the_archive_becomes_one_file_of_averaged_images(serve, tmp_path):
    serve(packed())
    images = load_images("coil100", tmp_path / "data")
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["coil100.npz"]
    assert images.x_train.shape == (OBJECTS * 58, 3, 32, 32) and images.x_train.dtype == np.uint8
    assert images.x_test.shape == (OBJECTS * 14, 3, 32, 32)
    assert images.class_names == ("obj1", "obj2", "obj3")
    for x, y in ((images.x_train, images.y_train), (images.x_test, images.y_test)):
        assert np.array_equal(x[:, 0, 1, 1], 10 * (y + 1))
        assert np.array_equal(x[:, :, 0, 0], x[:, :, 1, 1] + 1)

    poses = np.concatenate([images.x_train, images.x_test])[:, :2, 1, 1]
    assert len(np.unique(poses, axis=0)) == OBJECTS * 72  # no pose is in both parts

    serve(b"gone")
    assert load_images("coil100", tmp_path / "data").fingerprint == images.fingerprint
    split = one_class_split(images, "obj2", seed=0)
    assert len(split.x_train) == 52 and set(split.x_train[:, 0, 1, 1]) == {20}


def test_which_poses_train_is_fixed():
    trains = coil100.training_poses(100)
    assert set(trains.sum(axis=1)) == {coil100.TRAINING} == {58}
    assert np.flatnonzero(~trains[0]).tolist() == [
        6,
        9,
        12,
        21,
        23,
        24,
        36,
        44,
        47,
        58,
        61,
        64,
        67,
        68,
    ]
    assert len(np.unique(trains, axis=0)) == 100
    assert np.array_equal(coil100.training_poses(3), trains[:3])


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"coil-100/obj2__45.png": None}, "lacks 1 images, first coil-100/obj2__45.png"),
        (dict.fromkeys(MEMBERS, b"") | dict.fromkeys(MEMBERS), "lacks 216 images"),
        ({"coil-100/obj4__0.png": png(4, 0)}, "also holds 1 images, first coil-100/obj4__0.png"),
        ({"coil-100/obj1__7.png": png(1, 7)}, "also holds 1 images, first coil-100/obj1__7.png"),
        ({"coil-100/obj1__0.png": png(1, 0, size=64)}, "obj1__0.png is no colour image of 128"),
        ({"coil-100/obj1__0.png": png(1, 0, mode="L")}, "obj1__0.png is no colour image of 128"),
        ({"coil-100/obj1__0.png": b"GIF89a"}, "obj1__0.png is no whole image"),
        ({"coil-100/obj1__0.png": png(1, 0)[:-40]}, "obj1__0.png is no whole image"),
    ],
)
def test_an_archive_of_other_images_is_refused(serve, tmp_path, changes, complaint):
    serve(packed(changes))
    refused(tmp_path / "data", complaint)


def test_a_download_that_is_not_the_archive_is_refused(serve, tmp_path):
    serve(packed(), digest="0" * 64)
    refused(tmp_path / "data", "hash")
    serve(packed()[:-2000])
    refused(tmp_path / "data", "not a zip file")
    serve(packed(), name="cut.zip")
    refused(tmp_path / "data", "download failed")


def refused(folder, complaint: str) -> None:
    with pytest.raises(DataError) as error:
        load_images("coil100", folder)
    message = str(error.value)
    assert complaint in message and f"{folder / 'coil100.npz'} is missing" in message
    assert message.endswith(f"OCND_DATA={folder} ocnd data coil100") and "\n" not in message
    assert list(folder.iterdir()) == []


def test_the_real_archive_has_7200_images_and_100_names():
    names = data.class_names("coil100")
    assert len(names) * len(coil100.ANGLES) == 7200 and names[0] == "obj1" and names[99] == "obj100"
    assert data.class_index("coil100", "obj100") == 99
    with pytest.raises(ValueError, match="coil100 has no class 'obj101'"):
        data.class_index("coil100", "obj101")


@pytest.mark.parametrize(("dataset", "classes"), [("coil100", 100), ("fashion_mnist", 10)])
def test_further_sets_are_swept_and_tabulated(dataset, classes, tmp_path, monkeypatch):
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path))
    wanted = cells([dataset], ["ae"], [0])
    assert len(wanted) == classes
    assert load_published(dataset).empty
    for cell in wanted[:-1]:
        made = {"hardware": "cpu", "provenance": {"processor": "A"}}
        write_record({"cell": cell, "metrics": {"auroc": 0.75}, **made}, folder=tmp_path)
    found = {dataset: results(dataset)}
    for format in ("text", "csv", "json"):
        assert "0.75" in render(found, format)
    lines = render(found).splitlines()
    assert f"{classes - 1} of {classes} classes" in lines[1]
    assert max(map(len, lines)) < 180
