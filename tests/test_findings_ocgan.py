"""Chapter 4: its sentences hold for the committed records, and its numbers are what they say."""

import re
from pathlib import Path

import pytest

from figure_samples import bounds
from ocnd_lib.detectors.ocgan import OCGAN, mine
from ocnd_lib.experiments import check_cell
from report import tables
from report.chapters import ocgan as chapter
from report.chapters.reconstruction import elsewhere

ROOT = Path(__file__).parents[1]


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
    assert gains["mnist"].loc["discriminators", "low"] > 0
    assert gains["cifar10"].loc["discriminators", "high"] < 0


def test_mining_is_not_seen_and_the_latent_discriminator_alone_does_not_help(gains):
    for table in gains.values():
        assert table.loc["mining", "low"] <= 0 <= table.loc["mining", "high"]
    assert gains["mnist"].loc["latent", "low"] <= 0 <= gains["mnist"].loc["latent", "high"]
    assert gains["mnist"].loc["visual", "low"] > 0


def test_the_papers_gain_is_of_the_same_step(gains):
    printed = gains["mnist"]["printed"]
    assert printed["visual"] == pytest.approx(0.971 - 0.959)
    assert printed["all parts"] == pytest.approx(0.975 - 0.957)


def test_fewer_codes_draw_elsewhere_with_the_latent_discriminator_and_fewest_with_it_alone():
    shares = elsewhere(chapter.PICTURE_CELLS)[["value", "low", "high"]]
    assert shares["high"].drop("autoencoder").max() < shares.loc["autoencoder", "low"]
    assert shares["value"].idxmin() == "+ latent"


def test_trucks_are_below_chance_with_every_part(runs):
    truck = tables.class_names("cifar10").index("truck")
    aurocs = [r.auroc for of in runs["cifar10"].values() for r in of if r.normal_class == truck]
    assert max(aurocs) < 0.5


def test_our_means_and_those_of_others_are_below_the_printed_ones(monkeypatch):
    monkeypatch.setattr(tables, "REPEATS", 100)
    monkeypatch.setattr(chapter, "DRAWS", 100)
    said = chapter.numbers()
    for dataset in chapter.CLASSES:
        *_, high = bounds(said[f"ours-{dataset}"])
        assert max(high, said[f"rerun-{dataset}"]) < said[f"published-{dataset}"]
    assert bounds(said["whole-mnist"])[1] > 0 > bounds(said["whole-cifar10"])[2]
    assert said["rerun-plain"] < said["rerun-port"] < said["published-mnist"]
    assert abs(said["rerun-cifar10"] - bounds(said["ours-cifar10"])[0]) < 0.005


def test_each_variant_has_just_the_parts_of_its_name():
    parts = [
        {name: check_cell(f"mnist/{method}/8/0").parameters.get(name, True)
         for name in ("latent", "visual", "mining")}
        for method in chapter.VARIANTS.values()
    ]  # fmt: skip
    assert [sum(on.values()) for on in parts] == [0, 1, 2, 3]
    for (name, method), on in zip(list(chapter.VARIANTS.items())[1:], parts[1:], strict=True):
        assert on[name.removeprefix("+ ")], method


def test_the_architecture_names_every_network_of_the_code():
    model = OCGAN()
    model.channels_ = 1
    drawing = (ROOT / "book/_images/ocgan-architecture.svg").read_text()
    words = "".join(re.findall(r">([^<]*)</text>", drawing))
    assert all(name in words for name in (*model._networks(), mine.__name__))
