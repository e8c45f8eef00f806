"""Chapter 5 from records: with none, some and all of them, and nothing is ever filled in."""

import numpy as np
import pytest

from ocnd_lib.records import write_record
from ocnd_lib.stats import auroc_interval
from report import tables
from report.figures import benchmark as figures
from report.figures import duels
from report.figures.benchmark import results

CLASS_TEST = np.repeat(np.arange(10), 20).astype(np.uint8)
ALL = [m for m in tables.METHODS if m != "attention-gan"]


def write(folder, dataset, method, k, seed, strength=1.0, index=None, variant="", processor="A"):
    """A record in the real format, with random scores beside it."""
    rng = np.random.default_rng([ALL.index(method), k, seed])
    index = np.arange(len(CLASS_TEST)) if index is None else index
    class_test = CLASS_TEST[index]
    score = (rng.normal(size=len(index)) + strength * (class_test != k)).astype(np.float32)
    auroc, low, high = auroc_interval((class_test != k).astype(int), score)
    name = tables.class_names(dataset)[k]
    record = {
        "cell": f"{dataset}/{method}{variant}/{name}/{seed}",
        "parameters": {"seed": seed},
        "metrics": {"auroc": auroc, "auroc_low": low, "auroc_high": high},
        "seconds": 3.0,
        "fit_seconds": 1.0 + k,
        "macs_per_image": 1000 * (1 + ALL.index(method)),
        "scored": len(index),
        "hardware": "cpu float32",
        "provenance": {"processor": processor},
    }
    write_record(record, {"score": score, "class_test": class_test, "index": index}, folder)


@pytest.fixture(scope="module")
def some(tmp_path_factory):
    """MNIST: OCGAN with three seeds, VAE with one, KDE's last class missing; AnoGAN subsampled."""
    folder = tmp_path_factory.mktemp("some")
    for k in range(10):
        for seed in range(3):
            write(folder, "mnist", "ocgan", k, seed, strength=2)
        write(folder, "mnist", "vae", k, 0)
        write(folder, "mnist", "anogan", k, 0, index=np.arange(k % 2, len(CLASS_TEST), 2))
        if k < 9:
            write(folder, "mnist", "kde", k, 0, strength=3)
    write(folder, "mnist", "ae", 3, 0, variant="+latent_dim=8")
    return folder


@pytest.fixture(scope="module")
def every(tmp_path_factory):
    folder = tmp_path_factory.mktemp("every")
    for dataset in figures.TITLES:
        for method in ALL:
            for k in range(10):
                write(folder, dataset, method, k, 0, strength=ALL.index(method) / 5)
    return folder


@pytest.mark.parametrize("name", [*figures.FIGURES, *duels.FIGURES])
@pytest.mark.parametrize("amount", ["none", "some", "every"])
def test_every_figure_is_drawn_whatever_is_recorded(name, amount, request, tmp_path, monkeypatch):
    folder = tmp_path / "nothing" if amount == "none" else request.getfixturevalue(amount)
    monkeypatch.setenv("OCND_RECORDS", str(folder))
    for module in (figures, duels):
        monkeypatch.setattr(module, "REPEATS", 20)
    fig = {**figures.FIGURES, **duels.FIGURES}[name]()
    fig.draw_without_rendering()
    box = fig.get_tightbbox()
    assert box.x0 > -0.02 and box.x1 < fig.get_figwidth() + 0.02
    assert box.y0 > -0.02 and box.y1 < fig.get_figheight() + 0.02


def test_a_mean_is_shown_only_when_every_class_is_there(some):
    found = results("mnist", some)
    assert found.complete == ["vae", "anogan", "ocgan"]
    table = figures.means(found)
    assert table["mean"].notna().sum() == 3 and np.isnan(table.loc["kde", "mean"])
    assert table.loc["kde", "verdict"] == "not run" and table.loc["kde", "published"] == 0.8143
    assert figures.means_page(table).loc["KDE", "ours"] == ""
    ocgan, texts = table.loc["ocgan"], [t.get_text() for t in drawn(figures.table_figure(found))]
    assert ocgan["low"] < ocgan["mean"] < ocgan["high"] and ocgan["seeds"] == 3
    assert f"0.9750\n{ocgan['mean']:.4f}" in texts
    assert "0.8143\n\N{EN DASH}" in texts  # KDE's mean, although nine classes were run


def drawn(fig):
    return fig.axes[0].texts


def test_intervals_are_those_of_the_command_line(some):
    found = results("mnist", some)
    ours = figures.means(found).loc["ocgan"]
    records = figures.read_records(some, "mnist/ocgan/*")
    row = next(r for r in tables.auroc_table("mnist", records, some) if r["method"] == "ocgan")
    assert [row[k] for k in ("mean", "sd", "low", "high")] == pytest.approx(
        [ours[k] for k in ("mean", "sd", "low", "high")]
    )


def test_what_is_missing_is_named_with_its_command(some):
    table = figures.missing(results("mnist", some)).set_index("method")
    assert not {"OCGAN", "VAE", "AnoGAN"} & set(table.index)
    assert table.loc["KDE", "command"] == "ocnd run mnist/kde/9/0"
    assert table.loc["KDE", "recorded"] == "9 of 10 classes" and table.loc["KDE", "missing"] == "9"
    assert table.loc["AE", "command"] == "ocnd sweep --datasets mnist --methods ae --seeds 0"
    assert table.loc["AE", "missing"] == "all"  # a variant with other settings is no cell of it


