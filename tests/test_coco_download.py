"""What arrives from a bad network is whole and right or refused, and nothing is fetched twice."""

import hashlib
import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from data_prep import coco_download
from data_prep.archives import DataError
from data_prep.coco_download import fetch_annotations, fetch_images

CONTENT = np.random.default_rng(0).bytes(300_000)
BLOCK = 1 << 16  # the most that a cut may lose


def jpeg(number: int, size=(40, 30)) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def entries(server):
    """Twelve images on the server, as a COCO file lists them."""
    server.files |= {f"{i}.jpg": jpeg(i) for i in range(12)}
    names = [(i, f"{i}.jpg") for i in range(12)]
    size = {"width": 40, "height": 30}
    return [{"id": i, "file_name": n, "coco_url": server.url + n, **size} for i, n in names]


def test_images_survive_a_bad_server_and_only_what_is_missing_or_damaged_is_fetched_again(
    server, entries, tmp_path
):
    faults = ["503", "429", "cut", "wrong"]
    server.faults = {f"{i}.jpg": [fault] for i, fault in enumerate(faults)}
    assert fetch_images(entries[:10], tmp_path, workers=4, pause=0) == []
    (tmp_path / "2.jpg").write_bytes(jpeg(2)[:-200])
    (tmp_path / "4.jpg").write_bytes(jpeg(4, size=(30, 40)))
    server.requests.clear()
    fetch_images(entries, tmp_path, pause=0)
    assert dict(server.requests) == {"2.jpg": 1, "4.jpg": 1, "10.jpg": 1, "11.jpg": 1}
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == server.files


def test_images_that_do_not_exist_are_told_apart_from_those_that_failed(server, entries, tmp_path):
    del server.files["3.jpg"], server.files["9.jpg"]
    assert sorted(fetch_images(entries, tmp_path, pause=0)) == [3, 9]
    server.faults["0.jpg"] = ["503"] * 9
    (tmp_path / "0.jpg").unlink()
    with pytest.raises(DataError, match=r"1 of 12 images could not .*0\.jpg.*503.* Run the comm"):
        fetch_images(entries, tmp_path, pause=0)
    server.close()  # a dead network ends it soon
    many = [{**entries[0], "id": i, "file_name": f"{i}.jpg"} for i in range(3000)]
    with pytest.raises(DataError, match=r"^20 of 3000 images could not be fetched"):
        fetch_images(many, tmp_path, workers=2, pause=0)


def test_annotations_go_on_where_they_stopped_and_another_archive_is_refused(server, tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr("annotations/captions_train2017.json", "not wanted")
        zipped.writestr(coco_download.MEMBER, CONTENT)
    server.files["a.zip"] = whole = file.getvalue()
    md5 = hashlib.md5(whole).hexdigest()

    def fetch(folder):
        return fetch_annotations(folder, f"{server.url}a.zip", md5, pause=0)

    server.faults["a.zip"] = ["cut", *["503"] * coco_download.TRIES]
    with pytest.raises(DataError, match=r"could not be fetched: .* in 5 tries: .*503"):
        fetch(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".a.zip.part"]
    server.faults["a.zip"] = ["cut"]  # as if in another process
    path = fetch(tmp_path)
    assert path.name == "instances_train2017.json" and path.read_bytes() == CONTENT
    assert server.sent["a.zip"] < len(whole) + 2 * BLOCK
    path.write_bytes(b"cut off")
    server.files["a.zip"] += b"\0"
    assert fetch(tmp_path).read_bytes() == CONTENT  # unpacked again, not downloaded again
    with pytest.raises(DataError, match=r"does not match.*--annotations and --images"):
        fetch(tmp_path / "new")
    assert not list((tmp_path / "new").iterdir())
