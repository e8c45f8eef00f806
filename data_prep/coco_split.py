"""Which objects are taken, and on which side of the split: whole photographs, classes balanced."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from data_prep.masked_files import per_class_counts


class Item(NamedTuple):
    """One object that qualifies: its annotation, its photograph, its class from 0."""

    annotation_id: int
    image_id: int
    label: int


class Choice(NamedTuple):
    """The objects of each side by annotation id, and for each class that is short: got, wanted."""

    train: list[Item]
    test: list[Item]
    short: dict[int, tuple[int, int]]


def choose(
    items: Sequence[Item], per_class=550, test=500, seed: int = 0, fewer=False, classes: int = 10
) -> Choice:
    """Choose `per_class` objects of each class, `test` in all for the test side, by photograph.

    All objects of a photograph are on one side. The order in which photographs are considered
    hangs on `seed` and their ids only, so a photograph that drops out moves few others. With
    `fewer`, a class with too few objects gives what it has, in the same proportion.
    """
    n_train, n_test = per_class_counts(per_class, test, classes)
    photographs = defaultdict(list)
    for item in sorted(items):
        photographs[item.image_id].append(item)
    counts = {key: Counter(item.label for item in group) for key, group in photographs.items()}
    available = Counter(item.label for item in items)
    labels = range(classes)
    for_test, for_train = dict.fromkeys(labels, n_test), dict.fromkeys(labels, n_train)
    if fewer:
        for label in labels:
            count = min(per_class, available[label])
            for_test[label] = max(round(count * n_test / per_class), min(count - 1, 1), 0)
            for_train[label] = count - for_test[label]
    order = sorted(photographs, key=lambda key: hashlib.sha256(f"{seed}/{key}".encode()).digest())
    tested = _test_photographs(order, counts, available, for_train, for_test)
    in_train = _first([key for key in order if key not in tested], photographs, for_train)
    in_test = _first([key for key in order if key in tested], photographs, for_test)
    got, tests = Counter(i.label for i in in_train + in_test), Counter(i.label for i in in_test)
    few = [k for k in labels if got[k] < per_class or tests[k] < for_test[k]]
    return Choice(in_train, in_test, {k: (got[k], per_class) for k in few})


def _test_photographs(order, counts, available, for_train, for_test) -> set[int]:
    """Photographs with each class's test objects, that leave enough of every class to train on."""
    tested, used = set(), Counter()
    for label in for_test:
        for key in order:
            if used[label] >= for_test[label]:
                break
            brings = counts[key]
            spared = (available[k] - used[k] - n >= for_train[k] for k, n in brings.items())
            if brings[label] and key not in tested and all(spared):
                tested.add(key)
                used += brings
    return tested


def _first(order, photographs, wanted) -> list[Item]:
    """The first objects of each class, as many as wanted, of the photographs on one side."""
    taken, count = [], Counter()
    for key in order:
        for item in photographs[key]:
            if count[item.label] < wanted[item.label]:
                taken.append(item)
                count[item.label] += 1
    return sorted(taken)
