"""Chapter 4: its sentences hold for the committed records, and its numbers are what they say."""

import re
from pathlib import Path

import numpy as np
import pytest

from figure_samples import GREY
from ocnd_lib.detectors.ocgan import OCGAN, mine
from ocnd_lib.experiments import check_cell
from report import tables
from report.chapters import ocgan as chapter
from report.chapters.reconstruction import difference_of_shares, elsewhere

ROOT = Path(__file__).parents[1]

# --- what the page says --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def runs():
    return {dataset: chapter.ablation_runs(dataset) for dataset in chapter.CLASSES}


@pytest.fixture(scope="module")
def gains(runs):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chapter, "DRAWS", 200)  # enough for the side of 0 that an interval lies on
        return {dataset: chapter.gains(of) for dataset, of in runs.items()}


def test_every_variant_has_five_seeds_of_every_class(runs):
    for dataset, of in runs.items():
        for variant, group in of.items():
            assert len(group) == 5 * len(chapter.CLASSES[dataset]), variant


def test_the_discriminators_help_on_mnist_and_harm_on_cifar10(gains):
    assert gains["mnist"].loc["discriminators", "wide_low"] > 0
    assert gains["cifar10"].loc["discriminators", "wide_high"] < 0


def test_mining_is_not_seen_and_no_single_part_withstands_their_number(gains):
    for table in gains.values():
        assert table.loc["mining", "low"] <= 0 <= table.loc["mining", "high"]
        for part in ("latent", "visual", "mining"):
            assert table.loc[part, "wide_low"] <= 0 <= table.loc[part, "wide_high"], part
    assert gains["mnist"].loc["latent", "low"] <= 0 <= gains["mnist"].loc["latent", "high"]
    assert gains["mnist"].loc["visual", "low"] > 0


def test_an_interval_for_many_parts_is_wider_and_the_papers_gain_is_of_the_same_step(gains):
    paper = chapter.printed_ablation()
    for table in gains.values():
        assert (table["wide_low"] < table["low"]).all() and (
            table["high"] < table["wide_high"]
        ).all()
        assert table.loc["visual", "printed"] == paper["+ visual"] - paper["+ latent"]


def test_fewer_codes_draw_elsewhere_with_the_latent_discriminator_and_fewest_with_it_alone():
    shares = elsewhere(chapter.PICTURE_CELLS)[["value", "low", "high"]]
    for variant in ("+ latent", "+ visual", "+ mining"):
        fewer = difference_of_shares(shares.loc["autoencoder"], shares.loc[variant])
        assert fewer[1] > 0, variant
    assert shares["value"].idxmin() == "+ latent"


def test_trucks_are_below_chance_with_every_part_and_one_seed_of_the_8_failed(runs):
    truck = tables.class_names("cifar10").index("truck")
    aurocs = [r.auroc for of in runs["cifar10"].values() for r in of if r.normal_class == truck]
    assert max(aurocs) < 0.5
    eights = sorted(run.auroc for run in runs["mnist"]["+ latent"] if run.normal_class == 8)
    assert eights[0] < 0.75 and eights[1] > 0.8


def test_our_means_and_those_of_others_are_below_the_printed_ones(monkeypatch):
    monkeypatch.setattr(tables, "REPEATS", 100)
    again = chapter.reruns()
    for dataset in chapter.CLASSES:
        ours = tables.means(tables.results(dataset, ["ocgan"])).loc["ocgan"]
        assert max(ours["high"], again[f"rerun-{dataset}"]) < ours["published"]


# --- how its numbers are made --------------------------------------------------------------------


def test_each_variant_has_just_the_parts_of_its_name():
    parts = [
        {name: check_cell(f"mnist/{method}/8/0").parameters.get(name, True)
         for name in ("latent", "visual", "mining")}
        for method in chapter.VARIANTS.values()
    ]  # fmt: skip
    assert [sum(on.values()) for on in parts] == [0, 1, 2, 3]
    for (name, method), on in zip(list(chapter.VARIANTS.items())[1:], parts[1:], strict=True):
        assert on[name.removeprefix("+ ")], method


# --- figures -------------------------------------------------------------------------------------


def test_the_architecture_names_every_network_of_the_code():
    model = OCGAN()
    model.channels_ = 1
    drawing = (ROOT / "book/_images/ocgan-architecture.svg").read_text()
    words = "".join(re.findall(r">([^<]*)</text>", drawing))
    assert all(name in words for name in (*model._networks(), mine.__name__))


def test_mined_images_stand_below_the_random_ones_with_their_answers():
    answers = (np.array([0.9, 0.5, 1.0]), np.array([0.1, 0.2, 0.0]))
    axes = chapter.mined_pairs(*GREY[:, :3], answers).axes
    for k, answer in enumerate(("0.90", "0.50", "1.00", "0.10", "0.20", "0.00")):
        assert np.array_equal(axes[k].images[0].get_array(), GREY[k // 3, k % 3, 0])
        assert axes[k].get_xlabel() == answer
