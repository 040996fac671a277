"""Opens ONNX graphs: operators that the runtime itself knows, nothing that could execute code."""

from pathlib import Path

import onnxruntime

from vigie.artifacts import ArtifactError
from vigie.processors import usable_processors

MOST_THREADS = 4


def open_graph(path: Path) -> onnxruntime.InferenceSession:
    """A session on the processor; raises `ArtifactError` for what is no graph of operators that the runtime knows."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = min(MOST_THREADS, usable_processors())
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    # A waiting thread must not take the processor from the other services of the machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except OSError as error:
        raise ArtifactError(f"{path.name}: cannot be read: {error}") from error
    except Exception as error:  # the runtime's errors share no base class
        raise ArtifactError(f"{path.name}: a graph that must not be loaded: {error}") from error
