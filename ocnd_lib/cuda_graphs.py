"""A training step that a GPU repeats by itself: it is recorded once, as a CUDA graph."""

from collections import Counter
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

WARM_UP = 2  # steps made as they are before one is recorded: they choose kernels, and set up Adam


class Recorded:
    """A step `step(*tensors, **flags)` → {name: tensor} of training, called like the step itself.

    Networks as small as these keep a GPU waiting for the CPU; a recorded step is asked for with one
    call. Each combination of shapes and flags is recorded when it comes for the third time; what it
    finds then holds from then on: training mode, autocast, weights, states of `optimisers`. The
    step must read no value back to the CPU. Without `capturable` optimisers, as on a CPU, every
    step is made as it is. https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
    """

    def __init__(self, step: Callable, optimisers: Iterable[torch.optim.Optimizer]):
        self.step = step
        groups = [group for optimiser in optimisers for group in optimiser.param_groups]
        self.on = bool(groups) and all(group.get("capturable") for group in groups)
        self.calls: Counter = Counter()
        self.graphs: dict[tuple, tuple] = {}
        self.pool = torch.cuda.graph_pool_handle() if self.on else None

    def __call__(self, *tensors: Tensor, **flags) -> dict[str, Tensor]:
        """Make one step."""
        key = (*((tensor.shape, tensor.dtype) for tensor in tensors), *flags.items())
        self.calls[key] += 1
        if not self.on or self.calls[key] <= WARM_UP:
            return self.step(*tensors, **flags)
        if key not in self.graphs:
            given = [tensor.clone() for tensor in tensors]
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=self.pool):  # notes the kernels, computes nothing
                found = self.step(*given, **flags)
            self.graphs[key] = (graph, given, found)
        graph, given, found = self.graphs[key]
        for mine, theirs in zip(given, tensors, strict=True):
            mine.copy_(theirs)
        graph.replay()
        return {name: value.clone() for name, value in found.items()}  # the next step overwrites it
