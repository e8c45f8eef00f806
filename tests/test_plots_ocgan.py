"""Figures of chapter 4: the networks, their training, mining, scores and the ablation."""

import numpy as np
import pytest

from figure_samples import FIGURES, GREY, shown
from report import plots


def test_the_architecture_names_every_network_of_the_code():
    from ocnd_lib.detectors import ocgan

    model = ocgan.OCGAN()
    model.channels_ = 1
    words = {text.replace("\n", "") for text in shown(plots.architecture())}
    assert {*model._networks(), ocgan.mine.__name__} <= words


def test_training_shows_the_classifier_from_the_epoch_it_mines():
    _, parts, mining = FIGURES["training_watched"]().axes
    assert [list(line.get_xydata()[0]) for line in mining.lines] == [[2, 0.4], [2, 0.1]]
    assert [line.get_label() for line in parts.lines][:3] == [
        "latent_discriminator",
        "classifier",
        "latent",
    ]


def test_mined_images_stand_below_the_random_ones_with_their_answers():
    axes = FIGURES["mined_pairs"]().axes
    for k, answer in enumerate(("0.90", "0.50", "1.00", "0.10", "0.20", "0.00")):
        assert np.array_equal(axes[k].images[0].get_array(), GREY[k // 3, k % 3, 0])
        assert axes[k].get_xlabel() == answer


def test_each_model_has_its_histograms_and_its_curve():
    fig = FIGURES["scores_and_roc"]()
    assert "without mining\nAUROC 0.792" in shown(fig) and "with mining\nAUROC 1.000" in shown(fig)
    histograms = [ax for ax in fig.axes if ax.get_xscale() == "log"]
    for ax in histograms:
        assert sum(bar.get_height() for bar in ax.patches) == pytest.approx(2)


def test_the_mean_of_an_ablation_takes_only_seeds_that_every_class_has():
    axes = FIGURES["ablation"]().axes
    titles = ["MNIST, 2", "MNIST, 8", "mean of 2"]
    assert [ax.get_title("left") for ax in axes[:3]] == titles
    spans = [np.diff(ax.get_ylim())[0] for ax in axes]
    assert np.ptp(spans[:3]) < 1e-9 and np.ptp(spans[3:]) < 1e-9  # gains compare by eye
    dots = {
        (ax.get_title("left"), int(line.get_xdata()[0])): line.get_ydata()
        for ax in axes[:3]
        for line in ax.lines
        if line.get_marker() == "."
    }
    assert dots["mean of 2", 1] == pytest.approx([(0.97 + 0.91) / 2])
    assert dots["mean of 2", 0] == pytest.approx([0.95, 0.97])
    assert ("MNIST, 2", 2) not in dots  # not run, so not drawn
    (printed,) = (line for line in axes[2].lines if line.get_marker() == "D")
    assert list(printed.get_ydata()) == [0.957, 0.959, 0.971]
    # the paper has no such numbers of the other data set
    assert not any(line.get_marker() == "D" for ax in axes[3:] for line in ax.lines)
