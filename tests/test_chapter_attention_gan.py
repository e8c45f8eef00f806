"""Chapter 8: its cells, and what gains are compared with."""

import numpy as np
import pytest

from ocnd_lib import experiments, registry
from ocnd_lib.comparison import Run
from report.chapters import attention_gan as chapter
from report.source import NoRecords


def runs_with(shift, seeds=5, normal=8, noise=0):
    """Runs that tell novel images apart the better, the larger the shift."""
    rng = np.random.default_rng(noise)
    classes = np.repeat([normal, 1], 200)
    noise = rng.normal(size=(seeds, 400))
    return [Run(normal, s, noise[s] + shift * (classes == 1), classes) for s in range(seeds)]


@pytest.fixture
def gains(monkeypatch):
    """The table of gains where each variant on MNIST has a shift, and its first GAN 1."""

    def table(shifts, noise=0):
        pairs = {("mnist", title): (runs_with(1), runs_with(1)) for title in chapter.VARIANTS}
        for title, shift in shifts.items():
            pairs["mnist", title] = runs_with(shift, noise=noise), runs_with(1)
        monkeypatch.setattr(chapter, "ablation", lambda: pairs)
        return chapter.gains_table.__wrapped__()  # which is not remembered

    return table


def test_each_variant_differs_from_the_learned_map_in_one_setting_and_sees_no_novel_image():
    given = {
        title: experiments.check_cell(f"mnist/{method}/8/0").parameters
        for title, method in chapter.VARIANTS.items()
    }
    assert given.pop(chapter.PLAIN) == {} and all(len(of) == 1 for of in given.values())
    assert [given[title]["mask"] for title in chapter.BLIND] == ["ones", "random", "centre"]
    assert not set(chapter.VARIANTS.values()) & set(registry.NEGATIVES)


def test_a_gain_is_over_the_first_gan_and_sure_if_its_interval_stands_a_correction(gains):
    row = gains({"learned map": 3}).loc["mnist", "learned map"]
    after, before = (np.mean([run.auroc for run in runs_with(shift)]) for shift in (3, 1))
    assert row["value"] == pytest.approx(after - before) and row["sure"]
    assert not gains({})["sure"].any()
    row = gains({"learned map": 1.5}, noise=1).loc["mnist", "learned map"]
    assert row["low"] > 0 and not row["sure"]  # significant alone, and not among so many


def test_a_row_with_a_class_missing_is_no_row(monkeypatch):
    monkeypatch.setattr(chapter, "read_runs", lambda *_: runs_with(1, normal=3))
    with pytest.raises(NoRecords, match="ocnd run mnist/attention-gan"):
        chapter.pair([f"mnist/attention-gan/{k}/0" for k in (3, 8)])
