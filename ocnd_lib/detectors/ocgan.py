"""OCGAN: every code, wherever it lies, must decode to the normal class.

Perera, Nallapati and Xiang, CVPR 2019, arXiv 1903.08550.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ocnd_lib.detectors.base import DRAWN, DeepDetector, to_pixels
from ocnd_lib.networks import Critic, Decoder, Encoder, dcgan_weights, uniform_codes
from ocnd_lib.training import Averaged, Checkpoint, batches, progress, says, seed_everything


@contextmanager
def evaluating(*networks: nn.Module) -> Iterator[None]:
    """Hold networks in evaluation mode, their parameters frozen; both are undone afterwards."""
    for network in networks:
        network.eval().requires_grad_(False)
    try:
        yield
    finally:
        for network in networks:
            network.train().requires_grad_(True)


class LatentDiscriminator(nn.Sequential):
    """Codes (N, latent_dim) → one logit (N, 1): uniform random (1) or an encoded image (0)."""

    def __init__(self, latent_dim: int):
        layers: list[nn.Module] = []
        for width in (128, 64, 32, 16):
            layers += [nn.Linear(latent_dim, width), nn.LeakyReLU(0.2)]
            latent_dim = width
        super().__init__(*layers, nn.Linear(latent_dim, 1))
        self.apply(dcgan_weights)


def mine(
    codes: Tensor, decoder: nn.Module, classifier: nn.Module, steps: int, step_size: float
) -> Tensor:
    """Informative negatives: move codes (N, latent_dim) to where the decoder fails the classifier.

    The classifier says 1 for reconstructions and 0 for decodes of random codes; codes descend its
    loss to 0, `steps` times, by `step_size` · √latent_dim along the gradient of each code alone
    (normalised, so that a saturated classifier still moves it). They move as l = tanh(v), hence
    stay in (-1, 1). Networks are used as they are (call with both in evaluation mode) and keep
    no gradient. Paper, section 3.4; descending the loss to 1 would be the wrong way.
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


