"""Beyond the slides: its sentences hold for the committed records."""

from functools import partial

import pandas as pd
import pytest

from figure_samples import bounds, contains
from ocnd_lib.comparison import shared_runs
from ocnd_lib.records import read_record
from report import tables
from report.chapters import beyond as chapter

OF = partial(tables.runs_of, "cifar10")


@pytest.fixture(scope="module")
def gains():
    return chapter.mask_gains().set_index(["dataset", "method", "version"])


def test_rotation_beats_ocgan_on_all_ten_classes_and_least_on_airplanes():
    table = chapter.class_table()
    assert table.loc["rotation"].notna().all()
    assert table.loc["rotation"].idxmax() == "automobile"
    lowest = table.loc["rotation"].nsmallest(3)
    assert {*lowest.index[:2]} == {"airplane", "cat"}
    assert lowest.iloc[1] - lowest.iloc[0] < 0.002 < 0.05 < lowest.iloc[2] - lowest.iloc[0]
    gain = table.loc["rotation"] - table.loc["ocgan"]
    assert (gain > 0).all() and gain.idxmin() == "airplane"
    assert tables.gain(*map(OF, ("rotation", "ocgan")), chapter.DRAWS)[1] > 0


def test_rotation_reaches_more_than_geom_printed_and_is_drawn_beside_those_like_it():
    mine, printed = chapter.ours().loc["rotation"], chapter.published()
    assert 0 < chapter.numbers()["ensemble"] - mine["mean"] < 0.005  # which adds little
    assert mine["low"] > printed.loc["GEOM", "auroc"]
    assert (printed.dropna(subset="pflop")["help"] == "nothing else").all()


def test_rotation_costs_a_tenth_of_geom_and_some_ocgans():
    numbers = chapter.numbers()
    assert 0.05 < numbers["work"] <= 0.1
    assert 2 < numbers["times-ocgan"] < 8 and 5 < numbers["geom-share"] < 20


def test_longer_training_pays():
    more = chapter.otherwise().loc[chapter.LONG]
    assert (more["classes"] == 10).all() and (more["seeds"] == 2).all()
    assert more["mean"].min() > 0.88
    variants = "", "+epochs=27+width=96", f"+epochs={chapter.LONGER}"
    cells = [*(f"cifar10/rotation{variant}/cat/0" for variant in variants), chapter.ALONE]
    asked = [read_record(cell)["metrics"]["validation"]["mean"] for cell in cells]
    usual, wide, long, alone = asked
    assert alone > long > max(wide, usual)
    both = shared_runs(*map(OF, (chapter.LONG, "rotation")))
    assert tables.gain(*both, chapter.DRAWS)[1] > 0


def test_the_distance_alone_reaches_what_was_aimed_at_and_is_what_the_cell_scores_by():
    best = chapter.otherwise().loc[(chapter.LONG, "part_distance")]
    assert best["low"] > 0.9 and best["pflop"] < 1
    both = [OF(chapter.LONG, by) for by in ("score", "part_distance")]
    said = chapter.numbers()  # no gain where none had been seen on test scores
    assert all(bounds(said[f"alone-{name}"])[1] < 0 for name in chapter.ELSEWHERE)
    cat = next(run.auroc for run in both[1] if (run.normal_class, run.seed) == (3, 0))
    assert cat == pytest.approx(read_record(chapter.ALONE)["metrics"]["auroc"], abs=1e-3)


def test_of_what_was_tried_a_narrower_network_pays_which_generated_novelties_prefer_to_the_usual():
    found, tried = chapter.ablation(), pd.read_csv(chapter.ABLATION)
    assert all(map(contains, found.iloc[:, 0])) and (found["classes"] == 3).all()
    plain = tried.query("variant == 'plain'")
    assert (plain["distance_validation"] > plain["score_validation"]).all()
    asked = tried.pivot(index=["class", "seed"], columns="variant", values="score_validation")
    assert (asked["narrow"] > asked["plain"])[asked["narrow"].notna()].all()
    more = asked.sub(asked["plain"], axis=0).mean()
    assert more.idxmax() == "moves" and more["narrow"] > 0
    small = chapter.otherwise().loc[chapter.NARROW]
    assert (small[["classes", "seeds"]] == [10, 1]).all(axis=None) and small["pflop"].max() <= 0.1
    assert small["mean"]["part_distance"] > 0.88 and bounds(chapter.numbers()["small-gain"])[1] > 0


