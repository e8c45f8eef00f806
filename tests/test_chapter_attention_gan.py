"""Chapter 8: its cells, what gains are compared with, and the tables that sentences rest on."""

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.metrics import roc_auc_score

from ocnd_lib import experiments, registry
from ocnd_lib.comparison import Run
from report.chapters import attention_gan as chapter
from report.drawing import COLOURS
from report.source import NoRecords
from report.tables import class_names


def runs_with(shift, seeds=5, normal=8, noise=0):
    """Runs that tell novel images apart the better, the larger the shift."""
    rng = np.random.default_rng(noise)
    classes = np.repeat([normal, 1], 200)
    noise = rng.normal(size=(seeds, 400))
    return [Run(normal, s, noise[s] + shift * (classes == 1), classes) for s in range(seeds)]


def recorded(shifts, seeds=5):
    """An ablation on MNIST where each variant has a shift, and its first GAN 1."""
    pairs = {t: (runs_with(shifts.get(t, 1), seeds), runs_with(1, seeds)) for t in chapter.VARIANTS}
    return {"mnist": pairs}


def test_the_cells_are_those_a_sweep_would_make_the_first_seed_of_everything_first():
    cells = chapter.CELLS
    assert len(set(cells)) == len(cells) == 254
    assert list(cells[:10]) == [
        f"cifar10/attention-gan/{name}/0" for name in class_names("cifar10")
    ]
    seeds = [int(cell[-1]) for cell in cells]
    assert seeds == sorted(seeds) and set(chapter.PICTURES) <= set(cells)


def test_each_variant_differs_from_the_learned_map_in_one_setting_and_sees_no_novel_image():
    given = {
        title: experiments.check_cell(f"mnist/{method}/8/0").parameters
        for title, method in chapter.VARIANTS.items()
    }
    assert given.pop(chapter.PLAIN) == {} and all(len(of) == 1 for of in given.values())
    assert [given[title]["mask"] for title in chapter.BLIND] == ["ones", "random", "centre"]
    assert not set(chapter.VARIANTS.values()) & set(registry.NEGATIVES)
    assert set(chapter.REAL.values()) == set(registry.NEGATIVES)


def test_gains_are_over_the_first_gan_the_blind_maps_and_the_learned_map():
    restarted = "+ second GAN restarted"
    shifts = {"learned map": 2, "centre map": 1.5, restarted: 3}
    table = chapter.gains_table(recorded(shifts))["value"]["mnist"]
    aurocs = {shift: np.mean([run.auroc for run in runs_with(shift)]) for shift in (1, 1.5, 2, 3)}
    assert table["learned map", chapter.OWN] == pytest.approx(aurocs[2] - aurocs[1])
    assert table["learned map", "centre map"] == pytest.approx(aurocs[2] - aurocs[1.5])
    assert table[restarted, "learned map"] == pytest.approx(aurocs[3] - aurocs[2])
    assert {other for title, other in table.index if title == "centre map"} == {chapter.OWN}


def test_a_gain_is_sure_only_with_several_seeds_and_when_widened_for_their_number():
    own = chapter.OWN
    large, none = {"learned map": 3}, {}
    assert chapter.gains_table(recorded(large)).loc[("mnist", "learned map", own), "sure"]
    assert not chapter.gains_table(recorded(none))["sure"].any()
    assert not chapter.gains_table(recorded(large, seeds=1))["sure"].any()
    found = recorded(none)  # significant alone, and not among sixteen
    found["mnist"]["learned map"] = runs_with(1.5, noise=1), found["mnist"]["learned map"][1]
    row = chapter.gains_table(found).loc["mnist", "learned map", own]
    assert row["low"] > 0 and not row["sure"]


def test_an_open_dot_is_a_gain_that_is_not_sure():
    found = recorded({"learned map": 3})
    fig = chapter.answer(chapter.gains_table({"cifar10": found["mnist"], **found}))
    open_dots = [line for line in fig.axes[0].lines if line.get_color() == "white"]
    assert [list(line.get_ydata()) for line in open_dots] == [[0, 1, 2, 3, 5, 6, 7]]
    colours = {label.get_text(): label.get_color() for label in fig.axes[0].get_yticklabels()}
    assert colours["random map"] == COLOURS["control"] != colours["learned map"]


def test_a_row_with_a_class_missing_is_no_row(monkeypatch):
    monkeypatch.setattr(chapter, "read_runs", lambda *_: runs_with(1, normal=3))
    with pytest.raises(NoRecords, match="ocnd run mnist/attention-gan"):
        chapter.over_classes("mnist")


def test_a_grid_begins_with_two_normal_images_beside_their_maps():
    classes, fig = np.repeat(np.arange(10), 2), Figure()
    given = np.full((20, 1, 32, 32), 2 * np.arange(20, dtype=np.uint8)[:, None, None, None])
    maps = np.full((20, 1, 32, 32), 51, np.uint8)  # a fifth
    chapter.map_grid(fig, given, maps, classes, 8)
    shown = [int(ax.images[0].get_array()[0, 0]) for ax in fig.axes]
    assert [value // 2 for value in shown[:8]] == [16, 17, 0, 2, 4, 6, 8, 10]
    assert shown[8:16] == [51] * 8 and shown[16:18] == [6, 6]


def test_the_live_table_compares_each_score_with_its_own_first_gan():
    rng = np.random.default_rng(0)
    y, base = np.repeat([0, 1], 50), rng.normal(size=100)
    parts = {"base": base, "masked": base + y, "area": np.ones(100)}
    models = {
        "learned": SimpleNamespace(novelty_score=lambda _: base + y, score_parts=lambda _: parts),
        "blind": SimpleNamespace(novelty_score=lambda _: base, score_parts=lambda _: parts),
    }
    table = chapter.live_table(models, SimpleNamespace(x_test=None, y_test=y))
    gain = roc_auc_score(y, base + y) - roc_auc_score(y, base)
    assert table.loc["learned", "minus its first GAN"].startswith(f"{gain:+.3f} [+")
    assert table.loc["blind", "minus its first GAN"].startswith("+0.000")
    assert list(table["area alone"]) == [0.5, 0.5]
