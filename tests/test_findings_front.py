"""The front page and the page of slides: every number is a chapter's, and the sentences hold."""

import json
import re
from pathlib import Path

import pytest

from report import tables
from report.chapters import benchmark, class_imbalance, front, ocgan

ROOT = Path(__file__).parents[1]
CELLS = json.loads((ROOT / "notebooks/front.ipynb").read_text())["cells"]
FRONT = "\n".join("".join(c["source"]) for c in CELLS if c["cell_type"] == "markdown")
KOREAN = (ROOT / "book/chapters/korean.md").read_text()
SLIDES = (ROOT / "book/chapters/slides.md").read_text()
GLUED = re.compile(r"\{glue:text\}`(\w+)\.ipynb::(.+?):([^:`]+)`")
VERDICTS = ("confirmed", "refuted", "open")


@pytest.mark.parametrize("text", [FRONT, KOREAN, SLIDES], ids=["front", "korean", "slides"])
def test_every_number_is_glued_from_the_chapter_that_measures_it(text):
    glued = GLUED.findall(text)
    assert len(glued) == text.count("{glue:text}") > 10
    for notebook, key, _ in glued:  # rendering fails for a key that the notebook has not
        source = (ROOT / "notebooks" / f"{notebook}.ipynb").read_text()
        assert "glue(name, value" in source, (notebook, key)
    typed = re.findall(r"[\d.]*\d\.\d\d[\d.]*", GLUED.sub("", text))
    assert not typed


def test_the_korean_answers_have_the_same_numbers():
    korean, english = (text.partition("\n## ")[0] for text in (KOREAN, FRONT))
    assert set(GLUED.findall(korean)) == set(GLUED.findall(english))


def test_every_claim_has_a_verdict_a_slide_and_a_place_in_both_languages():
    korean, english = (
        [line.split(" | ") for line in text.splitlines() if re.match(r"\| \d+ \|", line)]
        for text in (KOREAN, FRONT)
    )
    words = dict(zip(("확인", "반박", "미정"), VERDICTS, strict=True))
    for one, other in zip(korean, english, strict=True):
        assert one[0] == other[0]
        assert words[re.search("`(.+)`", one[2])[1]] == re.search("`(.+)`", other[2])[1]
        place = re.search(r"<(\w+)>", other[3])[1]
        assert place == re.search(r"<(\w+)>", one[3])[1]
        assert (ROOT / "notebooks" / f"{place}.ipynb").exists()


def test_every_slide_has_its_row():
    rows = [line.split(" | ")[0].strip("| ") for line in SLIDES.splitlines() if "| " in line[:3]]
    slides = [int(n) for row in rows if row[0].isdigit() for n in row.split(", ")]
    assert slides == list(range(1, 32))


@pytest.fixture(scope="module")
def gains():
    with pytest.MonkeyPatch.context() as patch:  # enough for the side of 0 an interval lies on
        patch.setattr(tables, "REPEATS", 60)
        patch.setattr(ocgan, "DRAWS", 60)
        return {dataset: front.gains_table(dataset) for dataset in tables.TITLES}


def test_supervised_detection_is_the_most_accurate():
    supervised = [run["metrics"]["auroc"] for run in class_imbalance.runs("vgg11-bn")]
    assert min(supervised) > benchmark.read()["cifar10"].ours["airplane"].max()


def test_ocgan_works_on_digits_only_and_mining_is_not_shown(gains):
    assert gains["mnist"]["low"].iloc[0] > 0
    assert gains["cifar10"]["high"].iloc[0] < 0
    for table in gains.values():
        assert table["low"].iloc[1] <= 0 <= table["high"].iloc[1]
    means = tables.means(benchmark.read()["cifar10"])
    assert means.loc["deep-svdd", "low"] > means.loc["ocgan", "high"]


def test_attention_adds_nothing_on_cifar10_and_little_on_mnist(gains):
    idea = "a second GAN with\nan attention map"
    little, none = (gains[name].loc[idea] for name in ("mnist", "cifar10"))
    assert little["low"] > 0 and little["value"] < 0.01
    assert none["low"] <= 0 <= none["high"]


def test_counting_detail_adds_more_than_attention_and_mining(gains):
    for table in gains.values():
        others = table["high"].iloc[1:3]
        assert table.loc["the error in units\nof detail", "low"] > others.max()
