"""Which objects are taken, and on which side of the split: whole photographs, classes balanced."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from data_prep.masked_files import per_class_counts


@dataclass(frozen=True, order=True)
class Item:
    """One object that qualifies: its annotation, its photograph, its class from 0."""

    annotation_id: int
    image_id: int
    label: int


@dataclass(frozen=True)
class Choice:
    """The objects of each side by annotation id, and for each class that is short: got, wanted."""

    train: list[Item]
    test: list[Item]
    short: dict[int, tuple[int, int]]


def choose(
    items: Sequence[Item],
    per_class: int = 550,
    test: int = 500,
    seed: int = 0,
    fewer: bool = False,
    classes: int = 10,
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
    sides = {
        True: _first(order, photographs, tested.__contains__, for_test),
        False: _first(order, photographs, lambda key: key not in tested, for_train),
    }
    got = Counter(item.label for item in [*sides[True], *sides[False]])
    got_test = Counter(item.label for item in sides[True])
    short = {
        label: (got[label], per_class)
        for label in labels
        if got[label] < per_class or got_test[label] < for_test[label]
    }
    return Choice(sides[False], sides[True], short)


def _test_photographs(order, counts, available, for_train, for_test) -> set[int]:
    """Pick photographs until each class has its test objects.

    None is picked that would leave too few objects of any class to train on.
    """
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


def _first(order, photographs, is_here, wanted) -> list[Item]:
    """The first objects of each class, as many as wanted, of the photographs on one side."""
    taken, count = [], Counter()
    for key in filter(is_here, order):
        for item in photographs[key]:
            if count[item.label] < wanted[item.label]:
                taken.append(item)
                count[item.label] += 1
    return sorted(taken)
