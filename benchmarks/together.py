"""Ten OCGANs, one after the other or side by side in processes."""

import multiprocessing
import resource
from time import perf_counter
from unittest.mock import patch

import torch

from benchmarks import detectors
from ocnd_lib import training

MODELS = 10
ON_GPU = torch.cuda.device_count() > 0  # asked so that processes may still be forked
PROCESSES = MODELS if ON_GPU else 2
STEPS = 40 if ON_GPU else 2  # of an epoch


def mining_seconds(seed: int, ready=None) -> float:
    """How long two epochs of an OCGAN's full step take; they begin when all are `ready`."""
    made, size = detectors.detector("ocgan")
    ends: list[float] = []

    def epoch_ends(*_) -> None:
        if ready and not ends:
            ready.wait()
        ends.append(perf_counter())

    x, held_out = detectors.pictures(STEPS * size), detectors.pictures(detectors.VALIDATION)
    with patch.object(training.Checkpoint, "save", epoch_ends):
        made.set_params(seed=seed).fit(x, x_validation=held_out)
    return ends[-1] - ends[0]


def share(first: int, ready) -> tuple[list[float], float]:
    """The seconds of each OCGAN of one process, and its memory in MiB."""
    torch.set_num_threads(1)
    seconds = [mining_seconds(seed, ready) for seed in range(first, MODELS, PROCESSES)]
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def ocgans(how: str) -> tuple[float, float]:
    """Model images a second, `how` being plain (one by one) or ours; and memory of processes."""
    if how == "plain":
        detectors.plain()
        taken, memory = sum(map(mining_seconds, range(MODELS))), 0.0
    else:
        context = multiprocessing.get_context("spawn")
        with context.Manager() as manager, context.Pool(PROCESSES) as pool:
            ready = manager.Barrier(PROCESSES)  # nobody goes on before all are there
            found = pool.starmap(share, [(k, ready) for k in range(PROCESSES)], chunksize=1)
        parts, memory = zip(*found, strict=True)
        taken, memory = sum(map(max, zip(*parts, strict=True))), sum(memory)
    return MODELS * detectors.detector("ocgan")[1] * 2 * STEPS / taken, memory
