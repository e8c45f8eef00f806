"""Figures and slides for a talk: letters large enough, Korean in its place, every number real."""

import pickle
import re
from collections import defaultdict
from functools import cache

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from pptx import Presentation
from pptx.util import Inches
from typer.testing import CliRunner

from figure_samples import faults
from report import cli, slides, tables, talk
from report.chapters import attention_gan, ocgan
from report.drawing import forest, save_figure, titled
from report.figures import CHAPTERS
from report.source import NoRecords

HANGUL = re.compile("[가-힣]")


@cache
def drawn_once(name) -> bytes:
    with pytest.MonkeyPatch.context() as patch, talk.look("talk"):
        patch.setattr(tables, "REPEATS", 60)  # intervals matter to no letter
        patch.setattr(ocgan, "DRAWS", 60)
        figure = pickle.dumps(slides.FIGURES[name]())
    for cached in (tables.means, attention_gan.gains_table):
        cached.cache_clear()  # other tests want the whole intervals
    return figure


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("name", slides.DECK["notes"])
def test_a_figure_of_the_talk_can_be_read_from_the_last_row(name, lang):
    fig = talk.drawn(lambda: pickle.loads(drawn_once(name)), "talk", lang)
    assert fig.get_size_inches() * talk.ENLARGED == pytest.approx(talk.SLIDE)
    with talk.look("talk"):
        assert not faults(fig, smallest=14 / talk.ENLARGED)
    title = fig.get_suptitle()
    assert len(title.split()) > 3 and bool(HANGUL.search(title)) == (lang == "ko")
    if lang == "ko":
        texts = [text.get_text() for text in fig.findobj(Text)]
        assert sum(bool(HANGUL.search(text)) for text in texts) > 2
        assert not [text for text in texts if re.search("[a-z]{4,},? [a-z]{4,}|printed", text)]


def test_korean_keeps_the_numbers_and_what_it_does_not_know():
    assert talk.said_in_korean("printed 0.618,\nours 0.566") == "자료 0.618, 우리 0.566"
    assert talk.said_in_korean("a word 3 of no table") == "a word 3 of no table"
    assert all(english.count("#") == korean.count("#") for english, korean in talk.korean().items())


def test_the_style_of_a_talk_is_left_behind_nowhere(tmp_path):
    before = titled("A title", 3).texts[0].get_fontsize()
    done = CliRunner().invoke(
        cli.app, ["figures", "--style", "talk", "--only", "imbalance-deck", "--out", str(tmp_path)]
    )
    assert done.exit_code == 0, done.output
    assert {path.suffix for path in tmp_path.iterdir()} == {".svg", ".pdf", ".png", ".csv"}
    png = (tmp_path / "imbalance-deck.png").read_bytes()
    assert int.from_bytes(png[16:20], "big") >= 200 * 13.3
    assert titled("A title", 3).texts[0].get_fontsize() == before


def test_the_table_of_a_figure_has_what_is_drawn(tmp_path):
    fig = titled("T", 2)
    left, right = fig.subplots(1, 2)
    rows = pd.DataFrame({"value": [0.5, 0.25], "low": [0.25, np.nan], "high": [0.75, np.nan]})
    forest(left, rows.set_axis(["first", "second"]), zero=None)
    right.bar(1, 4, width=2)
    right.fill_between([0, 1], [1, 2], [3, 4], label="band")
    save_figure(fig, "a", tmp_path)
    table = pd.read_csv(tmp_path / "a.csv")
    named = table[table["panel"] == 1].groupby("y_name")["x"].agg(set).to_dict()
    assert named == {"first": {0.25, 0.5, 0.75}, "second": {0.25}}
    bar = table[(table["panel"] == 2) & (table["series"] != "band")]
    assert bar[["x", "y"]].to_numpy().tolist() == [[0, 0], [2, 4]]
    band = table.loc[table["series"] == "band", ["x", "y"]].itertuples(index=False, name=None)
    assert {(0, 1), (0, 3), (1, 2), (1, 4)} <= set(band)


class Said(defaultdict):
    """Any number, with an interval where it is text."""

    def __missing__(self, key):
        return type("Number", (float,), {
            "__format__": lambda self, form: float.__format__(self, form) if form not in ("", "d")
            else "7" if form else "0.123 [0.100, 0.150]"
        })(0.5)  # fmt: skip


@pytest.fixture
def quick(monkeypatch):
    """Slides of one small figure each, one of them without records, and made-up numbers."""

    def draw(name):
        if name == "ocgan-gains":
            raise NoRecords("no record yet")
        fig = titled(f"The message of {name}", 3)
        fig.subplots().plot([1, 2])
        return fig

    figures = {n: lambda n=n: draw(n) for n in slides.FIGURES}
    monkeypatch.setattr(slides, "FIGURES", figures)
    monkeypatch.setattr(slides, "NUMBERS", defaultdict(Said))


