"""Two folders of anybody's pictures: what is read, what is refused, what the page says."""

import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

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
    """Call the command with kde, which takes no time; returns what it did, the table, the page."""
    out = tmp_path / "out"
    usual = {"normal": folders[0], "test": folders[1], "method": "kde", "out": out}

    def call(**changed):
        words = [str(w) for name, value in (usual | changed).items() for w in (f"--{name}", value)]
        done = CliRunner().invoke(cli.app, ["try", *words])
        if not (out / "page.html").exists():
            return done, None, None
        table = pd.read_csv(out / "scores.csv", index_col="file")
        return done, table, (out / "page.html").read_text()

    return call


def test_unlike_pictures_come_first_in_the_table_and_on_a_page_that_needs_no_other(ocnd_try):
    done, table, page = ocnd_try()
    assert done.exit_code == 0, done.output
    assert len(table) == 5 and table.score.is_monotonic_decreasing
    assert {*table.index[:2]} == {"deeper/0.jpg", "deeper/1.jpg"}
    assert table.novel[:2].all() and not table.also_normal.any()
    assert f"{table.novel.sum()} of 5 pictures look novel" in page
    assert page.index("deeper/0.jpg") < page.index("2.png")
    sources = re.findall(r'(?:src|href)="([^"]*)', page)
    assert sources and all(source.startswith("data:image/") for source in sources)
    assert "$" not in page  # every place was filled in


def test_what_cannot_be_read_is_listed_and_left_out(ocnd_try, folders):
    (folders[0] / "notes.txt").write_text("nothing")
    (folders[1] / "cut <off>.png").write_bytes((folders[1] / "0.png").read_bytes()[:100])
    Image.fromarray(np.full((9, 9), 40_000, np.uint16)).save(folders[1] / "deep.png")
    (folders[1] / ".hidden").mkdir()
    (folders[1] / ".hidden/1.png").write_bytes((folders[1] / "0.png").read_bytes())
    done, table, page = ocnd_try()
    assert all(name in done.stdout for name in ("notes.txt", "cut <off>.png", "deep.png"))
    assert "more than 8 bits" in done.stdout and "hidden" not in done.stdout
    assert "Not read: 3" in page and "cut &lt;off&gt;.png" in page
    assert len(table) == 5


def test_a_test_picture_that_was_learnt_is_told(ocnd_try, folders):
    Image.open(folders[0] / "7.png").save(folders[1] / "the same.bmp")
    done, table, page = ocnd_try()
    assert "1 test pictures are also among the normal ones" in done.stdout
    assert table.also_normal[table.also_normal].index.tolist() == ["the same.bmp"]
    assert "Also among the normal pictures: 1" in page


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
    assert trial.detector.threshold_ == np.quantile(trial.validation, 0.95)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"method": "gann"}, "method: 'gann' is not one of 'ae', 'dae'"),
        ({"normal": "nowhere"}, "Invalid value for '--normal'"),
        ({"test": "GOOD"}, "share pictures"),
        ({"normal": "PARENT"}, "share pictures"),
        ({"normal": "FEW"}, "few has 9 readable pictures; 13 are needed"),
        ({"test": "EMPTY"}, "empty has 0 readable pictures; 1 are needed"),
        ({"out": "FILE"}, "file"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_one_message(ocnd_try, folders, tmp_path, change, complaint):
    write(tmp_path / "few", 9)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    places = {"GOOD": folders[0], "PARENT": tmp_path, "FILE": tmp_path / "file" / "out"}
    places |= {"FEW": tmp_path / "few", "EMPTY": tmp_path / "empty"}
    changed = {name: places.get(value, value) for name, value in change.items()}
    done, _, page = ocnd_try(**changed)
    assert done.exit_code == (1 if "out" in change else 2)
    assert complaint in done.stderr and "Traceback" not in done.stderr and page is None


@pytest.mark.filterwarnings("ignore:the network tells")
@pytest.mark.parametrize("method", ["rotation", "ae"])
def test_there_is_a_map_of_where_it_looked(folders, method):
    images = np.array([*own_images.read_folder(folders[0])[0].values()])
    detector = own_images.detector_class(method)(epochs=1, width=4, batch_size=8).fit(images)
    heat, words = own_images.where_it_looked(detector, images[:3])
    assert heat.shape == (3, 32, 32) and heat.min() >= 0 and heat.max() == pytest.approx(1)
    assert ("Grad-CAM" in words) == (method == "rotation")
