"""Running networks with onnxruntime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modag_search.errors import WeightsDamagedError

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search.values import Float32Array


class OnnxNetwork:
    """A network from an ONNX file with one input and one output, on one thread.

    Parameters
    ----------
    path : Path

    Raises
    ------
    WeightsDamagedError
        If it is no network.
    """

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # One thread a call: threads that wait for each other cost more than they give on networks of this size, and
        # several calls at once are how files are encoded.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        # Windows of sound differ in length: patterns of memory would keep the largest of each shape.
        options.enable_mem_pattern = False
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                _readable(path), sess_options=options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own exceptions have no common base
            raise WeightsDamagedError(f"{path}: is no network: {error}; reinstall modag-search") from error
        self._input = self._session.get_inputs()[0].name

    def __call__(self, prepared: Float32Array) -> Float32Array:
        """Run the network on one prepared segment; several threads may at once."""
        feature: Float32Array = self._session.run(None, {self._input: prepared[None]})[0][0]
        return feature


def _readable(path: Path) -> Path | bytes:
    """Return what onnxruntime can read: a path, or a file's bytes where its path is no text, as file systems allow."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return path.read_bytes()
    return path
