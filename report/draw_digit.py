"""Networks small enough for the page "A digit to draw", which redraws digits without a server.

A file of the page has two networks that learnt one digit, AE and OCGAN: encoder and decoder as one
list of convolutions, batch norm folded in, weights as 8-bit numbers times a step an output channel.
"""

import base64
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from data_prep.files import replace_file
from ocnd_lib.data import load_images, one_class_split
from ocnd_lib.detail import reconstruction_error
from ocnd_lib.detectors.base import DeepDetector
from ocnd_lib.registry import detector_class
from ocnd_lib.stats import auroc_interval
from ocnd_lib.training import to_unit
from report.runs import ROOT

FOLDER = ROOT / "book" / "_demo" / "draw"
METHODS = ("ae", "ocgan")
WIDTH = 16  # half of what the tables have, so that a network of 8-bit weights has 200 KB
SEED = 0
BINS = 24  # of the histogram of validation scores
PRESETS = 2  # the first test images of each digit, for those who cannot draw
CLOSE = 0.01  # how much 8-bit weights may change a score, in the middle of the validation images
ACTIVATIONS = {"leaky": nn.LeakyReLU(0.2), "relu": nn.ReLU(), "tanh": nn.Tanh()}


def packed(detector: DeepDetector) -> list[dict]:
    """The convolutions of a fitted detector's encoder and decoder, as JSON can hold them."""
    layers: list[dict] = []
    for name in ("encoder", "decoder"):
        for layer in detector.state_[name].cpu().eval().modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                layers.append({"conv": layer})
            elif isinstance(layer, nn.BatchNorm2d):
                conv = layers[-1]["conv"]
                layers[-1]["conv"] = fuse_conv_bn_eval(conv, layer, transpose=conv.transposed)
            for word, activation in ACTIVATIONS.items():
                if type(layer) is type(activation):
                    layers[-1]["then"] = word
    return [_packed_layer(**layer) for layer in layers]


def _packed_layer(conv: nn.Conv2d | nn.ConvTranspose2d, then: str) -> dict:
    weight = conv.weight.detach()  # (outputs, inputs, 4, 4), upwards (inputs, outputs, 4, 4)
    step = weight.abs().amax((0, 2, 3) if conv.transposed else (1, 2, 3), keepdim=True) / 127
    return {
        "upwards": conv.transposed, "stride": conv.stride[0], "padding": conv.padding[0],
        "then": then, "shape": list(weight.shape), "bias": _text(conv.bias.detach()),
        "step": _text(step.flatten()), "weight": _text((weight / step).round().to(torch.int8)),
    }  # fmt: skip


def redraw(layers: list[dict], x: torch.Tensor) -> torch.Tensor:
    """What the layers that `packed` returned make of images (N, 1, 32, 32) in [-1, 1]."""
    for layer in layers:
        convolve = F.conv_transpose2d if layer["upwards"] else F.conv2d
        of_output = (1, -1, 1, 1) if layer["upwards"] else (-1, 1, 1, 1)
        step = _numbers(layer["step"]).view(of_output)
        weight = _numbers(layer["weight"], np.int8).view(layer["shape"]) * step
        x = convolve(x, weight, _numbers(layer["bias"]), layer["stride"], layer["padding"])
        x = ACTIVATIONS[layer["then"]](x)
    return x


def _text(numbers: torch.Tensor) -> str:
    return base64.b64encode(numbers.contiguous().numpy().tobytes()).decode()


def _numbers(text: str, kind: type = np.float32) -> torch.Tensor:
    return torch.from_numpy(np.frombuffer(base64.b64decode(text), kind).copy())


@torch.no_grad()
def scores(network: Callable, x: np.ndarray) -> np.ndarray:
    """Reconstruction errors of uint8 images (N, 1, 32, 32), in float32 whatever the processor."""
    parts = (to_unit(part) for part in torch.from_numpy(x).split(500))
    return torch.cat([reconstruction_error(part, network(part)) for part in parts]).numpy()


def export(digits: str, epochs: int) -> None:
    """Train the networks of each digit of MNIST and write `digit-N.js`; last `presets.js`.

    What was trained before goes on from its checkpoint. ValueError if 8-bit weights change scores.
    """
    images = load_images("mnist")
    parts = [(digit, one_class_split(images, digit, SEED), {}) for digit in digits]  # all or none
    for digit, split, models in parts:
        for method in METHODS:
            kept = ROOT / "results" / "checkpoints" / "demo" / f"{method}-{digit}-{epochs}.pt"
            detector = detector_class(method)(width=WIDTH, epochs=epochs, seed=SEED)
            detector.fit(split.x_train, x_validation=split.x_validation, checkpoint=kept)
            layers = packed(detector)
            network = partial(redraw, layers)
            usual, exact = (scores(f, split.x_validation) for f in (network, detector.reconstruct))
            if (off := np.median(np.abs(usual / exact - 1))) > CLOSE:
                raise ValueError(f"{method} {digit}: 8-bit weights change the scores by {off:.1%}")
            auroc, low, high = auroc_interval(split.y_test, scores(network, split.x_test))
            counts, edges = np.histogram(usual, BINS, (0, usual.max()))
            models[method] = {
                "threshold": float(np.quantile(usual, 0.95)), "counts": counts.tolist(),
                "highest": float(edges[-1]), "auroc": [auroc, low, high], "layers": layers,
                "settings": {"width": WIDTH, "epochs": epochs, "seed": SEED},
            }  # fmt: skip
            print(f"{digit} {method}: AUROC {auroc:.3f}, scores off by {off:.2%}", flush=True)
        _write(FOLDER / f"digit-{digit}.js", {"digit": digit, "models": models})
    shown = [
        {"digit": digit, "pixels": _text(torch.from_numpy(pixels))}
        for digit in range(10)
        for pixels in images.x_test[images.y_test == digit][:PRESETS]
    ]
    _write(FOLDER / "presets.js", {"presets": shown})


def _write(path: Path, content: dict) -> None:
    """A script, since a page that was opened as a file may load scripts but no data."""
    text = f"drawDigit.loaded({json.dumps(content)});\n"
    replace_file(path, lambda file: file.write(text.encode()))
