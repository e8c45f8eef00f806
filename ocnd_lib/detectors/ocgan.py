"""OCGAN: every code must decode to the normal class (Perera et al., CVPR 2019)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.base import clone
from torch import Tensor, nn

from ocnd_lib import networks, training
from ocnd_lib.detail import in_details, lost_detail, reconstruction_error
from ocnd_lib.detectors.base import DRAWN, DeepDetector, to_pixels
from ocnd_lib.detectors.redrawer import Redrawer
from ocnd_lib.training import Checkpoint, batch_count, descend, evaluating, learn, says

VARIANTS = {  # encoder, decoder and critic
    "ours": (networks.Encoder, networks.Decoder, networks.Critic),
    "official61": (networks.Encoder61, networks.Decoder61, networks.Critic61),
}


class LatentDiscriminator(nn.Sequential):
    """Codes (N, latent_dim) → one logit (N, 1): uniform random (1) or an encoded image (0)."""

    def __init__(self, latent_dim: int):
        layers: list[nn.Module] = []
        for width in (128, 64, 32, 16):
            layers += [nn.Linear(latent_dim, width), nn.LeakyReLU(0.2)]
            latent_dim = width
        super().__init__(*layers, nn.Linear(latent_dim, 1))
        self.apply(networks.dcgan_weights)


class JointDiscriminator(nn.Module):
    """Images (N, channels, 32, 32) and their codes (N, latent_dim) → one logit (N,) a pair."""

    def __init__(self, channels: int, latent_dim: int, width: int):
        super().__init__()
        self.image = networks.Critic(channels, width)
        layers = [nn.Linear(64 * width + latent_dim, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1)]
        self.pair = nn.Sequential(*layers)
        self.pair.apply(networks.dcgan_weights)

    def forward(self, x: Tensor, codes: Tensor) -> Tensor:
        features = self.image.features(x).flatten(1)
        return self.pair(torch.cat([features, codes.to(features.dtype)], 1)).flatten()


def mine(
    codes: Tensor, decoder: nn.Module, classifier: nn.Module, steps: int, step_size: float
) -> Tensor:
    """Informative negatives: move codes (N, latent_dim) to where the decoder fails the classifier.

    The classifier says 1 for reconstructions and 0 for decodes of random codes; codes tanh(v)
    descend its loss to 0, `steps` times, by `step_size` · √latent_dim along the normalised gradient
    of each code alone. Both networks must be in evaluation mode. Source: the paper, section 3.4.
    """
    v = torch.atanh(0.999 * codes)
    for _ in range(steps):
        v = v.detach().requires_grad_(True)
        # the loss to 0 falls along the logit, whose gradient does not vanish when it is sure
        logit = classifier(decoder(torch.tanh(v))).float().sum()
        (slope,) = torch.autograd.grad(logit, v)
        length = slope.norm(dim=1, keepdim=True).clamp(min=1e-12)
        v = v - step_size * v.shape[1] ** 0.5 * slope / length
    return torch.tanh(v).detach()


@dataclass(eq=False, repr=False)
class OCGAN(DeepDetector):
    """One-class GAN: a denoising autoencoder whose whole code cube decodes to the normal class.

    Two discriminators judge codes and images, a weak classifier finds codes that decode badly, and
    the generator loss is 10·MSE + 1·latent + 1·visual. Score: mean squared reconstruction error.
    `latent`, `visual` and `mining` switch the parts off, down to the plain denoising autoencoder;
    without `visual` no random code is decoded, so nothing is mined. The paper (arXiv 1903.08550)
    has a `width` of 64, noise of variance (not deviation) 0.2, and more epochs. `variant`
    official61 has the networks of the authors' release.
    """

    draws = True

    latent_dim: int = 32  # size of the tanh code
    width: int = 32  # channels of the first layer of encoder, decoder and classifier
    variant: Literal["ours", "official61"] = "ours"  # networks for 32 pixels; the release's, for 61
    noise: float = 0.4  # standard deviation of the input noise, drawn anew each step
    dropout: float = 0.0  # share of the decoder's last features left out in training
    latent: bool = True  # the latent discriminator
    visual: bool = True  # the visual discriminator
    mining: bool = True  # informative-negative mining in the second half
    joint_discriminator: bool = False  # the visual one judges an image and its code together
    mining_steps: int = 5  # gradient steps on a code
    step_size: float = 0.1  # length of one step, in units of √latent_dim
    reconstruction_weight: float = 10.0  # of the squared error beside the adversarial losses
    detail_power: float = 0.0  # the score is the error divided by `lost_detail` to this power
    epochs: int = 30
    batch_size: int = 128
    learning_rate: float = 1e-3  # of every network, Adam with beta1 0.5

    def base_gan(self) -> "OCGAN":
        """One that is trained just as this one is, not yet trained."""
        return clone(self).set_params(detail_power=0.0)  # which changes only the score

    def _networks(self) -> dict[str, nn.Module]:
        channels, codes, narrow = self.channels_, self.latent_dim, max(self.width // 5, 4)
        encoder, decoder, critic = VARIANTS[self.variant]
        return {
            "encoder": encoder(channels, codes, self.width),
            "decoder": decoder(channels, codes, self.width, dropout=self.dropout),
            "latent_discriminator": LatentDiscriminator(codes),
            "visual_discriminator": JointDiscriminator(channels, codes, narrow)
            if self.joint_discriminator
            else critic(channels, narrow),
            "classifier": critic(channels, self.width),
        }

    def _enlarged(self, x: Tensor) -> Tensor:
        """Images of 32 pixels in the size that the networks take, bilinear, as the release does."""
        if self.variant == "ours":
            return x
        return F.interpolate(x, size=(61, 61), mode="bilinear", align_corners=False)

    def _shrunk(self, x: Tensor) -> Tensor:
        """Images of the networks' size with 32 pixels, each the mean of what it covers."""
        return F.interpolate(x, size=(32, 32), mode="area") if self.variant == "official61" else x

    def _learn(self, x: np.ndarray, x_validation: np.ndarray, checkpoint: Path | None) -> None:
        if self.dropout >= 1:
            raise ValueError(f"dropout is {self.dropout}; it must be below 1, or nothing is left")
        if self.variant == "official61" and self.joint_discriminator:
            raise ValueError("joint_discriminator is for 32 pixels; it has no variant official61")
        hardware, order = self.hardware(), training.seed_everything(self.seed)
        learner, x = Redrawer(self, hardware), torch.from_numpy(x).to(hardware.device)
        state = Checkpoint(checkpoint, order, self.base_gan()._of(x), **learner.parts)
        self.curves_ = state.curves
        in_epoch, half = batch_count(len(x), self.batch_size), self.epochs // 2
        mines = self.mining and self.visual

        def step(images: Tensor, number: int) -> dict[str, Tensor]:
            epoch = number // in_epoch
            mining = mines and epoch >= half
            classify = mines and epoch >= half - 1  # one epoch suffices it
            images = self._enlarged(images)
            with hardware.autocast():
                return learner.step(images, classify=classify, mining=mining)

        learn(step, learner.nets, x, self.batch_size, state, self.epochs)
        self.state_ = {**learner.nets, **learner.averaged.model}

    def _optimisers(self, nets: nn.ModuleDict) -> dict[str, torch.optim.Optimizer]:
        encoder, decoder, on_codes, on_images, classifier = nets.values()

        def adam(*parts: nn.Module) -> torch.optim.Adam:
            weights = [p for part in parts for p in part.parameters()]
            on_gpu = all(weight.is_cuda for weight in weights)  # then steps are recorded
            return torch.optim.Adam(weights, self.learning_rate, (0.5, 0.999), capturable=on_gpu)

        three = {"g": (encoder, decoder), "d": (on_codes, on_images), "c": (classifier,)}
        return {name: adam(*parts) for name, parts in three.items()}

    def _judge(self, on_images: nn.Module, images: Tensor, codes: Tensor) -> Tensor:
        return on_images(images, codes) if self.joint_discriminator else on_images(images)

    def _step(
        self, images: Tensor, noisy: Tensor, nets, optimisers, classify=False, mining=False
    ) -> dict[str, Tensor]:
        """Losses of one update of classifier, discriminators and generator, as in the paper."""
        encoder, decoder, on_codes, on_images, classifier = nets.values()
        codes = encoder(noisy).float()
        random = torch.rand_like(codes) * 2 - 1
        log = {}
        if self.visual:
            # in one batch, so that the batch-norm statistics kept for scoring know both kinds
            with torch.set_grad_enabled(not mining):  # the generator then learns from mined codes
                redrawn, drawn = decoder(torch.cat([codes, random])).chunk(2)
        else:
            redrawn = decoder(codes)

        if classify:  # 1: the weak classifier
            loss = says(classifier(redrawn.detach()), 1) + says(classifier(drawn.detach()), 0)
            descend(loss / 2, optimisers["c"])
            log["classifier"] = loss / 2
        if self.latent or self.visual:  # 2: the discriminators, which never see mined codes
            losses = {}
            if self.latent:
                real, false = on_codes(random), on_codes(codes.detach())
                losses["latent_discriminator"] = (says(real, 1) + says(false, 0)) / 2
            if self.visual:
                real = self._judge(on_images, images, codes.detach())
                false = self._judge(on_images, drawn.detach(), random)
                losses["visual_discriminator"] = (says(real, 1) + says(false, 0)) / 2
            descend(sum(losses.values()), optimisers["d"])
            log |= losses
        if mining:  # 3: half of the random codes give way to mined ones
            half = random[: len(random) // 2]
            with evaluating(decoder, classifier):
                mined = mine(half, decoder, classifier, self.mining_steps, self.step_size)
            random = torch.cat([mined, random[len(half) :]])
            redrawn, drawn = decoder(torch.cat([codes, random])).chunk(2)
        mse = F.mse_loss(redrawn.float(), images)  # 4: encoder and decoder
        losses = {}
        if self.latent:
            losses["latent"] = says(on_codes(codes), 1)
        if self.visual:
            losses["visual"] = says(self._judge(on_images, drawn, random), 1)
            if self.joint_discriminator:  # the encoder, too, makes pairs that cannot be told
                losses["visual"] = losses["visual"] + says(self._judge(on_images, images, codes), 0)
        descend(self.reconstruction_weight * mse + sum(losses.values()), optimisers["g"])
        log = {"mse": mse, **log, **losses}
        return {name: value.detach() for name, value in log.items()}

    def reconstruct(self, x: Tensor) -> Tensor:
        return self.decode(self.state_["encoder"](self._enlarged(x)))

    def decode(self, codes: Tensor) -> Tensor:
        return self._shrunk(self.state_["decoder"](codes))

    def pictures(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """As of every model, and `mined`: what becomes of the images of random codes by mining."""
        shown = super().pictures(x)
        if self.mining and self.visual:
            shown["mined"] = self.mined(DRAWN)["mined"]
        return shown

    def mined(self, count: int) -> dict[str, np.ndarray]:
        """Random codes before and after mining: `drawn` and `mined`, uint8 (count, C, 32, 32).

        `drawn_answer` and `mined_answer`: what the classifier says of each, (count,).
        """
        hardware = self.hardware()
        nets = [hardware.place(self.state_[name]) for name in ("decoder", "classifier")]
        codes = self.random_codes(count, torch.Generator().manual_seed(self.seed))
        found = {}
        with evaluating(*nets):
            before = codes.to(hardware.device)
            after = mine(before, *nets, self.mining_steps, self.step_size)
            for name, seen in (("drawn", before), ("mined", after)):
                with torch.no_grad():
                    images = nets[0](seen)
                    found[f"{name}_answer"] = nets[1](images).double().sigmoid().cpu().numpy()
                found[name] = to_pixels(self._shrunk(images))
        return found

    def _score(self, x: Tensor) -> Tensor:
        seen = self._enlarged(x)
        redrawn = self.state_["decoder"](self.state_["encoder"](seen))
        return in_details(reconstruction_error(seen, redrawn), lost_detail(x), self.detail_power)
