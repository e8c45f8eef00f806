"""Networks for 32x32 images."""

import torch
from torch import Tensor, nn

from ocnd_lib import winograd

VGG11_PLAN = (64, "pool", 128, "pool", 256, 256, "pool", 512, 512, "pool", 512, 512, "pool")


class VGG11(nn.Module):
    """VGG11 with one linear layer for 32-pixel images (Simonyan and Zisserman 2015, column A).

    Input (N, channels, 32, 32), output logits (N, classes). On a CPU in fp32 the deep layers run
    through `ocnd_lib.winograd`; set `fast = False` to run every layer as its own module (hooks).
    """

    def __init__(self, channels: int = 3, classes: int = 2, batch_norm: bool = True):
        super().__init__()
        layers: list[nn.Module] = []
        size = 32
        for width, following in zip(VGG11_PLAN, (*VGG11_PLAN[1:], None), strict=True):
            if width == "pool":
                continue
            conv = nn.Conv2d(channels, width, 3, padding=1, bias=not batch_norm)
            nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
            if size in winograd.SIZES:
                winograd.kernels_first(conv)
            layers.append(conv)
            if batch_norm:
                layers.append(nn.BatchNorm2d(width))
            if following == "pool":
                # max and ReLU commute; pooling first leaves a quarter of the pixels to rectify
                layers.append(nn.MaxPool2d(2))
                size //= 2
            layers.append(nn.ReLU(inplace=True))
            channels = width
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(512, classes)
        self.fast = True

    def forward(self, x: Tensor) -> Tensor:
        plain_cpu = x.device.type == "cpu" and not torch.is_autocast_enabled("cpu")
        features = winograd.run(self.features, x) if self.fast and plain_cpu else self.features(x)
        return self.classifier(features.flatten(1))