def test_true_masks_help_all_detectors_on_made_pictures_and_deep_svdd_alone_on_animals(gains):
    sign = (gains["low"] > 0).astype(int) - (gains["high"] < 0)
    masked = sign.xs("masked", level="version").unstack()
    assert (masked.loc[["mnist_on_cifar", "scenes"]] == 1).all(axis=None)
    animals = {"ae": 0, "deep-svdd": 1, "kde": 0, "ocgan": 0, "rotation": 0}
    assert masked.loc["voc_animals"].to_dict() == animals and (masked.loc["coco10"] == 0).all()
    assert (gains.xs("masked", level="version")["seeds"] == 3).all()
    classes = gains.xs("masked", level="version").groupby("dataset")["classes"].agg(set)
    assert classes.pop("voc_animals") == {5} and all(of == {3} for of in classes)


def test_deep_svdd_is_the_weakest_on_animals_and_rotation_the_best(gains):
    masked = gains.loc["voc_animals"].xs("masked", level="version")
    whole = masked["auroc"] - masked["value"]  # of the same runs
    assert whole.idxmin() == "deep-svdd" and whole.drop("rotation").max() < whole["rotation"]
    others = gains.loc["voc_animals"].drop(index="rotation", level="method")["auroc"]
    assert others.max() < whole["rotation"]


def test_a_silhouette_helps_more_than_the_object_on_made_pictures_and_kde_on_animals(gains):
    shapes = gains.xs("silhouette", level="version")
    made = [of for of in shapes.index if of[0] in ("mnist_on_cifar", "scenes")]
    assert len(made) == 10 and (shapes["low"][made] > 0).all() and (shapes["seeds"] == 3).all()
    for dataset, method in [*made, ("voc_animals", "kde")]:
        cells = f"{dataset}/{method}+version={{}}/*"
        both = (tables.read_runs(cells.format(of)) for of in ("silhouette", "masked"))
        assert (tables.gain(*both, chapter.DRAWS)[1] > 0) is (method != "rotation")
    assert (shapes.loc["voc_animals"].loc[["kde", "deep-svdd"], "low"] > 0).all()


def test_of_the_background_alone_an_outline_shows_and_a_gaussian_in_the_middle_helps_none(gains):
    hole, middle = (gains.xs(of, level="version") for of in ("background", "centre"))
    assert len(hole) == len(middle) == 20 and (middle["low"] < 0).all()
    others = {("mnist_on_cifar", "rotation"), ("voc_animals", "deep-svdd")}
    harmed = {("voc_animals", of) for of in ("ae", "kde", "ocgan")}
    assert {*hole.index[hole["high"] < 0]} == harmed
    assert {*hole.index[hole["low"] > 0]} == others | {
        ("scenes", of) for of in hole.loc["scenes"].index
    }


def test_no_learnt_map_finds_what_a_blot_finds_and_on_animals_rotations_harms(gains):
    for dataset, by in (("voc_animals", 0.1), ("mnist_on_cifar", 0.03)):
        found, blot = chapter.finds(dataset, chapter.HEATED)
        assert 0.5 < found < blot - by
        assert chapter.finds(dataset, "kde+version=attention")[0] < found - 0.1
    decks = gains.xs("attention", level="version")
    assert (decks["low"] < 0).all() and len(decks) == 6 and (decks["seeds"] == 1).all()
    assert decks.loc[("mnist_on_cifar", "rotation"), "high"] < 0
    mapped = gains.xs("gradcam", level="version")
    animals, digits = mapped.loc["voc_animals"], mapped.loc["mnist_on_cifar"]
    assert (animals["classes"] == 5).all() and (animals["high"] < 0).all()
    assert digits.loc["kde", "low"] > 0 > digits.loc["rotation", "low"]
    assert digits.loc["rotation", "high"] > 0 and (digits["seeds"] == 3).all()
