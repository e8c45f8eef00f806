"""Chapter 5: what else was tried, each remedy paired with what it is a remedy for."""

import numpy as np
import pytest

from ocnd_lib.detail import FLOOR
from report.chapters import class_or_detail
from report.figures import NoRecords, benchmark, tried
from score_samples import CLASS_TEST, DETAIL, write

GAN, ATTENTION = ("mnist", "OCGAN"), ("mnist", "Attention-GAN")
MULTIPLIED = "both errors in units of detail, multiplied"


def noise(*seed, spread=1.0):
    return np.random.default_rng(seed).normal(0, spread, len(CLASS_TEST)).astype(np.float32)


@pytest.fixture
def every(tmp_path, monkeypatch):
    """Attention-GANs whose two errors, each in units of detail, err apart from each other."""
    monkeypatch.setattr(tried, "REPEATS", 50)
    for k in range(10):
        novel = (CLASS_TEST != k).astype(np.float32)
        for seed in range(3):
            write(tmp_path, f"mnist/ocgan/{k}/{seed}", novel + noise(1, k, seed))
        write(tmp_path, f"mnist/{tried.LARGER}/{k}/1", novel + noise(1, k, 1, spread=0.5))
        if k in (2, 8):
            write(tmp_path, f"mnist/{tried.RELEASE['mnist']}/{k}/0", novel + noise(1, k, 0))
        if k < 3:
            write(tmp_path, f"mnist/{tried.BARE}/{k}/0", novel + noise(1, k, 0, spread=2.0))
        for variant, seed in (
            ("attention-gan", 0), ("attention-gan", 1), ("attention-gan+mask=ones", 0),
        ):  # fmt: skip
            errors = [
                (DETAIL + FLOOR) * np.exp(novel + noise(2, k, 2 * seed + part, spread=0.8))
                for part in (0, 1)
            ]
            if k < 2 or variant == "attention-gan":
                parts = dict(zip(("base", "masked"), errors, strict=True))
                write(tmp_path, f"mnist/{variant}/{k}/{seed}", noise(3, k), **parts)
    write(tmp_path, "mnist/detail/0/0", DETAIL)
    return {name: benchmark.results(name, tmp_path) for name in benchmark.TITLES}


def test_every_remedy_is_paired_with_what_it_mends(every):
    table = tried.tried_table(every)
    larger = table.loc[(*GAN, "twice the channels and epochs", "the usual ones")]
    assert larger["seeds"] == 1 and larger["low"] > 0.05  # only seed 1 has both
    bare = table.loc[(*GAN, "its parts off: discriminators and mining", "all of them on")]
    assert bare["high"] < -0.05 and bare["losses"] == bare["classes"] == 3
    assert bare["which"] == "0, 1, 2" and larger["which"] == ""
    together = table.loc[(*GAN, "its seeds as one ensemble", "each alone")]
    assert together["seeds"] == 3 and together["low"] > 0.02
    row = table.loc[(*ATTENTION, MULTIPLIED, "its own score")]
    assert row["before"] == pytest.approx(0.5, abs=0.05) and row["after"] > 0.85
    base = table.loc[(*ATTENTION, MULTIPLIED, "its base GAN in these units")]
    assert base["low"] > 0 and base["wins"] == base["classes"] == 10
    release = table.loc[(*GAN, "the release's networks, rate and epochs", "the usual ones")]
    assert release["gain"] == 0 and release["which"] == "2, 8" and release["seeds"] == 1
    ensemble = table.loc[(*ATTENTION, f"{MULTIPLIED}, its seeds as one ensemble", "each alone")]
    assert ensemble["low"] > 0.02 and ensemble["seeds"] == 2
    ones = table.loc[(*ATTENTION, MULTIPLIED, "the same with a map of ones")]
    assert ones["classes"] == 2 and ones["gain"] == 0  # it is the same here


def test_the_page_says_what_is_known_and_where_it_comes_from(every):
    table = tried.tried_table(every)
    page = tried.tried_page(table)
    key = ("MNIST", "Attention-GAN", MULTIPLIED, "the same with a map of ones")
    assert page.loc[key, "p (Wilcoxon)"] == "" and page.loc[key, "gain"].startswith("+0.0000 [")
    assert tried.behind(key, "gain")[-1] == "mnist/attention-gan+mask=ones/*/*"
    assert class_or_detail.detail_cell("mnist") in tried.behind(key, "after")
    larger = ("MNIST", "OCGAN", "twice the channels and epochs", "the usual ones")
    assert tried.behind(larger, "gain") == ["mnist/ocgan/*/*", f"mnist/{tried.LARGER}/*/*"]
    assert tried.behind(larger, "seeds") == []
    bare = ("MNIST", "OCGAN", "its parts off: discriminators and mining", "all of them on")
    assert tried.behind(bare, "after") == ["mnist/ocgan/*/*", f"mnist/{tried.BARE}/*/*"]
    release = ("MNIST", "OCGAN", "the release's networks, rate and epochs", "the usual ones")
    behind = ["mnist/ocgan/*/*", f"mnist/{tried.RELEASE['mnist']}/*/*"]
    assert tried.behind(release, "gain") == behind
    words = tried.in_words(table, "mnist", "Attention-GAN", "both", "its base")
    assert words.endswith("better in 10 of 10 classes, seeds: 2") and " to 0." in words
    said = tried.sentences(table)
    assert said["attention-base-mnist"] == words
    assert said["attention-ones-mnist"].endswith("better in 0 of 2 classes (0, 1), seeds: 1")
    assert said["bare-mnist"].endswith("better in 0 of 3 classes (0, 1, 2), seeds: 1")
    assert said["larger-mnist"] != said["larger-cifar10"] == "no record yet"


def test_without_records_it_is_said(tmp_path):
    none = {name: benchmark.results(name, tmp_path) for name in benchmark.TITLES}
    with pytest.raises(NoRecords, match="ocnd run"):
        tried.tried_page(tried.tried_table(none))
