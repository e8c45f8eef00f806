"""COIL-100 is built from its archive, whole, or not at all."""

import io
import zipfile
from hashlib import sha256

import numpy as np
import pytest
from PIL import Image

from data_prep import archives, coil100
from ocnd_lib import data
from ocnd_lib.data import DataError, load_images, one_class_split

OBJECTS = 3


def png(number: int, angle: int, size: int = 128) -> bytes:
    """Object and angle are the colour, so that an image is known wherever it turns up."""
    pixels = np.full((size, size, 3), (10 * number, angle // 5, 7), np.uint8)
    pixels[0, 0] += 16  # one of the 16 pixels of the first block: its mean is one higher
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png", compress_level=1)
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


@pytest.fixture
def serve(monkeypatch, server, own_sets):
    """Call with an archive: from then on COIL-100 is that, of three objects, on this machine."""
    names = {**archives.CLASS_NAMES, "coil100": "obj1 obj2 obj3"}
    for module in (archives, coil100, data):
        monkeypatch.setattr(module, "CLASS_NAMES", names)
    monkeypatch.setattr(coil100, "ADDRESS", f"{server.url}coil-100.zip")

    def serve(content: bytes, fault: str = ""):
        server.files["coil-100.zip"], server.always = content, fault
        monkeypatch.setattr(coil100, "ARCHIVE_SHA256", sha256(content).hexdigest())

    return serve


def test_the_archive_becomes_one_file_of_averaged_images(serve, tmp_path):
    serve(packed())
    images = load_images("coil100", tmp_path / "data")
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["coil100.npz"]
    for x, y in ((images.x_train, images.y_train), (images.x_test, images.y_test)):
        assert np.array_equal(x[:, 0, 1, 1], 10 * (y + 1))
        assert np.array_equal(x[:, :, 0, 0], x[:, :, 1, 1] + 1)

    poses = np.concatenate([images.x_train, images.x_test])[:, :2, 1, 1]
    assert len(np.unique(poses, axis=0)) == OBJECTS * 72  # no pose is in both parts

    serve(b"gone")
    assert load_images("coil100", tmp_path / "data").fingerprint == images.fingerprint
    split = one_class_split(images, "obj2", seed=0)
    assert len(split.x_train) == 52 and set(split.x_train[:, 0, 1, 1]) == {20}


@pytest.mark.parametrize(
    ("changes", "fault", "complaint"),
    [
        ({"coil-100/obj2__45.png": None}, "", "lacks 1 images, first coil-100/obj2__45.png"),
        ({"coil-100/obj4__0.png": png(4, 0)}, "", "also holds 1 images, first coil-100/obj4__0"),
        ({"coil-100/obj1__0.png": png(1, 0, size=64)}, "", "obj1__0.png is no colour image of 128"),
        ({"coil-100/obj1__0.png": png(1, 0)[:-40]}, "", "obj1__0.png is no whole image"),
        ({}, "wrong", "hash"),
        ({}, "cut", "download failed"),
    ],
)
def test_another_archive_is_refused_and_leaves_nothing(serve, tmp_path, changes, fault, complaint):
    serve(packed(changes), fault)
    with pytest.raises(DataError, match=rf"{complaint}.*ocnd data coil100$") as error:
        load_images("coil100", tmp_path)
    assert f"{tmp_path / 'coil100.npz'} is missing" in str(error.value)
    assert not list(tmp_path.iterdir())
