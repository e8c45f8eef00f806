"""Chapter 1: its points and detectors on answers known beforehand, and what its sentences say."""

import numpy as np
import pytest

from report.chapters import what_is_a_novelty as chapter


def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def settings():
    """Means over seeds: (measure, anomaly) by setting."""
    table = chapter.labelling_table()
    return table.pivot_table(["auroc", "recall", "false_alarms"], "setting", "anomaly")


@pytest.mark.parametrize("nu", [0.05, 0.2])
def test_the_one_class_svm_leaves_a_share_nu_outside_and_everything_far_away(nu):
    points = chapter.crescent(400, rng())
    detector = chapter.one_class_svm(points, nu)
    assert abs(np.mean(detector(points) > 0) - nu) < 0.03
    assert (detector(np.array([[9.0, 9.0], [-9.0, 0.0]])) > 0).all()


def test_the_doubting_classifier_doubts_the_border_and_nothing_far_from_it():
    x = np.r_[chapter.blob(200, (-2, 0), rng()), chapter.blob(200, (2, 0), rng())]
    detector = chapter.doubting_classifier(x, np.repeat([0, 1], 200))
    assert np.mean(detector(x) > 0) == pytest.approx(0.05, abs=0.005)
    assert detector(np.array([[0.0, 0.0]])) > 0
    assert detector(np.array([[50.0, 0.0]])) < 0


def test_each_setting_uses_the_labels_it_has_and_no_others():
    normal = chapter.crescent(60, rng())
    known, other = (chapter.blob(9, centre, rng()) for centre in ((0, 0), (3, 3)))
    probe = rng().uniform(-3.6, 3.6, (300, 2))
    first, changed = (chapter.labelling_detectors(normal, a, seed=0) for a in (known, other))
    same = [name for name in first if np.array_equal(first[name](probe), changed[name](probe))]
    assert same == ["one_class"]


# --- what the sentences say ----------------------------------------------------------------------


def test_a_classifier_finds_what_it_was_shown_and_takes_the_new_for_normal(settings):
    auroc, recall = settings["auroc"], settings["recall"]
    unlabelled = ["one_class", "unsupervised", "unsupervised_svm"]
    assert auroc.known["supervised"] > 0.99 > auroc.known[unlabelled].max()
    assert auroc.novel["supervised"] < 0.3
    assert (recall.novel[["supervised", "tree", "network"]] == 0).all()
    # regression guesses: it finds some, and calls even more of the normal points novel
    assert recall.novel["regression"] < settings["false_alarms"].novel["regression"]


def test_the_boundary_finds_the_new_and_part_of_the_known(settings):
    assert settings["recall"].novel["one_class"] > 0.99
    assert settings["recall"].known["one_class"] < 0.9


def test_known_anomalies_pass_for_normal_without_labels(settings):
    unlabelled = ["unsupervised", "unsupervised_svm"]
    assert (settings["recall"].known[unlabelled] < 0.2).all()
    assert (settings["recall"].novel[unlabelled] > 0.99).all()


def test_the_pictures_show_a_typical_seed(settings):
    texts = [ax.get_xlabel() for ax in chapter.labelling().axes]
    for text, setting in zip(texts, ("supervised", "one_class", "unsupervised"), strict=True):
        for line, kind in zip(text.splitlines(), ("known", "novel"), strict=True):
            share = int(line.split()[1]) / 20
            assert share == pytest.approx(settings["recall"][kind][setting], abs=0.05)


def test_a_classifier_has_no_doubt_beyond_its_classes():
    one, pooled, labelled = chapter.class_count().axes
    assert one.get_xlabel() == "found: 180 of 180 novel"
    assert pooled.get_xlabel() == "found: 60 of 60 novel"
    assert labelled.get_xlabel() == "found: 30 of 60 novel"


def test_contamination_costs_auroc_step_by_step():
    table = chapter.contamination_table()
    assert (table.diff(axis=1).iloc[:, 1:] < 0).all(axis=None)
    assert (table[0.0] - table[0.1] > 0.05).all()


def test_the_ratio_moves_accuracy_and_aupr_and_neither_auroc_nor_balanced_accuracy():
    found = chapter.numbers()
    for name in ("auroc", "balanced_accuracy"):
        assert found[f"rare_{name}"] == pytest.approx(found[f"common_{name}"])
    assert found["common_aupr"] - found["rare_aupr"] > 0.05
    assert found["common_accuracy"] > found["common_always_novel"] == pytest.approx(0.9)
    assert found["rare_accuracy"] > found["rare_always_novel"] == pytest.approx(0.1)
    assert 0.005 < found["width_90"] < found["width_65"] < 0.025


def test_the_samples_are_trucks_other_classes_and_damaged_trucks():
    images = [np.asarray(ax.images[0].get_array()) for ax in chapter.samples().axes if ax.images]
    trucks, novel, damaged = images[:2], images[2:8], images[8:]
    assert len(damaged) == 6
    assert np.array_equal(damaged[0][:, :16], trucks[0][:, :16])
    assert not any(np.array_equal(a, b) for a in trucks for b in (*novel, *damaged))
