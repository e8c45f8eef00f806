"""What every training loop shares: hardware, seeds, batches, progress, checkpoints."""

import copy
import ctypes
import hashlib
import io
import os
import random
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR
from tqdm import tqdm

from data_prep.files import replace_file


class Diverged(RuntimeError):
    """Training came to nothing: its losses, or its scores, are no numbers."""


@dataclass(frozen=True)
class Hardware:
    """Where to compute and in which precision; `choose_hardware` makes one."""

    device: torch.device
    dtype: torch.dtype  # of matrix products and convolutions; parameters stay fp32

    def autocast(self) -> AbstractContextManager:
        """Context in which a forward pass runs in `dtype`."""
        on = self.dtype != torch.float32
        # cached casts of weights would be stale after an optimiser's step in the same context
        return torch.autocast(self.device.type, self.dtype, on, cache_enabled=False)

    def place(self, module: nn.Module) -> nn.Module:
        """Move `module` to the device, in the memory layout that is fastest there."""
        return module.to(self.device, memory_format=torch.channels_last)

    def __str__(self) -> str:
        return f"{self.device.type} {str(self.dtype).removeprefix('torch.')}"


def cpu_has_bf16() -> bool:
    """Whether this CPU multiplies bf16 natively (AVX512-BF16 or AMX); emulated it is slow."""
    kinds = ("avx512_bf16", "amx_tile")
    return any(getattr(torch.cpu, f"_is_{kind}_supported", bool)() for kind in kinds)


def keep_freed_memory() -> None:
    """Let glibc keep what tensors free, which it else gives back and asks for page by page."""
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(-4, 0)  # M_MMAP_MAX of malloc.h
        mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD


def choose_hardware(device: str = "auto", precision: str = "auto") -> Hardware:
    """Pick device and precision: bf16 on CUDA or a CPU with native bf16, otherwise fp32.

    Where `precision` is auto, the environment's OCND_PRECISION decides. ValueError names the
    choices.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise ValueError(f"device {device!r} is not one of auto, cpu, cuda")
    if precision == "auto":
        precision = os.environ.get("OCND_PRECISION") or "auto"
    if precision not in ("auto", "fp32", "bf16"):
        raise ValueError(f"OCND_PRECISION {precision!r} is not one of auto, fp32, bf16")
    there = torch.cuda.is_available()
    if device == "cuda" and not there:
        raise ValueError("device 'cuda' was asked for but torch sees none; use 'auto' or 'cpu'")
    if device == "auto":
        device = "cuda" if there else "cpu"
    if device == "cpu":
        keep_freed_memory()
    if precision == "auto":
        precision = "bf16" if device == "cuda" or cpu_has_bf16() else "fp32"
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    return Hardware(torch.device(device), dtype)


def seed_everything(seed: int) -> torch.Generator:
    """Seed Python, NumPy and torch; return the CPU generator that orders and augments batches."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)


def to_unit(x: Tensor) -> Tensor:
    """uint8 pixels 0..255 → float in [-1, 1], channels last in memory."""
    return x.to(torch.float32, memory_format=torch.channels_last).mul_(2 / 255).sub_(1)


def says(logits: Tensor, answer: float) -> Tensor:
    """Mean cross-entropy between logits and one answer for all, the probability of "yes"."""
    logits = logits.float()
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, answer))


def shift_and_flip(x: Tensor, generator: torch.Generator, pixels: int = 4) -> Tensor:
    """Mirror half of images (N, C, H, W) and move each by up to `pixels`, filling with the edge."""
    n, _, h, w = x.shape
    draw = torch.rand(3, n, 1, generator=generator).to(x.device)
    columns = torch.arange(w, device=x.device).expand(n, w)
    columns = torch.where(draw[0] < 0.5, columns, w - 1 - columns)
    shift = (draw[1:] * (2 * pixels + 1)).long() - pixels
    rows = (torch.arange(h, device=x.device) + shift[0]).clamp(0, h - 1)
    columns = (columns + shift[1]).clamp(0, w - 1)
    picture = torch.arange(n, device=x.device).view(n, 1, 1)
    return x.permute(0, 2, 3, 1)[picture, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)


