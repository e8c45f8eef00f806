"""What the figures of several chapters have in common."""

import pytest

from ocnd_lib.experiments import check_cell, keeps_pictures
from report.chapters import attention_gan, ocgan, reconstruction, where_it_looks
from report.figures import FIGURES
from report.source import NoRecords, drawn_or_said

MADE_BY = {
    attention_gan: "ocnd run ",
    where_it_looks: r"ocnd run \w+/looks/",
    ocgan: "ocnd run mnist/ocgan",
}


@pytest.mark.parametrize(
    ("chapter", "name"),
    [
        pytest.param(chapter, name, id=f"{chapter.__name__.rpartition('.')[2]}-{name}")
        for chapter in MADE_BY
        for name in chapter.FIGURES
    ],
)
def test_without_records_a_figure_says_how_to_make_them(chapter, name, tmp_path, monkeypatch):
    monkeypatch.setenv("OCND_RECORDS", str(tmp_path))
    assert FIGURES[name] is chapter.FIGURES[name]
    with pytest.raises(NoRecords, match=f"no record yet; make one with: {MADE_BY[chapter]}"):
        chapter.FIGURES[name]()
    assert "no record yet" in drawn_or_said(chapter.FIGURES[name]).texts[0].get_text()


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
    ],
)
def test_records_keep_no_more_pictures_than_pages_show(cell, pictures):
    assert keeps_pictures(check_cell(cell)) is pictures
