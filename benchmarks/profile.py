"""Where the time of an OCGAN step goes: `python -m benchmarks.profile` measures, and tells.

One thread of this CPU, a step with classifier and mining. Every operation of PyTorch is timed by
the processor time of its thread, in which, unlike in the wall time of `torch.profiler`, nothing
shows of what else the machine does. Convolutions and batch norm belong to the network whose weight
they use, on the way forward and back. The tables go to benchmarks/profile.json and, between two
marks, into benchmarks/README.md.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from time import thread_time
from unittest.mock import patch

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from data_prep.files import replace_file
from ocnd_lib import few_channels
from ocnd_lib.detectors import ocgan
from ocnd_lib.detectors.redrawer import Redrawer
from ocnd_lib.records import provenance
from ocnd_lib.training import choose_hardware, seed_everything

HERE = Path(__file__).parent
MARKS = ("<!-- profile -->", "<!-- end of profile -->")
# kind of work: what the names of its operations hold, the first that fits
KINDS = {
    "convolution": ("conv",),
    "batch norm": ("batch_norm",),
    "activation": ("relu", "tanh", "sigmoid", "threshold"),
    "linear layer": ("mm",),
}
OPTIMISER, AVERAGE, REST = "optimiser (Adam)", "average of the weights", "everything else"


def kind_of(operation: str) -> str:
    """The kind of work of an operation of PyTorch, e.g. of cudnn_batch_norm."""
    return next((k for k, words in KINDS.items() if any(w in operation for w in words)), REST)


class Watch(TorchDispatchMode):
    """Times operations; `spent` and `operations` map (work, layer, way, in mining) to seconds.

    `layers` maps the address of a weight to the name of its layer, e.g. `decoder.to16.0`.
    """

    def __init__(self, layers: dict[int, str]):
        super().__init__()
        self.layers = layers
        self.within: list[str] = []  # what is being done, outermost first
        self.spreading: str | None = None  # the layer whose convolution is done by other operations
        self.spent: Counter = Counter()
        self.operations: Counter = Counter()  # two for a multiply-accumulate

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        start = thread_time()
        out = func(*args, **kwargs)
        seconds = thread_time() - start
        name = func._overloadpacket.__name__
        kind = next((k for k in (OPTIMISER, AVERAGE) if k in self.within), kind_of(name))
        known = [self.layers.get(a.data_ptr()) for a in args if isinstance(a, Tensor)]
        layer = next(filter(None, known), None) if kind in ("convolution", "batch norm") else None
        if self.spreading:
            kind, layer = "convolution", self.spreading
        way = "backward" if "backward" in self.within else "forward"
        key = (kind, layer, way, "mining" in self.within)
        self.spent[key] += seconds
        if count := flop_registry.get(func._overloadpacket):
            self.operations[key] += count(*args, **kwargs, out_val=out)
        return out

    def spread(self, function: Callable) -> Callable:
        """`few_channels.spread`, what is done in which belongs to the layer of its kernel."""

        @wraps(function)
        def inside(x: Tensor, kernel: Tensor) -> Tensor:
            self.spreading = self.layers.get(kernel.data_ptr())
            try:
                return function(x, kernel)
            finally:
                self.spreading = None

        return inside

    def under(self, name: str, function: Callable) -> Callable:
        """The function, what is done in which counts as `name`."""

        @wraps(function)
        def inside(*arguments, **named):
            self.within.append(name)
            try:
                return function(*arguments, **named)
            finally:
                self.within.pop()

        return inside


def prepare(batch: int, device: str, **settings) -> tuple[Redrawer, Tensor]:
    """An OCGAN at the settings of the tables (MNIST) before its first step, and random images."""
    model = ocgan.OCGAN(**settings, batch_size=batch)
    model.channels_ = 1
    hardware = choose_hardware(device)
    seed_everything(0)
    gan = Redrawer(model, hardware)
    images = torch.rand(batch, 1, 32, 32).mul(2).sub(1).to(memory_format=torch.channels_last)
    return gan, images.to(hardware.device)


def watch(steps: int, batch: int, **settings) -> Watch:
    """So many steps of OCGAN on `batch` images on a CPU, timed."""
    gan, images = prepare(batch, "cpu", **settings)
    watched = Watch({p.data_ptr(): n.rpartition(".")[0] for n, p in gan.nets.named_parameters()})
    for optimiser in gan.optimisers.values():
        optimiser.step = watched.under(OPTIMISER, optimiser.step)
    average = watched.under(AVERAGE, gan.averaged.update)

    def step() -> None:
        noisy = images + gan.recipe.noise * torch.randn_like(images)
        with gan.hardware.autocast():
            gan.recipe._step(
                images, noisy, gan.nets, gan.optimisers, classify=True, mining=True, watch=False
            )
        average(gan.redraws)

    with (
        patch.object(ocgan, "mine", watched.under("mining", ocgan.mine)),
        patch.object(torch.autograd, "grad", watched.under("backward", torch.autograd.grad)),
        patch.object(few_channels, "spread", watched.spread(few_channels.spread)),
    ):
        step()  # warm-up
        with watched:
            for _ in range(steps):
                step()
    return watched


def shares(watched: Watch, steps: int) -> dict:
    """`seconds` of a step; its `work` by kind and network, and its `layers`, each with shares.

    forward, backward and mining are shares of the whole step; the rates of a layer are in 10⁹
    operations a second, two to a multiply-accumulate.
    """
    total = sum(watched.spent.values())
    work: dict[tuple, Counter] = {}
    layers: dict[str, Counter] = {}
    for key, seconds in watched.spent.items():
        kind, layer, way, mined = key
        row = work.setdefault((kind, layer.partition(".")[0] if layer else None), Counter())
        row[way] += seconds / total
        row["mining"] += seconds / total if mined else 0
        if kind == "convolution" and layer:
            line = layers.setdefault(layer, Counter())
            line["share"] += seconds / total
            line[way, "seconds"] += seconds
            line[way, "operations"] += watched.operations[key]
    rows = [
        {"work": kind, "network": network, **{k: row[k] for k in ("forward", "backward", "mining")}}
        for (kind, network), row in work.items()
    ]
    lines = [
        {
            "layer": layer,
            "share": line["share"],
            **{
                way: line[way, "operations"] / line[way, "seconds"] / 1e9
                for way in ("forward", "backward")
                if line[way, "seconds"]
            },
        }
        for layer, line in layers.items()
    ]
    rows.sort(key=lambda row: -row["forward"] - row["backward"])
    lines.sort(key=lambda line: -line["share"])
    return {"seconds": total / steps, "work": rows, "layers": lines}


def markdown(found: dict, least: float = 0.005) -> str:
    """The tables for a page; what is below `least` of the time is added up or left out."""
    ways = ("forward", "backward", "mining")
    large = [row for row in found["work"] if row["forward"] + row["backward"] >= least]
    small, total = (Counter(dict.fromkeys(ways, 0)) for _ in range(2))
    for row in found["work"]:
        for counted in (total,) if row in large else (total, small):
            counted.update({way: row[way] for way in ways})
    rows = [("work", "network", "forward", "backward", "together", "of it in mining")]
    rows += [("---", "---", *["---:"] * 4)]
    for name, network, row in (
        *((row["work"], row["network"] or "", row) for row in large),
        ("what is smaller", "", small),
        ("**all**", "", total),
    ):
        each = (row["forward"], row["backward"], row["forward"] + row["backward"], row["mining"])
        rows.append((name, network.replace("_", " "), *(f"{share:.1%}" for share in each)))
    layers = [("convolution", "share", "forward", "backward"), ("---", *["---:"] * 3)]
    for row in found["layers"]:
        if row["share"] >= least:
            rates = (f"{row[way]:.0f}" if way in row else "" for way in ways[:2])
            layers.append((f"`{row['layer']}`", f"{row['share']:.1%}", *rates))
    at = found["machine"]
    told = (
        f"Shares of the {found['seconds']:.2f} s of processor time of a step of {found['batch']} "
        f"images, mean of {found['steps']} steps; one thread, {at['hardware']}, "
        f"{at['processor']}, torch {at['torch']}, {at['date']}."
    )
    tables = ("\n".join(f"| {' | '.join(row)} |" for row in each) for each in (rows, layers))
    speed = "The same by layer, with speeds in 10⁹ operations a second:"
    return f"\n\n{speed}\n\n".join(tables) + f"\n\n{told}"


def write(name: str, marks: tuple[str, str], found: dict, text: str) -> None:
    """What was found to benchmarks/`name`, and `text` between two marks of the README."""
    data = json.dumps(found, indent=1) + "\n"
    replace_file(HERE / name, lambda file: file.write(data.encode()))
    readme = (HERE / "README.md").read_text()
    before, after = readme.split(marks[0])[0], readme.split(marks[1])[1]
    page = f"{before}{marks[0]}\n{text}\n{marks[1]}{after}"
    replace_file(HERE / "README.md", lambda file: file.write(page.encode()))


def main() -> None:
    """Profile, print, and write both files."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("--steps", type=int, default=10)
    steps = parser.parse_args().steps
    torch.set_num_threads(1)
    batch = ocgan.OCGAN().batch_size
    at = provenance()
    machine = {"processor": at["processor"], "torch": torch.__version__, "date": at["date"][:10]}
    machine |= {"hardware": str(choose_hardware("cpu")), "git_revision": at["git_revision"]}
    about = {"steps": steps, "batch": batch, "machine": machine}
    found = shares(watch(steps, batch), steps) | about
    text = markdown(found)
    print(text)
    write("profile.json", MARKS, found, text)


if __name__ == "__main__":
    main()