class OCGAN(DeepDetector):
    """One-class GAN: a denoising autoencoder whose whole code cube decodes to the normal class.

    Two discriminators judge codes and images, a weak classifier finds codes that decode badly, and
    the generator loss is 10·MSE + 1·latent + 1·visual. Score: mean squared reconstruction error.
    `latent`, `visual` and `mining` switch the parts off one by one, down to the plain denoising
    autoencoder. The last epoch, with averaged weights, is the model; the paper picks the epoch with
    the lowest in-class validation error, which prefers what also redraws novel images well.
    """

    def __init__(
        self,
        latent_dim: int = 16,  # size of the tanh code
        width: int = 32,  # channels of the first layer of encoder, decoder and classifier
        noise: float = 0.2,  # standard deviation of the input noise, drawn anew each step
        latent: bool = True,  # the latent discriminator
        visual: bool = True,  # the visual discriminator
        mining: bool = True,  # informative-negative mining in the second half
        mining_steps: int = 5,  # gradient steps on a code
        step_size: float = 0.1,  # length of one step, in units of √latent_dim
        reconstruction_weight: float = 10.0,  # of the squared error beside the adversarial losses
        epochs: int = 30,
        batch_size: int = 128,
        learning_rate: float = 2e-4,  # of every network, Adam with beta1 0.5
        seed: int = 0,
        device: str = "auto",
    ):
        self.latent_dim = latent_dim
        self.width = width
        self.noise = noise
        self.latent = latent
        self.visual = visual
        self.mining = mining
        self.mining_steps = mining_steps
        self.step_size = step_size
        self.reconstruction_weight = reconstruction_weight
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.seed = seed
        self.device = device

    def _networks(self) -> dict[str, nn.Module]:
        return {
            "encoder": Encoder(self.channels_, self.latent_dim, self.width),
            "decoder": Decoder(self.channels_, self.latent_dim, self.width),
            "latent_discriminator": LatentDiscriminator(self.latent_dim),
            "visual_discriminator": Critic(self.channels_, max(self.width // 5, 4)),
            "classifier": Critic(self.channels_, self.width),
        }

    def _learn(self, x: np.ndarray, x_validation: np.ndarray, checkpoint: Path | None) -> None:
        hardware, generator = self._hardware(), seed_everything(self.seed)
        x = torch.from_numpy(x).to(hardware.device)
        nets = hardware.place(nn.ModuleDict(self._networks()))
        encoder, decoder, on_codes, on_images, classifier = nets.values()
        redraws = nn.ModuleDict({"encoder": encoder, "decoder": decoder})
        averaged = Averaged(redraws)
        judges = [on_codes, on_images]

        def adam(*parts: nn.Module) -> torch.optim.Adam:
            weights = [p for part in parts for p in part.parameters()]
            return torch.optim.Adam(weights, lr=self.learning_rate, betas=(0.5, 0.999))

        optimisers = {"g": adam(encoder, decoder), "d": adam(*judges), "c": adam(classifier)}
        state = Checkpoint(checkpoint, generator, nets=nets, averaged=averaged, **optimisers)
        epoch, self.curves_ = state.load()
        steps = self.epochs * max(1, round(len(x) / self.batch_size))
        bar = progress(steps, "OCGAN", start=epoch * steps // self.epochs)
        while epoch < self.epochs:
            nets.train()
            half = self.epochs // 2
            mining = self.mining and self.visual and epoch >= half
            classify = self.mining and self.visual and epoch >= half - 1  # one epoch suffices it
            log: list[dict] = []
            for images, _ in batches(x, None, self.batch_size, generator):
                noisy = images + self.noise * torch.randn_like(images)
                with hardware.autocast():
                    step = self._step(images, noisy, nets, optimisers, classify, mining)
                averaged.update(redraws)
                log.append(step)
                bar.update()
                bar.set_postfix(epoch=epoch + 1, loss=f"{step['mse']:.4f}", refresh=False)
            epoch += 1
            means = {name: float(np.mean([step[name] for step in log])) for name in log[0]}
            self.curves_.append({"epoch": epoch, **means})
            state.save(epoch, self.curves_)
        bar.close()
        self.state_ = {**nets, **averaged.model}

    def _step(
        self, images: Tensor, noisy: Tensor, nets, optimisers, classify: bool, mining: bool
    ) -> dict[str, float]:
        """One update of classifier, discriminators and generator, in the order of the paper."""
        encoder, decoder, on_codes, on_images, classifier = nets.values()
        codes = encoder(noisy).float()
        random = torch.rand_like(codes) * 2 - 1
        # in one batch, so that the batch-norm statistics kept for scoring know both kinds of code
        redrawn, drawn = decoder(torch.cat([codes, random])).chunk(2)
        log = {}

        if classify:  # 1: the weak classifier
            loss = says(classifier(redrawn.detach()), 1) + says(classifier(drawn.detach()), 0)
            self._descend(loss / 2, optimisers["c"])
            log["classifier"] = loss.item() / 2
        if self.latent or self.visual:  # 2: the discriminators, which never see mined codes
            loss = torch.zeros((), device=images.device)
            if self.latent:
                loss = loss + says(on_codes(random), 1) + says(on_codes(codes.detach()), 0)
            if self.visual:
                loss = loss + says(on_images(images), 1) + says(on_images(drawn.detach()), 0)
            self._descend(loss / 2, optimisers["d"])
            log["discriminators"] = loss.item() / 2
        if mining:  # 3: half of the random codes give way to mined ones
            half = random[: len(random) // 2]
            with evaluating(decoder, classifier):
                mined = mine(half, decoder, classifier, self.mining_steps, self.step_size)
                with torch.no_grad():
                    before = classifier(decoder(half)).sigmoid().mean()
                    after = classifier(decoder(mined)).sigmoid().mean()
            log |= {"before_mining": before.item(), "after_mining": after.item()}
            drawn = decoder(torch.cat([mined, random[len(half) :]]))
        mse = F.mse_loss(redrawn.float(), images)  # 4: encoder and decoder
        loss = self.reconstruction_weight * mse
        if self.latent:
            loss = loss + says(on_codes(codes), 1)
        if self.visual:
            loss = loss + says(on_images(drawn), 1)
        self._descend(loss, optimisers["g"])
        return {"mse": mse.item(), **log}

    @staticmethod
    def _descend(loss: Tensor, optimiser: torch.optim.Optimizer) -> None:
        optimiser.zero_grad(set_to_none=True)
        weights = [p for group in optimiser.param_groups for p in group["params"]]
        slopes = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
        for weight, slope in zip(weights, slopes, strict=True):
            weight.grad = slope
        optimiser.step()

    def reconstruct(self, x: Tensor) -> Tensor:
        """Images in [-1, 1] (N, C, 32, 32) → their reconstructions."""
        return self.decode(self.state_["encoder"](x))

    def random_codes(self, count: int, generator: torch.Generator) -> Tensor:
        """Codes as in training, uniform in (-1, 1)."""
        return uniform_codes(count, self.latent_dim, generator)

    def decode(self, codes: Tensor) -> Tensor:
        """Codes (N, latent_dim) → images in [-1, 1] (N, C, 32, 32)."""
        return self.state_["decoder"](codes)

    def pictures(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """As of every model, and `mined`: what becomes of the images of random codes by mining."""
        shown = super().pictures(x)
        if not (self.mining and self.visual):
            return shown
        hardware = self._hardware()
        decoder, classifier = self.state_["decoder"], self.state_["classifier"]
        codes = self.random_codes(DRAWN, torch.Generator().manual_seed(self.seed))
        with evaluating(decoder, classifier):
            codes = codes.to(hardware.device)
            mined = mine(codes, decoder, classifier, self.mining_steps, self.step_size)
            with torch.no_grad():
                return {**shown, "mined": to_pixels(decoder(mined))}

    def _score(self, x: Tensor) -> Tensor:
        return (x - self.reconstruct(x).float()).square().mean((1, 2, 3))