def batches(
    x: Tensor, y: Tensor | None, size: int, generator: torch.Generator,
    augment: Callable[[Tensor, torch.Generator], Tensor] | None = None,
) -> Iterator[tuple[Tensor, Tensor | None]]:  # fmt: skip
    """One epoch of (images in [-1, 1], labels or None) in random order from uint8 tensors.

    A last batch smaller than half of `size` is left out, for the sake of batch norm.
    """
    order = torch.randperm(len(x), generator=generator)
    for index in order.split(size):
        if len(index) < min(size, len(x)) / 2:
            return
        index = index.to(x.device)
        pictures = x[index]
        pictures = to_unit(augment(pictures, generator) if augment else pictures)
        yield pictures, None if y is None else y[index]


def batch_count(images: int, size: int) -> int:
    """How many batches an epoch of `batches` has."""
    return max(1, (images + size // 2) // size)


def progress(total: int, label: str, start: int) -> tqdm:
    """A bar with loss and remaining time in a terminal; silent in a log, a page or a worker."""
    return tqdm(total=total, initial=start, desc=label, disable=None, leave=False)


def means(log: Sequence[Mapping[str, float | Tensor]]) -> dict[str, float]:
    """The mean of each number over the steps of an epoch that have it."""
    names = dict.fromkeys(name for step in log for name in step)
    # tensors are read only here, so that in an epoch no step on a GPU waits for the one before
    return {n: float(np.mean([float(step[n]) for step in log if n in step])) for n in names}


def descend(loss: Tensor, optimiser: torch.optim.Optimizer, again: bool = False) -> None:
    """One step of an optimiser's own weights, of which the loss may know but a part.

    No other weight gets a gradient. `again` keeps what another step back through the loss needs.
    """
    weights = [weight for group in optimiser.param_groups for weight in group["params"]]
    slopes = torch.autograd.grad(loss, weights, retain_graph=again, allow_unused=True)
    for weight, slope in zip(weights, slopes, strict=True):
        weight.grad = slope
    optimiser.step()


@contextmanager
def evaluating(*networks: nn.Module) -> Iterator[None]:
    """Hold networks in evaluation mode, their parameters frozen; all are then as they were."""
    modes = {m: m.training for network in networks for m in network.modules()}
    learns = {p: p.requires_grad for network in networks for p in network.parameters()}
    for network in networks:
        network.eval().requires_grad_(False)
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training
        for parameter, learnt in learns.items():
            parameter.requires_grad_(learnt)


class Averaged:
    """Exponential moving average of a network's weights (Polyak and Juditsky 1992), as `model`.

    Batch-norm statistics are copied, not averaged.
    """

    def __init__(self, model: nn.Module, decay: float = 0.995):
        self.model = copy.deepcopy(model).requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move a little towards `model`; early on the average forgets faster."""
        self.updates += 1
        decay = min(self.decay, self.updates / (self.updates + 10))
        mine, theirs = ([*each.parameters()] for each in (self.model, model))
        torch._foreach_lerp_(mine, theirs, 1 - decay)
        for mine, theirs in zip(self.model.buffers(), model.buffers(), strict=True):
            mine.copy_(theirs)

    def state_dict(self) -> dict:
        return {"model": self.model.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: dict) -> None:
        self.model.load_state_dict(state["model"])
        self.updates = state["updates"]


class Together:
    """Networks, averages, optimisers and the like by name, as one part of a `Checkpoint`."""

    def __init__(self, **parts):
        self.parts = parts

    def state_dict(self) -> dict:
        return {name: part.state_dict() for name, part in self.parts.items()}

    def load_state_dict(self, state: dict) -> None:
        for name, part in self.parts.items():
            saved = state[name]
            if isinstance(part, torch.optim.Optimizer):
                # on a GPU an optimiser counts its steps there (`capturable`), as none on a CPU can
                pairs = zip(part.param_groups, saved["param_groups"], strict=True)
                kept = [of | {k: own[k] for k in own.keys() & {"capturable"}} for own, of in pairs]
                saved = {**saved, "param_groups": kept}
            part.load_state_dict(saved)


class Descent(Together):
    """Adam on one network alone, at a rate that falls to zero along a cosine; `Checkpoint` part.

    Called, it takes one step down a loss and returns it. `schedule(optimiser, steps)` lowers the
    rate otherwise.
    """

    def __init__(self, network: nn.Module, rate: float, steps, schedule=CosineAnnealingLR, **adam):
        self.weights = list(network.parameters())
        self.optimiser = torch.optim.Adam(self.weights, rate, **adam)
        self.schedule = schedule(self.optimiser, max(1, steps))
        super().__init__(optimiser=self.optimiser, schedule=self.schedule)

    def __call__(self, loss: Tensor) -> float:
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward(inputs=self.weights)
        self.optimiser.step()
        self.schedule.step()
        return loss.item()


class Checkpoint:
    """Everything a run needs to go on as if it had never stopped, in one file.

    `parts` (networks, optimisers, schedules) are restored if the file is there; so are `epoch`, how
    many are finished, and `curves`. `path` None keeps nothing. `of` says what is trained on what
    (`fingerprint`): ValueError for the file of something else.
    """

    def __init__(self, path: Path | None, generator: torch.Generator, of: str, **parts):
        self.path, self.generator, self.of = path and Path(path), generator, of
        self.parts = Together(**parts)
        self.epoch, self.curves = 0, []
        self.start = perf_counter() - seconds_trained(self.path)
        if self.path is not None and self.path.exists():
            self._restore(read_checkpoint(path))

    def save(self) -> None:
        """Replace the file with the state as it is now."""
        if self.path is None:
            return
        state = {
            "of": self.of,
            "epoch": self.epoch,
            "curves": self.curves,
            "seconds": perf_counter() - self.start,
            "generator": self.generator.get_state(),
            "torch": torch.get_rng_state(),
            "parts": self.parts.state_dict(),
        }
        if torch.cuda.is_available():
            state["cuda"] = torch.cuda.get_rng_state_all()
        content = io.BytesIO()  # into a file, torch would call a full disk an unexpected position
        torch.save(state, content)
        replace_file(self.path, lambda file: file.write(content.getbuffer()))

    def _restore(self, state: dict) -> None:
        if state["of"] != self.of:
            raise ValueError(
                f"{self.path} was begun with other images, settings or another method; remove it, "
                "or name another file"
            )
        self.parts.load_state_dict(state["parts"])
        self.generator.set_state(state["generator"])
        torch.set_rng_state(state["torch"])
        if "cuda" in state and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(state["cuda"])
        self.epoch, self.curves = state["epoch"], state["curves"]


def learn(
    step: Callable[[Tensor, int], Mapping[str, float | Tensor]], network: nn.Module, x: Tensor,
    size: int, state: Checkpoint, epochs: int,
    augment: Callable[[Tensor, torch.Generator], Tensor] | None = None,
) -> None:  # fmt: skip
    """Go on from `state` until `epochs` epochs are done, and save it after each.

    `step(images, number)` is called with each batch of uint8 images `x`, which `augment` may
    change; `number` counts the steps of all epochs. The means of what the steps of an epoch return
    are its point of `state.curves`.
    """
    in_epoch = batch_count(len(x), size)
    with progress(epochs * in_epoch, "steps", state.epoch * in_epoch) as bar:
        while state.epoch < epochs:
            network.train()
            log = []
            for images, _ in batches(x, None, size, state.generator, augment):
                log.append(step(images, state.epoch * in_epoch + len(log)))
                bar.update()
            state.epoch += 1
            state.curves.append({"epoch": state.epoch, **means(log)})
            bar.set_postfix(state.curves[-1], refresh=False)
            state.save()


# Python's, numpy's and torch's own generators are the process's, whose threads train one by one
ALONE = threading.RLock()


@contextmanager
def own_random_numbers() -> Iterator[None]:
    """Draw from the process's generators alone, and leave them to the caller as they were."""
    with ALONE:
        before = random.getstate(), np.random.get_state()
        with torch.random.fork_rng():
            try:
                yield
            finally:
                random.setstate(before[0])
                np.random.set_state(before[1])


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread of the CPU: several add up in another order, to other last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def seconds_trained(path: Path | None) -> float:
    """Seconds of training, of all sessions together, that led to a `Checkpoint`'s file, or 0."""
    there = path is not None and Path(path).exists()
    return read_checkpoint(path, mmap=True)["seconds"] if there else 0.0


def read_checkpoint(path: Path, **options) -> dict:
    """What a `Checkpoint` saved; ValueError, which names the file, for anything else."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, **options)
        return {"of": None, "seconds": state["seconds"], **state}
    except Exception as error:  # pickle, zip files and torch each have their own
        why = " ".join(str(error).split())[:200] or type(error).__name__
        raise ValueError(f"{path} is no checkpoint that can be read ({why}); remove it") from error


def fingerprint(*what: object) -> str:
    """A digest of settings, names and arrays, by which a checkpoint knows what it belongs to."""
    total = hashlib.md5(usedforsecurity=False)
    for one in what:
        if isinstance(one, Tensor):
            one = one.cpu().numpy()
        total.update(one.tobytes() if isinstance(one, np.ndarray) else repr(one).encode())
    return total.hexdigest()
