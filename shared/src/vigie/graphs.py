"""Opens and runs ONNX graphs: operators that the runtime itself knows, nothing that could execute code."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from vigie.artifacts import ArtifactError
from vigie.processors import usable_processors

MOST_THREADS = 4
# Fused, a sum and its normalisation are computed number by number: five times slower than one after the other.
SLOW_FUSIONS = ("SkipLayerNormFusion",)

Floats = npt.NDArray[np.float32]
Inputs = Mapping[str, npt.NDArray[Any]]


def open_graph(path: Path) -> onnxruntime.InferenceSession:
    """A session on the processor; raises `ArtifactError` for what is no graph of operators that the runtime knows.

    A run is computed by the thread that asks for it: see `run_each`.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(
            path.read_bytes(), options, providers=["CPUExecutionProvider"], disabled_optimizers=[*SLOW_FUSIONS]
        )
    except OSError as error:
        raise ArtifactError(f"{path.name}: cannot be read: {error}") from error
    except Exception as error:  # the runtime's errors share no base class
        raise ArtifactError(f"{path.name}: a graph that must not be loaded: {error}") from error


def threads() -> int:
    """How many runs are computed at a time."""
    return min(MOST_THREADS, usable_processors())


def run_each(
    session: onnxruntime.InferenceSession, outputs: Sequence[str], batches: Iterable[Inputs]
) -> list[list[Floats]]:
    """The outputs for each batch, in order; the batches are shared out between threads.

    Within a run threads would have to meet after every operator, some hundred times for a batch.
    """

    def run(inputs: Inputs) -> list[Floats]:
        found: list[Floats] = session.run(list(outputs), dict(inputs))
        return found

    known = list(batches)
    return [run(inputs) for inputs in known] if len(known) == 1 else list(_pool().map(run, known))


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads(), thread_name_prefix="graph")
