"""What the tests of Attention-GAN share: small settings, and a map at its first step."""

import torch
from torch import nn

from ocnd_lib.detectors.attention_gan import AttentionGAN
from ocnd_lib.detectors.map_learner import MapLearner
from ocnd_lib.detectors.redrawer import Redrawer
from ocnd_lib.training import choose_hardware

TINY = dict(
    latent_dim=4, width=4, noise=0.2, mining=False, epochs=2, joint_epochs=2, masked_epochs=2,
    batch_size=16, device="cpu",
)  # fmt: skip


def learner(x, **more):
    """A map at its first step, with its model and the masked GAN beside it."""
    torch.manual_seed(0)
    model = AttentionGAN(**TINY | more)
    model.channels_ = 1
    hardware = choose_hardware("cpu", "fp32")
    base, masked = model.base_gan(), model.masked_gan()
    base.channels_ = masked.channels_ = 1
    base, masked = Redrawer(base, hardware), Redrawer(masked, hardware)
    taught = MapLearner(model, hardware, more.get("given"))
    for part in base.kept.modules():  # DCGAN's weights are too small to pass a gradient on
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(part.weight)
    model.state_ = {"base": base.kept, "masked": masked.kept, **taught.nets}
    return taught, base, masked


def snapshot(*modules):
    return [value.clone() for module in modules for value in module.state_dict().values()]
