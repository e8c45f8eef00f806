"""VGG11 as a supervised classifier: training, scores, and the class-imbalance experiment."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_type_hints

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ocnd_lib import training
from ocnd_lib.data import imbalanced_split
from ocnd_lib.detectors.base import check_images
from ocnd_lib.image_sets import ImageSet
from ocnd_lib.networks import VGG11
from ocnd_lib.settings import check_settings
from ocnd_lib.stats import auroc_interval, decision_numbers


@dataclass(frozen=True)
class Recipe:
    """How a VGG11 is trained; the defaults are those of the recorded results."""

    batch_norm: bool = True
    class_weight: Literal["none", "balanced"] = "none"  # of each class in the loss
    epochs: int = 15
    batch_size: int = 128
    learning_rate: float = 0.05  # peak; of sgd without batch norm a fifth of it
    weight_decay: float = 5e-4
    augment: bool = True  # mirror, and shift by up to 4 px
    width: int = 64  # channels of the first layer, 64 in VGG11; the others in proportion
    optimiser: Literal["sgd", "adam"] = "sgd"  # with momentum 0.9; or AdamW

    def __post_init__(self):
        check_settings(asdict(self), get_type_hints(Recipe))


@training.own_random_numbers()
def fit(
    x: np.ndarray, y: np.ndarray, recipe: Recipe, seed: int,
    watch: Callable[[VGG11], dict] | None = None, checkpoint: Path | None = None,
    hardware: training.Hardware | None = None,
) -> tuple[VGG11, list[dict]]:  # fmt: skip
    """Train a VGG11 on uint8 images (N, C, 32, 32) and labels (N,) 0, 1, … .

    The last epoch is the model. What `watch(model)` says after each epoch joins the curve; nothing
    is ever chosen by it. With `checkpoint`, a stopped run goes on bit for bit. Returns (model, one
    dict an epoch). ValueError for other images, and unless every label from 0 to the largest has an
    image; Diverged if a loss is no number.
    """
    x, y = check_images(x, least=2), np.asarray(y)
    if y.dtype.kind not in "iu" or y.shape != x.shape[:1] or y.min() < 0:
        given = f"{y.dtype} {y.shape}"
        raise ValueError(f"labels must be one whole number from 0 an image, not {given}")
    if missing := sorted(set(range(y.max() + 1)).difference(y.tolist())):
        raise ValueError(f"class {missing[0]} has no image to learn from")
    y = np.require(y, np.int64, ["C", "W"])
    hardware = hardware or training.choose_hardware()
    of = training.fingerprint(recipe, seed, x, y)
    generator = training.seed_everything(seed)
    x, y = torch.from_numpy(x).to(hardware.device), torch.from_numpy(y).to(hardware.device)
    counts = torch.bincount(y).float()
    model = hardware.place(VGG11(x.shape[1], len(counts), recipe.batch_norm, recipe.width))
    weight = len(y) / (len(counts) * counts) if recipe.class_weight == "balanced" else None

    steps = recipe.epochs * training.batch_count(len(x), recipe.batch_size)
    optimiser = _optimiser(model, recipe)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: one_cycle(step / steps))

    parts = {"model": model, "optimiser": optimiser, "schedule": schedule}
    state = training.Checkpoint(checkpoint, generator, of, **parts)
    done = state.epoch * steps // recipe.epochs
    augment = training.shift_and_flip if recipe.augment else None
    with training.progress(steps, "VGG11", done) as bar:
        while state.epoch < recipe.epochs:
            start = time.perf_counter()
            model.train()
            loss_sum, correct, seen = 0.0, 0, 0
            for images, labels in training.batches(x, y, recipe.batch_size, generator, augment):
                with hardware.autocast():
                    output = model(images)
                loss = F.cross_entropy(output.float(), labels, weight)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
                schedule.step()
                correct += (output.argmax(1) == labels).sum().item()
                seen += len(labels)
                loss_sum += loss.item() * len(labels)
                bar.update()
                bar.set_postfix(epoch=state.epoch + 1, loss=f"{loss.item():.3f}", refresh=False)
            state.epoch += 1
            if not np.isfinite(loss_sum):
                raise training.Diverged(
                    f"the loss of epoch {state.epoch} is no number: training diverged; "
                    "try a lower rate"
                )
            point = {
                "epoch": state.epoch,
                "train_loss": loss_sum / seen,
                "train_accuracy": correct / seen,
                **(watch(model) if watch else {}),
            }
            state.curves.append({**point, "seconds": time.perf_counter() - start})
            state.save()
    return model, state.curves


def _optimiser(model: VGG11, recipe: Recipe) -> torch.optim.Optimizer:
    weights, decay = model.parameters(), recipe.weight_decay
    if recipe.optimiser == "adam":
        return torch.optim.AdamW(weights, recipe.learning_rate, weight_decay=decay)
    rate = recipe.learning_rate if recipe.batch_norm else recipe.learning_rate / 5
    return torch.optim.SGD(weights, rate, momentum=0.9, weight_decay=decay, nesterov=True)


def one_cycle(progress: float) -> float:
    """Learning rate as a share of its peak: linear rise over the first fifth, linear fall to 0."""
    return min(progress / 0.2, max(0.0, (1 - progress) / 0.8))


@torch.inference_mode()
def logits(model: VGG11, x: np.ndarray, hardware: training.Hardware | None = None) -> np.ndarray:
    """Logits (N, classes), float32, of uint8 images in evaluation mode."""
    hardware = hardware or training.choose_hardware()
    model.eval()
    parts = []
    for pictures in torch.from_numpy(check_images(x)).split(500):
        with hardware.autocast():
            parts.append(model(training.to_unit(pictures.to(hardware.device))).float().cpu())
    return torch.cat(parts).numpy()


def novel_score(output: Tensor | np.ndarray) -> Tensor | np.ndarray:
    """Two logits → log-odds of novel, 0 where the classifier is undecided."""
    return output[:, 1] - output[:, 0]


def imbalance_experiment(
    images: ImageSet, normal_class: int | str, seed: int, ratio: float, recipe: Recipe,
    checkpoint: Path | None = None, hardware: training.Hardware | None = None,
) -> tuple[dict, dict[str, np.ndarray]]:  # fmt: skip
    """One class normal, the rest novel; `ratio` novel images a normal one in the training set.

    Returns (record without its cell, arrays: the test scores and labels). The test set is whole and
    only looked at, never learnt from.
    """
    hardware = hardware or training.choose_hardware()
    split = imbalanced_split(images, normal_class, ratio, seed)

    def watch(model: VGG11) -> dict:
        wrong = (novel_score(logits(model, split.x_test, hardware)) > 0) != split.y_test
        return {
            "test_accuracy": float(1 - wrong.mean()),
            "test_recall": [float(1 - wrong[split.y_test == k].mean()) for k in (0, 1)],
        }

    model, curves = fit(split.x_train, split.y_train, recipe, seed, watch, checkpoint, hardware)
    score = novel_score(logits(model, split.x_test, hardware))
    _, low, high = auroc_interval(split.y_test, score)
    numbers = decision_numbers(split.y_test, score)
    record = {
        "parameters": {"ratio": ratio, **asdict(recipe)},
        "train_counts": np.bincount(split.y_train).tolist(),
        "test_counts": np.bincount(split.y_test).tolist(),
        "metrics": {**numbers, "auroc_low": low, "auroc_high": high},
        "curves": curves,
        "seconds": sum(point["seconds"] for point in curves),
    }
    return record, {"score": score, "novel": split.y_test.astype(np.uint8)}
