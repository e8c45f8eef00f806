"""Chapter 1: what its sentences take from records; the notebook asserts those of its points."""

import numpy as np

from report.chapters import what_is_a_novelty as chapter


def test_one_auroc_is_known_to_one_or_two_hundredths():
    found = chapter.numbers()
    assert 0.005 < found["width_90"] < found["width_65"] < 0.025


def test_the_samples_are_trucks_other_classes_and_damaged_trucks():
    images = [np.asarray(ax.images[0].get_array()) for ax in chapter.samples().axes if ax.images]
    trucks, novel, damaged = images[:2], images[2:8], images[8:]
    assert len(damaged) == 6
    assert np.array_equal(damaged[0][:, :16], trucks[0][:, :16])
    assert not any(np.array_equal(a, b) for a in trucks for b in (*novel, *damaged))