def test_fewer_minutes_are_fewer_slides_and_the_first_of_the_order_stay(quick, capsys):
    made = {m: slides.slides(CHAPTERS, "en", m) for m in (2, 10, 20, 60)}
    titles = {m: [slide.title for slide in of] for m, of in made.items()}
    assert "ocgan-gains: no record yet" in capsys.readouterr().err
    assert [len(of) for of in titles.values()] == [2, 7, 15, 15]
    assert set(titles[2]) < set(titles[10]) < set(titles[20]) == set(titles[60])
    title = slides.DECK["words"]["title"]["title"]["en"]
    assert all(of[0] == title for of in titles.values())
    assert set(slides.DECK["order"]) == {*slides.DECK["notes"], *slides.DECK["words"]}


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_numbers_stand_with_their_intervals_in_the_notes_alone(quick, lang):
    made = slides.slides(CHAPTERS, lang, 20)
    (_, answers) = made[0].columns[0]
    assert "0.123 [0.100, 0.150]" in made[0].notes and len(answers) == 5
    assert all(f"ocnd figures --style talk --lang {lang}" in s.notes for s in made if s.picture)
    assert "0.123" in answers[0] and not any("[" in answer for answer in answers)
    assert all(bool(HANGUL.search(slide.notes)) == (lang == "ko") for slide in made)
    claims = [line for slide in made[1:-1] for _, lines in slide.columns for line in lines]
    assert len(claims) == len(set(claims)) == len(slides.claims()) / 2


def test_chosen_chapters_have_their_figures_claims_and_answers_alone(quick):
    made = slides.slides(["class_imbalance"], "en", 20)
    title, *figures, decided, undecided, _ = made
    assert len(figures) == 1 and len(title.columns[0][1]) == 1
    lines = [line for slide in (decided, undecided) for _, of in slide.columns for line in of]
    whole = [row for row in slides.claims() if row[3] == "class_imbalance"]
    assert 1 < len(lines) == len(whole) / 2


def test_html_is_one_file_that_asks_for_nothing(quick, tmp_path):
    out = tmp_path / "talk.html"
    assert slides.make_slides(out, "html", None, [], "ko", 8) == 5
    text = out.read_text(encoding="utf-8")
    page = re.sub("<script>.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r"""(?:src|href)=["'](?!#)(?!data:)|@import|url\((?!data:|#)""", page)
    assert text.count("<section>") == text.count('<aside class="notes">') == 5
    names = re.findall(r'<clipPath id="(\w+)"', text)
    assert len(names) == len(set(names)) > 1


@pytest.mark.parametrize("own", [True, False])
def test_powerpoint_keeps_to_the_template_and_to_the_slide(quick, tmp_path, own):
    template = None
    if own:
        lab = Presentation()
        title = lab.slide_layouts[5].placeholders[0]
        title.left, title.top, title.width, title.height = map(Inches, (1, 0.5, 8, 0.8))
        lab.slides.add_slide(lab.slide_layouts[0]).shapes.title.text = "A sample"
        lab.save(template := tmp_path / "lab.pptx")
    out = tmp_path / "talk.pptx"
    slides.make_slides(out, "pptx", template, [], "ko", 8)
    deck = Presentation(out)
    assert len(deck.slides) == 5 and deck.slide_width == Inches(10 if own else 40 / 3)
    for slide in deck.slides:
        assert slide.shapes.title.text and slide.shapes.title.text != "A sample"
        assert slide.notes_slide.notes_text_frame.text
        for shape in slide.shapes:
            assert shape.left >= 0 and shape.left + shape.width <= deck.slide_width
            assert shape.top >= 0 and shape.top + shape.height <= deck.slide_height
            assert shape.has_text_frame is False or shape.text
    picture = next(s for s in deck.slides[1].shapes if s.shape_type == 13)
    assert not own or (picture.left, picture.top) == (Inches(1), Inches(1.3))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "a.pdf"], "--out must end in .html"),
        (["--out", "a.pptx"], "--out must end in .html"),
        (["--out", "there.html"], "exists; remove it"),
        (["--out", "a.html", "--template", "no.pptx"], "--template is for --format pptx"),
        (["--out", "a.html", "--chapters", "ocgan,nowhere"], "there is no chapter nowhere; there"),
        (["--format", "pptx", "--out", "a.pptx", "--template", "no.pptx"], "cannot be a template"),
        (["--format", "pptx", "--out", "a.pptx", "--template", "there.html"], "save it as .pptx"),
    ],
)
def test_what_cannot_be_meant_is_said_before_any_drawing(tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(slides, "drawn", lambda *_: pytest.fail("drawing has begun"))
    (tmp_path / "there.html").touch()
    done = CliRunner().invoke(cli.app, ["slides", *words])
    assert done.exit_code == 2 and message in done.stderr and "Traceback" not in done.output
