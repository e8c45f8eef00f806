"""Ten small autoencoders at once: in a loop, stacked into one, or in two processes.

All three make the same steps. Adam works value by value, so stacked weights move as single ones do.
"""

import multiprocessing
import resource
from collections.abc import Callable
from time import perf_counter

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from ocnd_lib.networks import Decoder, Encoder
from ocnd_lib.training import Hardware, choose_hardware

MODELS, BATCH, WIDTH, LATENT_DIM = 10, 64, 16, 16
STEPS = 10
PROCESSES = 2


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


def _part(models: int, size: int, steps: int, ready) -> tuple[float, float]:
    """One process: its seconds, and its peak memory in MiB."""
    torch.set_num_threads(1)
    hardware = choose_hardware()
    step = one_by_one(autoencoders(models, hardware), images(models, size, hardware), hardware)
    step()
    ready.wait()  # nobody starts before all are there
    taken = seconds(step, steps)
    return taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def ten(how: str, small: bool = False) -> tuple[float, float]:
    """Model images a second, `how` being loop, stacked or processes; and memory of children."""
    size, steps = (4, 1) if small else (BATCH, STEPS)
    if how == "processes":
        with multiprocessing.get_context("spawn").Manager() as manager:
            ready = manager.Barrier(PROCESSES)
            with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
                work = [(MODELS // PROCESSES, size, steps, ready)] * PROCESSES
                found = pool.starmap(_part, work, chunksize=1)
        taken, memory = max(s for s, _ in found), sum(mib for _, mib in found)
    else:
        hardware = choose_hardware()
        make = stacked if how == "stacked" else one_by_one
        models, x = autoencoders(MODELS, hardware), images(MODELS, size, hardware)
        taken, memory = seconds(make(models, x, hardware), steps), 0.0
    return MODELS * size * steps / taken, memory
