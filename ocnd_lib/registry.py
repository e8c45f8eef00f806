"""The detectors, and what each is given; how that was chosen the page `all_tables` shows."""

from collections.abc import Callable
from importlib import import_module

import numpy as np

from data_prep.masked_files import masked_sets
from ocnd_lib.data import ALIASES, class_index, load_images
from ocnd_lib.image_sets import ImageSet
from ocnd_lib.masked import make_scenes
from ocnd_lib.records import Cell

# method: module in ocnd_lib.detectors, class, settings that make the class this method
DETECTORS = {
    "ocsvm": ("ocsvm", "OCSVM", {}),
    "kde": ("kde", "KDE", {}),
    "pca": ("pca", "PCA", {}),
    "ae": ("autoencoder", "AutoEncoder", {}),
    "dae": ("autoencoder", "AutoEncoder", {"noise": 0.2}),
    "vae": ("vae", "VAE", {}),
    "pixelcnn": ("pixelcnn", "PixelCNN", {}),
    "gan": ("gan", "GAN", {}),
    "and": ("and_", "AND", {}),
    "anogan": ("anogan", "AnoGAN", {}),
    "f-anogan": ("f_anogan", "FAnoGAN", {}),
    "deep-svdd": ("deep_svdd", "DeepSVDD", {}),
    "ocgan": ("ocgan", "OCGAN", {}),
    "rotation": ("rotation", "Rotation", {}),
    "attention-gan": ("attention_gan", "AttentionGAN", {}),
    "attention-gan-auxiliary": ("attention_gan", "AttentionGAN", {"classifier": "auxiliary"}),
    "attention-gan-oracle": ("attention_gan", "AttentionGAN", {"classifier": "oracle"}),
}
# what differs between data sets, fixed before any test score of theirs was seen
LARGE = {"latent_dim": 128}
SETTINGS = {
    ("cifar10", "pca"): {"components": 128},
    # though by the rule 32 is better by 0.004 on airplane for the VAE
    **{("cifar10", method): LARGE for method in ("ae", "dae", "vae", "ocgan")},
    **{("cifar10", f"attention-gan{more}"): LARGE for more in ("", "-auxiliary", "-oracle")},
    ("cifar10", "and"): {"surprise": 0.1, "epochs": 10},  # the paper's weight; larger networks
    # decay: the paper's; 30 epochs of pretraining are better by 0.005, but take 1.7 times as long
    ("cifar10", "deep-svdd"): {"pretrain_decay": 5e-7, "pretrain_epochs": 10},
    # half as wide, since digits are simple; by time alone. A mirrored digit is no digit
    ("mnist", "rotation"): {"width": 32, "epochs": 8, "augment": False},
}
# sets that no choice has seen: each is given what was taken for the other
FROZEN = {"fashion_mnist": "mnist", "coil100": "cifar10"}
# Sets with masks have 150 to 900 images a class to learn from, MNIST 6 000: in batches of 32 and
# twice the epochs of the tables, 450 images make two thirds of MNIST's steps, and a cell takes a
# minute of a core, OCGAN's two. Deep SVDD as on CIFAR-10. By time and steps alone, before any score
REDRAWS = {"latent_dim": 128, "batch_size": 32, "epochs": 60}
WITH_MASKS = {
    **dict.fromkeys(("ae", "dae", "vae", "ocgan"), REDRAWS),
    "deep-svdd": {"batch_size": 32, "pretrain_decay": 5e-7, "pretrain_epochs": 10, "epochs": 30},
    "attention-gan": REDRAWS | {"joint_epochs": 10, "masked_epochs": 20},
    "rotation": {"batch_size": 32, "epochs": 40},
}
FEW = {"coco10": 7, "coil100": 10}  # times as many epochs: a few dozen images are one batch


def settings_of(dataset: str, method: str) -> dict:
    """What a method is given on a data set beside its defaults."""
    frozen = SETTINGS.get((FROZEN.get(dataset, dataset), method), {})
    settings = WITH_MASKS.get(method, {}) if dataset in masked_sets() else frozen
    if times := FEW.get(dataset):
        given = detector_class(method)(**settings).get_params()
        settings = settings | {k: v * times for k, v in given.items() if k.endswith("epochs")}
    return settings


# all classes would be too many bytes
PICTURED = {"mnist": "8", "cifar10": "truck", "coil100": "obj4", "fashion_mnist": "bag"}
ABLATED = {"mnist": ("8",), "cifar10": ("airplane", "truck")}  # of the attention-GAN
SCORED = {"anogan": 1000}  # test images, drawn by seed, where scoring all takes hours on a CPU

# images of another world
AUXILIARY = {
    "mnist": "fashion_mnist",
    "fashion_mnist": "mnist",
    "cifar10": "scenes",
    "mnist_on_cifar": "cifar10",  # pictures without a digit
}
SAME = {**ALIASES, "boat": "ship"}  # what a class is called elsewhere


def _another_world(images: ImageSet, normal_class: str) -> np.ndarray:
    """Training images of another data set, but for those of the normal class if it has it too."""
    if images.name not in AUXILIARY:
        known = ", ".join(AUXILIARY)
        raise ValueError(f"no auxiliary data set is known for {images.name}; there is for: {known}")
    world = AUXILIARY[images.name]
    # made anew, since whoever keeps scenes may have made them with other options
    other = make_scenes().without_masks() if world == "scenes" else load_images(world)
    normal = images.class_names[class_index(images, normal_class)]
    novel = [SAME.get(name, name) != normal for name in other.class_names]
    return other.x_train[np.array(novel)[other.y_train]]


# methods that see real novel images, and which: they stand in tables of their own
NEGATIVES: dict[str, Callable[[ImageSet, str], np.ndarray]] = {
    "attention-gan-auxiliary": _another_world,
    "attention-gan-oracle": lambda images, k: images.x_train[
        images.y_train != class_index(images, k)
    ],
}


def detector_class(method: str) -> type:
    """The class of a method, imported when it is asked for."""
    module, name, _ = DETECTORS[method]
    return getattr(import_module(f"ocnd_lib.detectors.{module}"), name)


# Sets with masks have a twelfth of MNIST's images a class, so they are seen twelve times as often;
# of COCO a few dozen objects make one batch: as many steps as on MNIST, or nearly.
LOOKS = LARGE | {"epochs": 360, "joint_epochs": 60, "masked_epochs": 120}
LOOKS_SETTINGS = {
    "cifar10": LARGE,
    "mnist_on_cifar": LOOKS,
    "scenes": LOOKS,
    "coco10": LARGE | {"epochs": 1200, "joint_epochs": 200, "masked_epochs": 400},
}


def keeps_pictures(cell: Cell) -> bool:
    """Whether the record of a detector's cell has pictures: one class and seed of a data set.

    Of variants on a data set of the tables pages show only OCGAN's without its parts, on MNIST.
    """
    # of sets with masks no page shows them, and not all terms allow it; of frozen ones AE's alone
    unseen = cell.dataset in masked_sets() or (cell.dataset in FROZEN and cell.method != "ae")
    if unseen or cell.method in NEGATIVES or cell.seed:
        return False
    parts = {"latent", "mining", "visual"}
    of_parts = (cell.dataset, cell.method) == ("mnist", "ocgan") and {*cell.parameters} <= parts
    of_all = cell.dataset not in PICTURED and not cell.method.startswith("attention-gan")
    seen = not cell.parameters or of_parts or of_all
    return seen and cell.normal_class == PICTURED.get(cell.dataset, cell.normal_class)
