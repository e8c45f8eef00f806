"""Two folders of anybody's pictures: what is read, what is refused, what the page says."""

import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from ocnd_lib.protocol import WITH_MASKS
from report import cli, own_images


def write(folder, count, seed=0, size=(40, 30), tone=60, suffix="png"):
    """Pictures of noise around a tone, `0.png` and so on."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        noise = rng.normal(tone, 8, (*size, 3)).clip(0, 255).astype(np.uint8)
        Image.fromarray(noise).save(folder / f"{i}.{suffix}")
    return folder


@pytest.fixture
def folders(tmp_path):
    """Twenty dark pictures to learn from; to judge, three more of them and two bright ones."""
    normal = write(tmp_path / "good", 20)
    write(tmp_path / "new", 3, seed=1)
    write(tmp_path / "new" / "deeper", 2, seed=2, tone=220, suffix="jpg")
    return normal, tmp_path / "new"


@pytest.fixture
def ocnd_try(folders, tmp_path):
    """Call the command with kde, which takes no time."""
    usual = {"normal": folders[0], "test": folders[1], "method": "kde", "out": tmp_path / "out"}

    def call(**changed):
        words = [str(w) for name, value in (usual | changed).items() for w in (f"--{name}", value)]
        return CliRunner().invoke(cli.app, ["try", *words])

    return call


def test_unlike_pictures_come_first_in_table_and_page(ocnd_try, tmp_path):
    done = ocnd_try()
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "out" / "scores.csv")
    assert len(table) == 5 and table.score.is_monotonic_decreasing
    assert {*table.file[:2]} == {"deeper/0.jpg", "deeper/1.jpg"}
    assert table.novel[:2].all() and not table.also_normal.any()
    page = (tmp_path / "out" / "page.html").read_text()
    assert f"{table.novel.sum()} of 5 pictures look novel" in page
    assert page.index("deeper/0.jpg") < page.index("2.png")


def test_the_page_needs_no_other_file(ocnd_try, tmp_path):
    ocnd_try()
    page = (tmp_path / "out" / "page.html").read_text()
    sources = re.findall(r'(?:src|href)="([^"]*)', page)
    assert sources and all(source.startswith("data:image/") for source in sources)
    assert "$" not in re.sub("base64,[^\"]*", "", page)  # every place was filled in


def test_what_cannot_be_read_is_listed_and_left_out(ocnd_try, folders, tmp_path):
    (folders[0] / "notes.txt").write_text("nothing")
    (folders[1] / "cut <off>.png").write_bytes((folders[1] / "0.png").read_bytes()[:100])
    Image.fromarray(np.full((9, 9), 40_000, np.uint16)).save(folders[1] / "deep.png")
    (folders[1] / ".hidden").write_text("nothing")
    done = ocnd_try()
    assert done.exit_code == 0, done.output
    assert all(name in done.stdout for name in ("notes.txt", "cut <off>.png", "deep.png"))
    assert "more than 8 bits" in done.stdout and "hidden" not in done.stdout
    page = (tmp_path / "out" / "page.html").read_text()
    assert "Not read: 3" in page and "cut &lt;off&gt;.png" in page
    assert len(pd.read_csv(tmp_path / "out" / "scores.csv")) == 5


def test_a_test_picture_that_was_learnt_is_told(ocnd_try, folders, tmp_path):
    Image.open(folders[0] / "7.png").save(folders[1] / "the same.bmp")
    done = ocnd_try()
    assert "1 test pictures are also among the normal ones" in done.stdout
    table = pd.read_csv(tmp_path / "out" / "scores.csv", index_col="file")
    assert table.also_normal[table.also_normal].index.tolist() == ["the same.bmp"]
    assert "so their scores are not honest: 1" in (tmp_path / "out" / "page.html").read_text()


def test_no_picture_is_both_learnt_and_held_back(folders, monkeypatch):
    for i in range(20):  # each twice, under another name
        Image.open(folders[0] / f"{i}.png").save(folders[0] / f"copy-{i}.png")
    given = {}

    class Watched(own_images.detector_class("kde")):
        def fit(self, x, x_validation):
            given.update(learnt=x, held=x_validation)
            return super().fit(x, x_validation=x_validation)

    monkeypatch.setattr(own_images, "detector_class", lambda method: Watched)
    trial = own_images.run_trial(*folders, "kde")
    learnt, held = ({image.tobytes() for image in given[key]} for key in ("learnt", "held"))
    assert (len(learnt), len(held)) == (16, 4) and not learnt & held
    assert "20 normal pictures are the same as others" in " ".join(trial.notes)
    assert trial.detector.threshold_ == np.quantile(trial.validation, 0.95)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"method": "gann"}, "no method 'gann'; there are: ae"),
        ({"normal": "nowhere"}, "there is no folder nowhere"),
        ({"test": "GOOD"}, "share pictures"),
        ({"normal": "PARENT"}, "share pictures"),
        ({"normal": "FEW"}, "few has 9 readable pictures; 13 are needed"),
        ({"test": "EMPTY"}, "empty has 0 readable pictures; 1 are needed"),
    ],
    ids=lambda value: "-".join(map(str, value.items())) if isinstance(value, dict) else "",
)
def test_what_cannot_be_done_is_one_message(ocnd_try, folders, tmp_path, change, complaint):
    write(tmp_path / "few", 9)
    (tmp_path / "empty").mkdir()
    places = {"GOOD": folders[0], "PARENT": tmp_path}
    places |= {"FEW": tmp_path / "few", "EMPTY": tmp_path / "empty"}
    done = ocnd_try(**{name: places.get(value, value) for name, value in change.items()})
    assert done.exit_code == 2 and complaint in done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "out" / "page.html").exists()


def test_a_folder_that_cannot_be_written_shows_before_anything_is_read(
    ocnd_try, tmp_path, monkeypatch
):
    monkeypatch.setattr(own_images, "read_folder", lambda folder: pytest.fail("read"))
    (tmp_path / "file").write_text("")
    done = ocnd_try(out=tmp_path / "file" / "out")
    assert done.exit_code == 1 and "file" in done.stderr


def test_a_picture_is_upright_and_each_pixel_the_mean_of_its_area(tmp_path):
    picture = np.zeros((64, 128, 3), np.uint8)
    picture[:, :64] = 200  # bright at the left
    exif = Image.Exif()
    exif[0x0112] = 6  # to be seen turned by a quarter, clockwise
    Image.fromarray(picture).save(tmp_path / "a.jpg", exif=exif, quality=100)
    Image.fromarray(picture[..., 0]).save(tmp_path / "b.png")  # grey
    turned, grey = own_images.read_folder(tmp_path).images
    assert turned.shape == grey.shape == (3, 32, 32)
    assert (grey[:, :, :16] == 200).all() and (grey[:, :, 16:] == 0).all()
    assert turned[:, :15].min() > 190 and turned[:, 17:].max() < 10


def test_few_pictures_are_seen_more_often_and_many_as_the_library_does():
    epochs = [own_images.settings_for("rotation", count)["epochs"] for count in (30, 225, 9000)]
    usual = WITH_MASKS["rotation"]["epochs"]
    assert epochs == [7 * usual, 2 * usual, usual]


@pytest.mark.filterwarnings("ignore:.*")
@pytest.mark.parametrize(
    ("method", "settings"), [("rotation", {"width": 4}), ("ae", {"width": 4, "batch_size": 8})]
)
def test_there_is_a_map_of_where_it_looked(folders, method, settings):
    images = own_images.read_folder(folders[0]).images
    detector = own_images.detector_class(method)(epochs=1, **settings).fit(images)
    heat, words = own_images.where_it_looked(detector, images[:3])
    assert heat.shape == (3, 32, 32) and heat.min() >= 0 and heat.max() == pytest.approx(1)
    assert ("Grad-CAM" in words) == (method == "rotation")
