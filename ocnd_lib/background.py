"""Is the background noise? VGG11 learns one version of the crops, and is tested on every one.

    record, arrays = background_experiment(make_scenes(), "masked", seed=0)

Two networks of one seed differ by the pixels they saw and by nothing else.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from data_prep import voc_animals
from ocnd_lib import crops
from ocnd_lib.classifier import Recipe, fit, logits
from ocnd_lib.crops import Crops
from ocnd_lib.image_sets import MaskedSet
from ocnd_lib.masked import load_masked, make_mnist_on_cifar, make_scenes
from ocnd_lib.networks import VGG11
from ocnd_lib.training import Hardware, choose_hardware

# what may be learnt from crops c; `colour` is the mean colour of the training crops
VERSIONS: dict[str, Callable[[Crops, np.ndarray], np.ndarray]] = {
    "original": lambda c, colour: c.x,
    "masked": lambda c, colour: c.o,
    "mean-fill": lambda c, colour: crops.before_colour(c.o, c.m, colour),
    "centre": lambda c, colour: crops.dimmed(c.x, c.m),
    "background": lambda c, colour: crops.background_only(c.x, c.o),
    "silhouette": lambda c, colour: crops.silhouette(c.m),
}
# what a test shows: who relies on backgrounds is misled by one that belongs to another class
SHOWN = {**VERSIONS, "swapped": lambda c, colour: crops.swapped(c)}
# as the deck names it: VGG11, no batch norm, no augmentation; Adam was taken by the training loss
RECIPE = Recipe(
    batch_norm=False, augment=False, batch_size=64, epochs=15, optimiser="adam", learning_rate=2e-4
)
# Epochs by the training crops alone, before any answer to a test crop was seen: with the scenes as
# they are 99.5 % of them were answered rightly in the tenth of 15 (seed 0). A fold of VOC has a
# fifth of their crops to learn from: at half the batch 30 epochs make as many steps, 840.
CHANGED = {"scenes": {"epochs": 10}, "voc_animals": {"batch_size": 32, "epochs": 30}}
FOLDS = voc_animals.FOLDS
FOLDED = (voc_animals.NAME,)  # sets whose crops are tested fold by fold
REACHED = 0.8  # the accuracy up to which the deck counts epochs


def versions(given: Crops, colour: np.ndarray) -> dict[str, np.ndarray]:
    """Every version of crops that a test shows, uint8 (N, 3, 32, 32), by its name."""
    return {name: show(given, colour) for name, show in SHOWN.items()}


@dataclass(frozen=True, eq=False)
class Fold(MaskedSet):
    """A set whose test crops are one fold; `rows` (N,) are their numbers among those of all."""

    rows: np.ndarray


def balanced_fold(parts: Sequence[MaskedSet], fold: int) -> Fold:
    """One fold as the test, the others to learn from, with as many crops of each class in every.

    `parts` have one fold each as their test. The smallest class of a fold decides how many are
    drawn of all, always the same. ValueError if a fold lacks a class.
    """
    kept, rng, before = [], np.random.default_rng(0), 0
    for number, part in enumerate(parts):
        y = part.test.y
        rows = [rng.permutation(np.flatnonzero(y == k)) for k in range(len(part.class_names))]
        least = min(map(len, rows))
        if not least:
            raise ValueError(f"fold {number} lacks a class; there are too few crops for folds")
        drawn = np.sort(np.concatenate([some[:least] for some in rows]))
        kept.append(Crops(*(array[drawn] for array in part.test)))
        if number == fold:
            numbers = (before + drawn).astype(np.int32)
        before += len(y)
    train = Crops(*map(np.concatenate, zip(*kept[:fold], *kept[fold + 1 :], strict=True)))
    this = parts[fold]
    return Fold(this.name, train, kept[fold], this.class_names, this.fingerprint, numbers)


def small_set(name: str, background_correlation: float, per_class: int, seed: int) -> MaskedSet:
    """Crops for this moment, a fifth of them test crops; of `coco10` all there is is taken."""
    size = {"per_class": per_class, "test": 10 * max(1, round(per_class / 5)), "seed": seed}
    if name == "scenes":
        return make_scenes(background_correlation, **size)
    return make_mnist_on_cifar(**size) if name == "mnist_on_cifar" else load_masked(name)


def background_experiment(
    images: MaskedSet, arm: str, seed: int, recipe: Recipe = RECIPE,
    checkpoint: Path | None = None, hardware: Hardware | None = None,
) -> tuple[dict, dict[str, np.ndarray]]:  # fmt: skip
    """Train on the version `arm` of the training crops, test on every version of the test crops.

    Returns (record without its cell, arrays): `predicted_VERSION` and `y_test`, uint8 (N,). The
    test crops are only looked at. ValueError for an unknown arm.
    """
    if arm not in VERSIONS:
        raise ValueError(f"there is no version {arm!r} of a crop; there are: {', '.join(VERSIONS)}")
    hardware = hardware or choose_hardware()
    colour = crops.mean_colour(images.train.x)
    y_train, y_test = images.train.y, images.test.y
    train, test = VERSIONS[arm](images.train, colour), versions(images.test, colour)

    def answers(model: VGG11, x: np.ndarray) -> np.ndarray:
        return logits(model, x, hardware).argmax(1).astype(np.uint8)

    def watch(model: VGG11) -> dict[str, float]:
        return {"test_accuracy": float(np.mean(answers(model, test[arm]) == y_test))}

    model, curves = fit(train, y_train, recipe, seed, watch, checkpoint, hardware)
    predicted = {name: answers(model, x) for name, x in test.items()}
    classes = len(images.class_names)
    record = {
        "parameters": {"arm": arm, **asdict(recipe)},
        "train_counts": np.bincount(y_train, minlength=classes).tolist(),
        "test_counts": np.bincount(y_test, minlength=classes).tolist(),
        "metrics": {
            "accuracy": float(np.mean(predicted[arm] == y_test)),
            "epochs_to_80_train": next(
                (point["epoch"] for point in curves if point["train_accuracy"] >= REACHED), None
            ),
        },
        "curves": curves,
        "seconds": sum(point["seconds"] for point in curves),
    }
    arrays = {f"predicted_{name}": answer for name, answer in predicted.items()}
    return record, arrays | {"y_test": y_test.astype(np.uint8)}
