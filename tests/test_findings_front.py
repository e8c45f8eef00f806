"""The front page and the page of slides: every number is a chapter's, and the sentences hold."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from figure_samples import faults
from ocnd_lib.comparison import average_runs
from ocnd_lib.stats import decision_numbers
from report import tables
from report.chapters import (
    audit,
    benchmark,
    class_imbalance,
    class_or_detail,
    front,
    masked_vs_original,
    ocgan,
    reconstruction,
    where_it_looks,
)  # fmt: skip

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


# --- the five answers ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gains():
    with pytest.MonkeyPatch.context() as patch:  # enough for the side of 0 an interval lies on
        patch.setattr(front, "REPEATS", 60)
        patch.setattr("report.chapters.attention_gan.REPEATS", 60)
        patch.setattr(ocgan, "DRAWS", 60)
        return {dataset: front.gains_table(dataset) for dataset in tables.TITLES}


def test_a_classifier_is_right_and_misses_airplanes():
    def shares(variant, moved):
        return np.mean([
            [found["accuracy"], found["normal_recall"]]
            for run in class_imbalance.runs(variant)
            for shift in [class_imbalance.balanced_threshold(run) if moved else 0.0]
            for found in [decision_numbers(run["novel"], run["score"], shift)]
        ], axis=0)  # fmt: skip

    deck = class_imbalance.deck_numbers()
    accuracy, found = shares("vgg11", False)
    supervised = [run["metrics"]["auroc"] for run in class_imbalance.runs("vgg11-bn")]
    best = benchmark.read()["cifar10"].ours["airplane"].max()
    assert min(supervised) > best  # the scorecard: supervised detection is the most accurate
    assert accuracy > 0.95 and deck["normal_recall"] < found < 0.8
    rare, moved = (shares("vgg11-bn+ratio=99", of)[1] for of in (False, True))
    assert rare < 0.5 and moved > rare + 0.3


def test_the_error_follows_the_length_of_the_code_and_the_detail():
    table = reconstruction.latent_table()
    assert reconstruction.latent_change(table, "auroc", 8)[2] < 0
    assert class_or_detail.correlations("cifar10").loc["ocgan", "low"] > 0.8


def test_ocgan_works_on_digits_only_and_mining_is_not_shown(gains):
    assert gains["mnist"].loc["two discriminators", "low"] > 0
    assert gains["cifar10"].loc["two discriminators", "high"] < 0
    for table in gains.values():
        assert table.loc["mining", "low"] <= 0 <= table.loc["mining", "high"]
    results = benchmark.read()
    for dataset, found in results.items():
        ours = average_runs(found.runs["ocgan"]).mean
        assert ours < float(tables.load_published(dataset).loc["ocgan", "mean"]) - 0.01
    assert benchmark.mean_ranks(results["cifar10"].ours.dropna())[1] > 0.05


def test_attention_adds_nothing_on_cifar10_and_little_on_mnist(gains):
    little, none = (gains[name].loc["an attention map"] for name in ("mnist", "cifar10"))
    assert little["low"] > 0 and little["value"] < 0.01
    assert none["low"] <= 0 <= none["high"]


def test_counting_detail_adds_more_than_attention_and_mining(gains):
    for table in gains.values():
        others = table.loc[["mining", "an attention map"], "high"]
        assert table.loc["the error in units\nof detail", "low"] > others.max()


def test_finding_the_digit_leaves_detection_at_chance():
    said = where_it_looks.numbers()
    finds, low = map(float, re.findall(r"[\d.]+", said["mnist_on_cifar+encoder-finds"])[:2])
    assert finds > 0.8 and low > 0.7
    assert abs(said["mnist_on_cifar+encoder-score"] - 0.5) < 0.03


def test_outlines_do_as_well_as_masks_on_scenes():
    table = masked_vs_original.accuracy_table("scenes")["value"]
    assert table["silhouette"] >= table["masked"] > table["original"]


def test_the_lead_over_ocgan_is_one_class():
    gain = audit.gain_table()["gain"]
    assert gain.idxmax() == "truck" and gain.drop("truck").mean() < 0.002 < gain.mean()


def test_the_figure_can_be_read(gains, monkeypatch):
    monkeypatch.setattr(front, "gains_table", gains.get)
    assert not faults(front.ideas())
