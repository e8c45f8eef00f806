"""Chapter 1: its points and detectors on answers known beforehand, and what its sentences say."""

import numpy as np
import pytest

from report.chapters import objections
from report.chapters import what_is_a_novelty as chapter


def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def means():
    """Means over seeds, a row a setting."""
    return chapter.labelling_table().groupby(level=0).mean()


@pytest.mark.parametrize("nu", [0.05, 0.2])
def test_the_one_class_svm_leaves_a_share_nu_outside_and_everything_far_away(nu):
    points = chapter.crescent(400, rng())
    detector = chapter.one_class_svm(points, nu)
    assert abs(np.mean(detector(points) > 0) - nu) < 0.03
    assert (detector(np.array([[9.0, 9.0], [-9.0, 0.0]])) > 0).all()


def test_each_setting_uses_the_labels_it_has_and_no_others():
    normal = chapter.crescent(60, rng())
    known, other = (chapter.blob(9, centre, rng()) for centre in ((0, 0), (3, 3)))
    probe = rng().uniform(-3.6, 3.6, (300, 2))
    first, changed = (chapter.labelling_detectors(normal, a, seed=0) for a in (known, other))
    same = [name for name in first if np.array_equal(first[name](probe), changed[name](probe))]
    assert same == ["one_class"]


# --- what the sentences say ----------------------------------------------------------------------


def test_a_classifier_finds_what_it_was_shown_and_takes_the_new_for_normal(means):
    known = means["known_auroc"]
    assert known["supervised"] > 0.99 > known[["one_class", "unsupervised"]].max()
    assert means["novel_auroc"]["supervised"] < 0.3
    assert (means["novel_found"][["supervised", "tree", "network"]] == 0).all()
    assert known["regression"] < 0.65


def test_the_boundary_finds_the_new_and_part_of_the_known(means):
    assert means["novel_found"]["one_class"] > 0.99
    assert means["known_found"]["one_class"] < 0.9


def test_known_anomalies_pass_for_normal_without_labels(means):
    assert means["known_found"]["unsupervised"] < 0.2 < 0.99 < means["novel_found"]["unsupervised"]


def test_the_pictures_show_a_typical_seed(means):
    texts = [ax.get_xlabel() for ax in chapter.labelling().axes]
    for text, setting in zip(texts, ("supervised", "one_class", "unsupervised"), strict=True):
        for line, kind in zip(text.splitlines(), ("known", "novel"), strict=True):
            share = int(line.split()[1]) / 20
            assert share == pytest.approx(means.loc[setting, f"{kind}_found"], abs=0.05)


def test_contamination_costs_auroc_step_by_step():
    table = objections.contamination().query("dataset == 'mnist' and method in ('kde', 'ocsvm')")
    assert (table["high"] < 0).all() and (table[["seeds", "classes"]] == 3).all(axis=None)
    kde = table[table["method"] == "kde"].set_index("contamination")["value"]
    assert kde.is_monotonic_decreasing and kde[0.1] < -0.1


def test_one_auroc_is_known_to_one_or_two_hundredths():
    found = chapter.numbers()
    assert 0.005 < found["width_90"] < found["width_65"] < 0.025


def test_the_samples_are_trucks_other_classes_and_damaged_trucks():
    images = [np.asarray(ax.images[0].get_array()) for ax in chapter.samples().axes if ax.images]
    trucks, novel, damaged = images[:2], images[2:8], images[8:]
    assert len(damaged) == 6
    assert np.array_equal(damaged[0][:, :16], trucks[0][:, :16])
    assert not any(np.array_equal(a, b) for a in trucks for b in (*novel, *damaged))