def test_the_verdict_compares_the_printed_mean_with_our_interval():
    row = {"published": 0.7, "mean": 0.7, "low": 0.65, "high": 0.75, "method": "vae"}
    verdicts = {
        "agrees": {},
        "lower": {"published": 0.76},
        "higher": {"published": 0.64},
        "no interval": {"low": np.nan},
        "not printed": {"published": np.nan},
        "not run": {"mean": np.nan, "low": np.nan},
        "another score": {"published": 0.64, "method": "gan"},  # the printed GAN is not ours
    }
    frame = figures.pd.DataFrame([row | change for change in verdicts.values()])
    frame = frame.set_index("method")
    assert [figures._verdict(r) for r in frame.itertuples()] == list(verdicts)


def test_images_are_paired_where_a_method_scored_only_some(some):
    found = results("mnist", some)
    one = next(r for r in found.runs["ocgan"] if (r.normal_class, r.seed) == (3, 0))
    other = next(r for r in found.runs["anogan"] if r.normal_class == 3)
    a, b = duels.shared_images(one, other)
    assert np.array_equal(a.index, other.index) and np.array_equal(a.class_test, b.class_test)
    assert np.array_equal(a.score, one.score[other.index])


def test_who_beats_whom(some):
    found = results("mnist", some)
    difference, wins = duels.delong_wins(found)
    assert list(wins) == ["vae", "anogan", "ocgan"]
    ours = found.ours.mean(axis=1)
    assert difference.loc["ocgan", "vae"] == pytest.approx(ours["ocgan"] - ours["vae"])
    assert wins.loc["ocgan", "vae"] > 0 and wins.loc["vae", "ocgan"] == 0
    compared = duels.against_all(found)
    assert list(compared.index) == ["vae", "anogan"]  # KDE lacks a class
    assert (compared["low"] < compared["mean_difference"]).all() and (compared["low"] > 0).all()
    assert duels.surely_beaten(compared) == 2 and duels.sure_winners(compared) == "none"
    beaten = duels.against_all(found, "vae")
    assert duels.sure_winners(beaten) == "OCGAN (10 of 10 classes, p = 0.004)"
    assert duels.against_all(found, "kde").empty


def test_costs_are_means_over_the_cells(some):
    table = figures.cost_table(results("mnist", some))
    assert list(table.index) == ["vae", "anogan", "ocgan"]
    assert table.loc["vae", "fit_seconds"] == pytest.approx(5.5)
    assert table.loc["vae", "macs"] == 1000 * (1 + ALL.index("vae"))


def test_seconds_of_another_processor_are_left_out(tmp_path):
    for k in range(10):
        write(tmp_path, "mnist", "ocgan", k, 0)
        write(tmp_path, "mnist", "ocgan", k, 1, processor="B" if k == 9 else "A")
        write(tmp_path, "mnist", "vae", k, 0, processor="B")
    write(tmp_path, "cifar10", "kde", 0, 0)
    write(tmp_path, "cifar10", "ae", 0, 0)
    every = figures.every_result(tmp_path)
    table = figures.cost_table(every["mnist"], figures.timed_cells(every))
    assert table.loc["ocgan", "fit_seconds"] == pytest.approx((2 * 55 - 10) / 19)  # A's
    assert np.isnan(table.loc["vae", "fit_seconds"]) and table.loc["vae", "macs"] > 0
    assert figures.timed_on(every) == "A, cpu float32"
    assert figures.timed_on(figures.every_result(tmp_path / "nowhere")) == "none yet"


def test_the_processor_of_the_most_methods_over_both_data_sets_is_taken(tmp_path):
    for k in range(10):
        for seed, processor in enumerate("AAB"):  # A has more rows, B more methods
            write(tmp_path, "mnist", "ocgan", k, seed, processor=processor)
        write(tmp_path, "mnist", "vae", k, 0, processor="A")
        write(tmp_path, "cifar10", "ocgan", k, 0, processor="B")
        write(tmp_path, "cifar10", "kde", k, 0, processor="B")
    every = figures.every_result(tmp_path)
    assert figures.timed_on(every) == "B, cpu float32"
    mnist, _, cifar10, _ = figures.cost_figure(every).axes
    assert "no time on the processor: VAE" in mnist.get_xlabel()
    assert "no time" not in cifar10.get_xlabel()
    assert [t.get_text() for t in mnist.texts] == ["OCGAN"]


def test_a_live_cell_takes_only_settings_that_its_method_has():
    small = {"epochs": 2, "width": 4}
    assert figures.live_cell("digits", "ae", "3", 0, small) == "digits/ae+epochs=2+width=4/3/0"
    assert figures.live_cell("digits", "kde", "3", 0, small) == "digits/kde/3/0"
    with pytest.raises(ValueError, match="unknown method 'vea'; there are: "):
        figures.live_cell("digits", "vea", "3", 0, small)


def test_words_for_the_page(some):
    table = figures.means(results("mnist", some))
    assert figures.best(table) == "OCGAN"
    assert figures.in_words(table.loc["kde"]) == "not complete, published 0.8143"
    assert figures.in_words(table.loc["ocgan"]).startswith(f"{table.loc['ocgan', 'mean']:.4f} [")
    assert figures.named_by_verdict(table, "no interval") == "none"
    empty = figures.means(results("mnist", some / "nowhere"))
    assert figures.best(empty) == "none yet"
    assert "make one with" in figures.choices_page(some / "nowhere").iloc[0, 0]
