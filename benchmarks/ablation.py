"""What rotation might learn besides: `python -m benchmarks.ablation` fills results/ablation.csv."""

from dataclasses import dataclass
from itertools import product

import pandas as pd
import torch
import torch.nn.functional as F
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from data_prep.files import replace_file
from ocnd_lib.data import load_images, one_class_split
from ocnd_lib.detectors.rotation import TURNS, Rotation, answered, turned
from ocnd_lib.records import REPOSITORY, claim
from ocnd_lib.selection import validation_aurocs
from ocnd_lib.training import one_thread, shift_and_flip

TABLE, WORK = REPOSITORY / "results" / "ablation.csv", REPOSITORY / "_build" / "ablation"
OTHERWISE = {"contrast": {"epochs": 10}, "narrow": {"width": 48, "epochs": 36}}  # same work
TRIED = ("plain", "contrast", "narrow", "moves", "linear")
CLASSES = {"airplane": 0, "cat": 3, "truck": 9}  # of CIFAR-10


@dataclass(eq=False, repr=False)
class Tried(Rotation):
    """Rotation, with telling copies of an image from others (Tack et al. 2020), or by how much it
    was moved (Hendrycks et al. 2019), or without a hidden layer."""

    tried: str = "plain"

    def _networks(self) -> dict[str, nn.Module]:
        network = super()._networks()["network"]
        network.further = nn.Linear(4 * self.width, 128)
        if self.tried == "linear":
            network.head = nn.Linear(4 * self.width, TURNS)
        return {"network": network}

    def _seen(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        copies = [shift_and_flip(batch, generator) for _ in range(1 + (self.tried == "contrast"))]
        turns = turned(torch.cat(copies))
        for k in range(9 if self.tried == "moves" else 0):  # by a quarter of the side, or not
            turns[k::9] = turns[k::9].roll((8 * (k // 3 - 1), 8 * (k % 3 - 1)), (2, 3))
        return turns

    def _task(self, network: nn.Module, turns: Tensor) -> tuple[Tensor, Tensor]:
        features, places = network.pooled(turns), torch.arange(len(turns), device=turns.device)
        loss, right = answered(network.head(features).float())
        further = network.further(features).float()
        if self.tried == "moves":
            loss = loss + F.cross_entropy(further[:, :9], places % 9)
        elif self.tried == "contrast":
            vectors = F.normalize(further, dim=1)
            close = (vectors @ vectors.T / 0.5).fill_diagonal_(-torch.inf)
            loss = loss + F.cross_entropy(close, places.view(TURNS, 2, -1).flip(1).flatten())
        return loss, right


if __name__ == "__main__":
    for seed, tried, name in product(range(2), TRIED, CLASSES):
        checkpoint = WORK / f"{tried}-{name}-{seed}.pt"
        with claim(checkpoint.with_suffix(".lock")) as free, one_thread():
            of = {"variant": tried, "class": name, "seed": seed}
            if not free or (pd.read_csv(TABLE)[[*of]] == pd.Series(of)).all(axis=1).any():
                continue
            split = one_class_split(load_images("cifar10"), CLASSES[name], seed)
            detector = Tried(**OTHERWISE.get(tried, {}), tried=tried, seed=seed)
            held_out = split.x_validation
            detector.fit(split.x_train, x_validation=held_out, checkpoint=checkpoint)
            for part, surprise in (("score", True), ("distance", False)):
                detector.set_params(surprise=surprise)
                of[part] = roc_auc_score(split.y_test, detector.novelty_score(split.x_test))
                of[f"{part}_validation"] = validation_aurocs(detector, held_out)["mean"]
            with claim(WORK / "table.lock", wait=True):
                rows = pd.concat([pd.read_csv(TABLE), pd.DataFrame([of])]).to_csv(index=False)
                replace_file(TABLE, lambda file, rows=rows: file.write(rows.encode()))
            checkpoint.unlink()  # code may change, of which a checkpoint knows nothing
