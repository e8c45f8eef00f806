"""Figures of chapter 7: the system, its training, maps, parts and gains."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from figure_samples import FIGURES, GIVEN, SCORE, Y, shown
from report import plots


def test_the_system_names_every_network_and_function_of_the_code():
    from ocnd_lib import attention
    from ocnd_lib.detectors.attention_gan import AttentionGAN

    model = AttentionGAN(classifier="generated")
    model.channels_ = 1
    parts = {name for name in model._networks() if name != "film"}
    functions = {attention.multiply, attention.attended_error, attention.generated_negatives}
    parts |= {function.__name__ for function in functions}
    words = " ".join(text.replace("_\n", "_") for text in shown(plots.attention_system()))
    assert parts <= set(words.split())


def test_the_error_of_either_gan_and_the_map_are_drawn_where_they_learn():
    errors, lessons, maps = FIGURES["attention_training"]().axes
    lines = {line.get_label(): line.get_xydata().tolist() for line in errors.lines}
    assert lines["base GAN"] == [[1, 0.5]] and lines["masked GAN"] == [[2, 0.6], [3, 0.2]]
    assert [line.get_label() for line in lessons.lines][:2] == ["lesson", "classifier"]
    entropy = {line.get_label(): list(line.get_ydata()) for line in maps.lines}
    assert entropy["mean"] == [0.5, 0.4] and entropy["entropy, bits a pixel"] == [0.9, 0.8]
    for ax in (errors, lessons, maps):
        dotted = [line for line in ax.lines if line.get_linestyle() == ":"]
        assert [line.get_xdata()[0] for line in dotted] == [1.5, 2.5]


def test_a_film_begins_with_its_first_frame_and_ends_with_its_last():
    axes = [ax for ax in FIGURES["map_film"]().axes if ax.images]
    assert len(axes) >= 4 * 5
    first, last = axes[:5], axes[10:15]
    assert np.array_equal(first[0].images[0].get_array(), GIVEN[0, 0])
    values = [float(ax.images[0].get_array()[0, 0]) for ax in first[1:]]
    assert values == pytest.approx([0, 3 / 9, 6 / 9, 1])
    assert [float(ax.images[0].get_array()[0, 0]) for ax in last[1:]] == pytest.approx(values[::-1])
    assert [ax.get_title() for ax in first] == ["", "before", "3", "6", "9"]


def test_maps_stand_over_what_they_leave_with_their_mean():
    axes = FIGURES["attention_maps"]().axes
    given, drawn, masked = axes[:5], axes[5:10], axes[10:15]
    for k in range(5):
        image = GIVEN[k, 0]
        assert np.array_equal(given[k].images[0].get_array(), image)
        assert np.array_equal(drawn[k].images[0].get_array(), image / 255)
        assert drawn[k].get_xlabel() == f"{(image / 255).mean():.2f}"
        assert np.array_equal(masked[k].images[0].get_array(), (image * (image / 255)).round())


def test_under_each_part_stands_its_auroc_and_all_images_are_in_the_bars():
    axes = FIGURES["part_scores"]().axes
    assert [ax.get_xlabel() for ax in axes] == [
        f"AUROC {roc_auc_score(Y, values):.3f}" for values in (SCORE, SCORE, SCORE**2, Y * 0)
    ]
    for ax in axes:
        assert sum(bar.get_height() for bar in ax.patches) == pytest.approx(2)


def test_variants_of_one_seed_have_no_interval_and_those_of_three_do():
    axes = FIGURES["attention_ablation"]().axes
    assert len(axes) == 4
    for ax in axes:
        (bar,) = (b for b in ax.collections if len(b.get_segments()))
        assert bar.get_segments()[0][0][1] == 1  # of the learned map
        mean = next(line for line in ax.lines if line.get_markersize() == 7)
        assert mean.get_xdata()[0] == pytest.approx(0.9)


def test_a_gain_is_filled_only_when_its_interval_leaves_out_zero():
    axes = FIGURES["attention_gains"]().axes
    filled = {
        (ax.get_title("left"), float(line.get_ydata()[0])): line.get_markerfacecolor() != "white"
        for ax in axes
        for line in ax.lines
        if line.get_marker() == "o"
    }
    own, centre = "minus\nits own base GAN", "minus\ncentre map"
    assert filled == {
        (f"MNIST: {own}", 0): False,
        (f"MNIST: {own}", 1): True,
        (f"CIFAR-10: {centre}", 1): True,
        (f"CIFAR-10: {own}", 0): False,  # of one seed
    }
