"""Attention-GAN, the deck's own model: a map picks the pixels that a second GAN learns.

Sources: the deck's slides on the proposed model and its plans; what they leave open is said below.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from ocnd_lib.attention import attended_error, control_map, multiply
from ocnd_lib.detail import reconstruction_error
from ocnd_lib.detectors.base import DeepDetector, check_images
from ocnd_lib.detectors.map_learner import LEARNS_MAP, MapLearner
from ocnd_lib.detectors.ocgan import OCGAN
from ocnd_lib.detectors.redrawer import KEPT, Redrawer
from ocnd_lib.training import Checkpoint, batches, means, progress, seed_everything

REAL = ("auxiliary", "oracle")  # classifiers that see real novel images
ONCE = ("learned", False, False)  # what a map must be that learns while the base GAN does


@dataclass(eq=False, repr=False)
class AttentionGAN(DeepDetector):
    """Two GANs, one of the images and one of what an attention map leaves of them.

    1. The base GAN, an OCGAN, learns the normal images and then rests. 2. The attention map, drawn
    from the features of its decoder, or with `taps` its encoder, learns, and the masked GAN learns
    image x map beside it. 3. The map rests, and the masked GAN goes on, from new weights if
    `reinitialise`. Score: squared error of the base GAN over all pixels, plus that of the masked
    GAN over the pixels of the map, each standardised on in-class validation images. So by default;
    with `base_first` and `standardised` off and an `area_weight` of 0 it is the deck word by word.

    What the map learns: with a classifier, that masked normal images can be told from masked
    negatives. Without one, that the base GAN can redraw the whole image from what the map leaves
    (guidance "whole"), or that the masked GAN redraws that part well and its discriminator takes it
    for real ("masked", where flat pixels win). Its mean stays within bounds, or all black, or all
    of the image, would be best.

    For "auxiliary" (images of another world) and "oracle" (of the classes to be found) `fit` takes
    real novel `negatives`, uint8 (M, C, 32, 32); keep what comes of it apart from one-class
    numbers. It also takes the `base_checkpoint` of a base GAN that variants share.
    """

    draws = True

    latent_dim: int = 32  # size of the base GAN's tanh code; the masked GAN's is half of it
    width: int = 32  # channels of the first layer of both GANs
    noise: float = 0.4  # standard deviation of the input noise of both, drawn anew each step
    latent: bool = True  # latent discriminators; without them and mining: plain AE-GANs
    mining: bool = True  # informative-negative mining in the base GAN's second half
    joint_discriminator: bool = False  # judges an image and its code together
    taps: Literal["decoder", "encoder"] = "decoder"  # of the base GAN, whose layers make the map
    mask: Literal["learned", "random", "centre", "ones"] = "learned"  # or a control
    classifier: Literal["none", "generated", "auxiliary", "oracle"] = "none"  # its negatives
    guidance: Literal["whole", "masked"] = "whole"  # what to redraw well without classifier
    cbam: bool = False  # on each feature layer that the map is drawn from
    temperature: float = 1.0  # of the map's sigmoid; falls from 1 to this while it learns
    pretrain_mask: bool = False  # let the map learn before the masked GAN begins
    reinitialise: bool = False  # start the masked GAN afresh once the map rests
    least_area: float = 0.15  # bounds of the mean of a map
    most_area: float = 0.6
    area_weight: float = 10.0  # of the squared excess over a bound
    smoothness: float = 0.05  # weight of the map's total variation
    epochs: int = 30  # of the base GAN
    mask_epochs: int = 3  # of pre-training, if any
    joint_epochs: int = 5  # of map and masked GAN together
    masked_epochs: int = 10  # of the masked GAN on maps at rest
    base_first: bool = True  # or all learn at once in `epochs`, without mining or other phases
    standardised: bool = True  # or the score is the plain sum of both errors over all pixels
    batch_size: int = 128
    learning_rate: float = 1e-3  # of both GANs, Adam with beta1 0.5
    mask_rate: float = 2e-3  # of map and classifier

    def base_gan(self) -> OCGAN:
        """The base GAN, not yet trained, by the parameters that both have."""
        return OCGAN(**{k: v for k, v in self.get_params().items() if k in OCGAN.parameter_types()})

    def masked_gan(self) -> OCGAN:
        """The masked GAN, not yet trained: like the base, with half the code and no mining."""
        half = max(self.latent_dim // 2, 2)
        return self.base_gan().set_params(latent_dim=half, mining=False)

    def _phases(self) -> list[str]:
        """What learns in each epoch after the base GAN's: map, both it and the masked GAN, that."""
        if not self.base_first:
            return ["joint"] * self.epochs
        learns = self.mask == "learned"
        # a masked GAN that starts afresh gets the epochs back that it forgets
        again = self.joint_epochs if learns and self.reinitialise else 0
        return [
            *["mask"] * (self.mask_epochs if learns and self.pretrain_mask else 0),
            *["joint" if learns else "masked"] * self.joint_epochs,
            *["masked"] * (self.masked_epochs + again),
        ]

    def check_choices(self, negatives: np.ndarray | None) -> None:
        """ValueError for parameters that do not go together, or with these negatives."""
        if not 0 <= self.least_area < self.most_area <= 1:
            raise ValueError("least_area must be below most_area, both in [0, 1]")
        if not self.temperature > 0:
            raise ValueError("temperature must be above 0; 1 leaves the map as it is")
        if self.mask != "learned" and self.classifier != "none":
            raise ValueError(f"mask {self.mask!r} learns nothing; it needs classifier 'none'")
        if not self.base_first and (self.mask, self.pretrain_mask, self.reinitialise) != ONCE:
            raise ValueError(
                "base_first=False trains all at once: it needs mask 'learned', and neither "
                "pretrain_mask nor reinitialise"
            )
        if (negatives is not None) != (self.classifier in REAL):
            raise ValueError(
                "negatives, real novel images, are for classifier 'auxiliary' or 'oracle', and for "
                f"no other; this one is {self.classifier!r}"
            )

    def _learn(
        self, x: np.ndarray, x_validation: np.ndarray, checkpoint: Path | None,
        base_checkpoint: Path | None = None, negatives: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        self.check_choices(negatives)
        given = None if negatives is None else check_images(negatives, self.channels_)
        if checkpoint and not base_checkpoint:
            base_checkpoint = checkpoint.with_suffix(".base.pt")
        base, gan, first = self.base_gan(), self.masked_gan(), []
        base.channels_ = gan.channels_ = self.channels_
        if self.base_first:
            base._learn(x, x_validation, base_checkpoint)
            first = [{"phase": "base", **point} for point in base.curves_]
        hardware, generator = self.hardware(), seed_everything(self.seed)
        masked = Redrawer(gan, hardware)
        learner = MapLearner(self, hardware, given)
        parts = {"masked": masked, "learner": learner}
        if self.base_first:
            rests = nn.ModuleDict({name: base.state_[name] for name in KEPT}).eval()
        else:
            parts["base"] = Redrawer(base, hardware)
            rests = parts["base"].kept
        self.state_ = {"base": rests, "masked": masked.kept, **learner.nets}
        state = Checkpoint(checkpoint, generator, self._of(x, given), **parts)
        phases, images = self._phases(), torch.from_numpy(x).to(hardware.device)
        seen = None
        with progress(len(phases), "AttentionGAN, epochs", state.epoch) as bar:
            while state.epoch < len(phases):
                phase, temperature = phases[state.epoch], learner.temperature(state.epoch)
                if phase == "masked" and phase not in phases[: state.epoch] and self.reinitialise:
                    masked.restart()
                    self.state_["masked"] = masked.kept
                if phase == "masked" and seen is None:  # the map rests: multiplied once for all
                    maps = self._batchwise(self._map, x)
                    seen = torch.from_numpy((x * maps).round().astype(np.uint8)).to(images.device)
                for part in parts.values():
                    part.nets.train()
                log: list[dict] = []
                shown = images if seen is None else seen
                beside = masked if phase == "joint" else None
                for batch, _ in batches(shown, None, self.batch_size, generator):
                    with hardware.autocast():
                        if phase == "masked":
                            log.append(masked.step(batch))
                        else:
                            of_base = {} if self.base_first else parts["base"].step(batch)
                            step, left = learner.step(batch, temperature, beside)
                            step |= {f"base_{name}": loss for name, loss in of_base.items()}
                            log.append(step | beside.step(left) if beside else step)
                state.epoch += 1
                if phase in LEARNS_MAP and not set(phases[state.epoch :]) & set(LEARNS_MAP):
                    with hardware.autocast():
                        learner.settle(images)
                point = {"phase": phase, "epoch": len(first) + state.epoch}
                state.curves.append(point | means(log))
                state.save()
                bar.update()
        self.curves_ = first + state.curves
        known = self._batchwise(self._parts, x_validation)[:, :2].astype(np.float64)
        mean, spread = known.mean(0), known.std(0)
        if not self.standardised:
            mean, spread = np.zeros(2), np.ones(2)
        self.state_["standard"] = np.stack([mean, np.where(spread > 0, spread, 1)])

    def _map(self, x: Tensor, temperature: float | None = None) -> Tensor:
        if self.mask != "learned":
            # as large as a learned map, which begins at the upper bound and stays near it
            drawn = control_map(self.mask, self.most_area, self.seed).to(x.device)
            return drawn.expand(len(x), -1, -1, -1)
        logits = self.state_["attention"](self._features(x))
        return (logits.float() / (temperature or self.temperature)).sigmoid()

    def _features(self, x: Tensor) -> tuple[Tensor, ...]:
        """What the map is drawn from: layers of the base GAN, which gets no gradient."""
        base = self.state_["base"]
        with torch.no_grad():
            if self.taps == "encoder":
                return base["encoder"].features(x)
            return base["decoder"].features(base["encoder"](x))

    def _parts(self, x: Tensor) -> Tensor:
        """What `score_parts` returns, a column each: (N, 3), or (N, 4) with a classifier."""
        drawn, masked = self._map(x), self.state_["masked"]
        seen = multiply(x, drawn)
        again = masked["decoder"](masked["encoder"](seen))
        columns = [
            reconstruction_error(x, self.reconstruct(x)),
            attended_error(seen, again, drawn)
            if self.standardised
            else reconstruction_error(seen, again),
            drawn.mean((1, 2, 3)),
        ]
        if "classifier" in self.state_:
            columns.append(-self.state_["classifier"](x).float())
        return torch.stack(columns, 1)

    def _score(self, x: Tensor) -> Tensor:
        mean, spread = torch.from_numpy(self.state_["standard"]).float().to(x.device)
        return ((self._parts(x)[:, :2] - mean) / spread).sum(1)

    def score_parts(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Errors of both GANs, mean of the map, and what a classifier says of the whole image."""
        names = ("base", "masked", "area", "classifier")
        return dict(zip(names, self._batchwise(self._parts, x).T, strict=False))

    def attention_map(self, x: np.ndarray) -> np.ndarray:
        """uint8 images (N, C, 32, 32) → float32 maps (N, 1, 32, 32) in [0, 1], 1 where it looks."""
        return self._batchwise(self._map, x)

    def reconstruct(self, x: Tensor) -> Tensor:
        return self.decode(self.state_["base"]["encoder"](x))

    def decode(self, codes: Tensor) -> Tensor:
        return self.state_["base"]["decoder"](codes)

    def pictures(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """As of every model, and `map`, of one channel."""
        return super().pictures(x) | {"map": (self.attention_map(x) * 255).round().astype(np.uint8)}
