"""What the figures and cells of all chapters have in common."""

from importlib import import_module

import pytest

from ocnd_lib.experiments import check_cell, keeps_pictures
from report.chapters import attention_gan, ocgan, reconstruction
from report.figures import CHAPTERS, FIGURES
from report.source import NoRecords

CELLS = {name: getattr(import_module(f"report.chapters.{name}"), "CELLS", ()) for name in CHAPTERS}
NO_RECORD = ("audit-differences",)  # have none to miss


@pytest.mark.parametrize("name", [name for name in FIGURES if name not in NO_RECORD])
def test_without_records_a_figure_says_how_to_make_them(name, tmp_path, monkeypatch):
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path))
    with pytest.raises(NoRecords, match=r"no record yet; make one with: ocnd run \w+/\S+/\w+/\d$"):
        FIGURES[name]()


@pytest.mark.parametrize("chapter", [name for name, cells in CELLS.items() if cells])
def test_every_cell_can_be_made_under_the_very_name_that_is_looked_for(chapter):
    cells = CELLS[chapter]
    assert len(set(cells)) == len(cells)
    for cell in cells:
        assert "*" in cell or str(check_cell(cell)) == cell


@pytest.mark.parametrize(
    "cell",
    [*reconstruction.PICTURES.values(), *ocgan.PICTURE_CELLS.values(), *attention_gan.PICTURES],
)
def test_records_keep_the_pictures_that_pages_show(cell):
    assert keeps_pictures(check_cell(cell))


@pytest.mark.parametrize(
    ("cell", "pictures"),
    [
        ("mnist/attention-gan/8/0", True),
        ("mnist/attention-gan/7/0", False),
        ("mnist/attention-gan+mask=ones/8/0", False),
        ("digits/attention-gan/3/0", True),
        ("mnist/ocgan+mining=False/8/0", True),
        ("cifar10/ocgan+mining=False/truck/0", False),
        ("cifar10/ocgan/truck/1", False),
        ("fashion_mnist/ocgan/bag/0", False),
        ("coil100/vae/obj4/0", False),
    ],
)
def test_records_keep_no_more_pictures_than_pages_show(cell, pictures):
    assert keeps_pictures(check_cell(cell)) is pictures
