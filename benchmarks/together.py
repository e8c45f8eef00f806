"""Ten models at once: small autoencoders in a loop, stacked into one, or in processes; and OCGANs.

All ways make the same steps: Adam works value by value, so stacked weights move as single ones do.
"""

import multiprocessing
import resource
from collections.abc import Callable
from time import perf_counter
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from benchmarks import detectors
from ocnd_lib import training
from ocnd_lib.networks import Decoder, Encoder
from ocnd_lib.training import Hardware, choose_hardware

MODELS, BATCH, WIDTH, LATENT_DIM = 10, 64, 16, 16
STEPS = 10
ON_GPU = torch.cuda.device_count() > 0  # asked so that processes may still be forked
PROCESSES = MODELS if ON_GPU else 2
OCGAN_STEPS = 40 if ON_GPU else 2  # of an epoch


def autoencoders(count: int, hardware: Hardware) -> list[nn.Module]:
    """Small autoencoders with different weights."""
    models = []
    for seed in range(count):
        torch.manual_seed(seed)
        parts = (Encoder(1, LATENT_DIM, WIDTH), Decoder(1, LATENT_DIM, WIDTH))
        models.append(hardware.place(nn.Sequential(*parts)).train())
    return models


def images(count: int, size: int, hardware: Hardware) -> Tensor:
    """Random images in [-1, 1], a batch a model: (count, size, 1, 32, 32)."""
    generator = torch.Generator().manual_seed(0)
    return (torch.rand(count, size, 1, 32, 32, generator=generator) * 2 - 1).to(hardware.device)


def one_by_one(models: list[nn.Module], x: Tensor, hardware: Hardware) -> Callable[[], list]:
    """A function that makes one step of each model, and returns the losses."""
    optimisers = [torch.optim.Adam(model.parameters(), 1e-3) for model in models]

    def step() -> list[float]:
        losses = []
        for model, optimiser, batch in zip(models, optimisers, x, strict=True):
            with hardware.autocast():
                redrawn = model(batch)
            loss = F.mse_loss(redrawn.float(), batch)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        return losses

    return step


def stacked(models: list[nn.Module], x: Tensor, hardware: Hardware) -> Callable[[], list]:
    """The same, with the weights of all models stacked and every layer run once for all."""
    weights, buffers = stack_module_state(models)
    optimiser = torch.optim.Adam(weights.values(), 1e-3)

    def loss_of(own_weights: dict, own_buffers: dict, batch: Tensor) -> Tensor:
        redrawn = functional_call(models[0], (own_weights, own_buffers), (batch,))
        return F.mse_loss(redrawn.float(), batch)

    def step() -> list[float]:
        with hardware.autocast():
            losses = vmap(loss_of)(weights, buffers, x)
        optimiser.zero_grad(set_to_none=True)
        losses.sum().backward()
        optimiser.step()
        return losses.tolist()

    return step


def seconds(step: Callable[[], list], steps: int) -> float:
    """How long so many steps take; a step before them is not counted."""
    step()
    start = perf_counter()
    for _ in range(steps):
        step()
    return perf_counter() - start


def in_processes(function: Callable, work: list[tuple]) -> tuple[list, float]:
    """What `function(*arguments, ready)` gives in a process for each of `work`; their memory, MiB.

    Nobody who waits at the barrier `ready` goes on before all are there.
    """
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(PROCESSES) as pool:
        ready = manager.Barrier(PROCESSES)
        found = pool.starmap(_watched, [(function, *of, ready) for of in work], chunksize=1)
    return [value for value, _ in found], sum(mib for _, mib in found)


def _watched(function: Callable, *arguments) -> tuple:
    torch.set_num_threads(1)
    value = function(*arguments)
    return value, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _part(models: int, size: int, steps: int, ready) -> float:
    """Seconds of one process."""
    hardware = choose_hardware()
    step = one_by_one(autoencoders(models, hardware), images(models, size, hardware), hardware)
    step()
    ready.wait()
    return seconds(step, steps)


def ten(how: str, small: bool = False) -> tuple[float, float]:
    """Model images a second, `how` being loop, stacked or processes; and memory of children."""
    size, steps = (4, 1) if small else (BATCH, STEPS)
    if how == "processes":
        parts, memory = in_processes(_part, [(MODELS // PROCESSES, size, steps)] * PROCESSES)
        taken = max(parts)
    else:
        hardware = choose_hardware()
        make = stacked if how == "stacked" else one_by_one
        models, x = autoencoders(MODELS, hardware), images(MODELS, size, hardware)
        taken, memory = seconds(make(models, x, hardware), steps), 0.0
    return MODELS * size * steps / taken, memory


def _mining_seconds(seed: int, steps: int, small: bool, ready=None) -> float:
    """How long two epochs of an OCGAN's full step take; all begin when all are `ready`."""
    made, size = detectors.detector("ocgan", small)
    ends: list[float] = []

    def epoch_ends(*_) -> None:
        if ready and not ends:
            ready.wait()
        ends.append(perf_counter())

    x, held_out = detectors.pictures(steps * size), detectors.pictures(detectors.VALIDATION)
    with patch.object(training.Checkpoint, "save", epoch_ends):
        made.set_params(seed=seed).fit(x, x_validation=held_out)
    return ends[-1] - ends[0]


def _ocgans_of(first: int, steps: int, small: bool, ready) -> list[float]:
    """The seconds of each OCGAN of one process."""
    return [_mining_seconds(k, steps, small, ready) for k in range(first, MODELS, PROCESSES)]


def ocgans(how: str, small: bool = False) -> tuple[float, float]:
    """Model images a second of ten OCGANs, `how` being plain (one by one) or ours (processes)."""
    steps = 2 if small else OCGAN_STEPS
    if how == "plain":
        detectors.plain()
        taken, memory = sum(_mining_seconds(k, steps, small) for k in range(MODELS)), 0.0
    else:
        work = [(first, steps, small) for first in range(PROCESSES)]
        parts, memory = in_processes(_ocgans_of, work)
        taken = sum(map(max, zip(*parts, strict=True)))  # each of their models begins together
    return MODELS * detectors.detector("ocgan", small)[1] * 2 * steps / taken, memory
