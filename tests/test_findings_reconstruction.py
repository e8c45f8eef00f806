"""Chapter 3: its sentences hold for the committed records, and its numbers are what they say."""

import numpy as np
import pandas as pd
import pytest

from figure_samples import bounds, contains
from ocnd_lib.data import class_names
from ocnd_lib.records import parse_cell, read_arrays
from report.chapters import reconstruction as chapter
from report.chapters.class_or_detail import class_aurocs
from report.drawing import mosaics


@pytest.fixture(scope="module")
def sweep():
    return chapter.latent_table()


@pytest.fixture(scope="module")
def elsewhere():
    return chapter.elsewhere(chapter.PICTURES)


def test_longer_codes_redraw_novelties_better_and_in_the_end_tell_them_less_well(sweep, said):
    means = sweep.groupby("latent_dim").mean()
    auroc, chosen = means["auroc"], means["validation"].idxmax()
    assert bounds(said["novel-change"])[2] < 0 and bounds(said["auroc-change"])[2] < 0
    assert (chosen, auroc.idxmax()) == (8, 16)
    assert auroc[2] < auroc[8] < auroc[16] > auroc[256] and auroc[256] < auroc[2]
    passed = means["passed"]
    assert passed.idxmin() == 16 and min(passed[2], passed[256]) > 1.5 * passed[8]


def test_only_the_code_that_test_images_choose_beats_ocgan(said):
    assert bounds(said["peak-above-ocgan"])[1] > 0
    assert contains(said["chosen-above-ocgan"])


def test_empty_places_are_shown_for_autoencoders_and_not_for_vae_and_gan(elsewhere):
    shown = elsewhere["low"] > chapter.USUAL
    for dataset in ("mnist", "cifar10"):
        assert shown[dataset][["ae", "dae"]].all()
        assert not shown[dataset][["vae", "gan", "anogan"]].any()
    assert shown["mnist", "f-anogan"]
    lowest_ae = elsewhere.loc[[("mnist", "ae"), ("mnist", "dae")], "value"].min()
    assert lowest_ae > elsewhere.loc[("mnist", "f-anogan"), "value"]


def test_the_autoencoder_has_fewer_empty_places_on_cifar10(elsewhere):
    assert elsewhere.loc[("cifar10", "ae"), "high"] < elsewhere.loc[("mnist", "ae"), "low"]


def test_ones_are_redrawn_better_than_the_eights_and_8_is_the_hardest_digit():
    arrays = read_arrays("mnist/ae/8/0")
    error = pd.Series(arrays["score"]).groupby(arrays["class_test"]).mean()
    assert error[1] < error[8]
    assert class_aurocs("mnist")["ae"].idxmin() == "8"


def test_the_narrower_the_class_the_better_its_autoencoder_tells_what_is_novel(said):
    tomato, bags, trucks = (said[f"sample-{name}"] for name in chapter.SAMPLES)
    assert tomato > 0.995 > 0.9 > bags > 0.8 and trucks < 0.5
    arrays = read_arrays("cifar10/ae/truck/0")
    error = pd.Series(arrays["score"]).groupby(arrays["class_test"]).mean()
    assert error.rank(ascending=False)[9] <= 3  # trucks are redrawn worse than most


def test_only_the_tomatos_autoencoder_draws_its_class_whatever_it_is_given():
    shares = []
    for cell in map(parse_cell, chapter.SAMPLES.values()):
        kept, normal = read_arrays(cell), class_names(cell.dataset).index(cell.normal_class)
        given, made = (kept[f"picture_{name}"].astype(float) for name in ("given", "redrawn"))
        novel = np.arange(len(given)) // 2 != normal
        own = given[~novel].mean(0)
        to_class, to_given = (np.square(made - of).mean((1, 2, 3)) for of in (own, given))
        shares.append(np.mean(to_class[novel] < to_given[novel]))
    assert shares[0] > 0.85 and max(shares[1:]) < 0.05


def test_what_passes_is_redrawn_no_worse_than_normal_images_are():
    y, score = np.repeat([0, 1], 100), np.r_[np.arange(100), np.arange(50, 150)] / 100
    row = chapter.errors(y, score)
    assert row["passed"] == pytest.approx(0.45) and row["normal"] < row["novel"]


def test_of_real_images_one_in_twenty_is_elsewhere():
    held_out = np.linspace(0, 1, 101)
    assert chapter.beyond(held_out, held_out) == pytest.approx(5 / 101)


def test_decodes_are_laid_out_row_by_row_in_grey_and_in_colour():
    given = np.arange(5 * 32 * 32).reshape(5, 1, 32, 32).astype(np.uint8)
    drawn = {"autoencoder": np.repeat(given, 2, 0)[:9], "truck": np.zeros((9, 3, 32, 32), np.uint8)}
    grey, colour = mosaics("", drawn).axes
    mosaic = grey.images[0].get_array()
    assert mosaic.shape == (96, 96) and colour.images[0].get_array().shape == (96, 96, 3)
    assert np.array_equal(mosaic[32:64, :32], given[1, 0])  # the fourth image opens the second row
