"""From a torch module to the files of a ψ: weights once, in model.safetensors, and ONNX graphs that point into them.

The initialisers of a graph are external data, byte ranges of model.safetensors; what is stored as float16 is cast to
float32 in the graph, which ONNX Runtime does once, on loading.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from semclip.errors import MissingExtra, ModelError, reason
from semclip.files import write_atomic
from semclip.relevance.checkpoint import WEIGHTS
from semclip.relevance.checkpoint.runtime import open_session
from semclip.relevance.checkpoint.weights import Stored, read_arrays, read_header

try:
    import onnx
    import torch
    from onnx import TensorProto, numpy_helper
    from safetensors.torch import save
    from torch import Tensor, nn
except ModuleNotFoundError as missing:
    raise MissingExtra(missing.name or "onnx", extra="train") from missing

HALVED_ELEMENTS = 512
"""Tensors of at least so many elements are stored as float16; a cast of smaller ones costs more than it saves."""
OPSET = 17
_INLINE_BYTES = 1_000_000
_ONNX_TYPES = {"<f4": TensorProto.FLOAT, "<f2": TensorProto.FLOAT16, "<i8": TensorProto.INT64}


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """What becomes an ONNX graph.

    `module`, in eval mode on the CPU, holds the saved module whole as one attribute, so that a weight called NAME in
    model.safetensors is ATTRIBUTE.NAME here. `example` is traced, `other` has other sizes along the `dynamic_axes`
    (input or output -> axis -> name) and is what torch and ONNX Runtime are compared on, to `tolerance`.
    """

    module: nn.Module
    example: tuple[Tensor, ...]
    other: tuple[Tensor, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    dynamic_axes: Mapping[str, Mapping[int, str]]
    tolerance: float = 5e-3


def write_weights(module: nn.Module, folder: Path, *, half: bool = True) -> None:
    """Nothing; model.safetensors then holds the module's weights, the large ones as float16 where `half`.

    Counters are left out, and a tensor that float16 cannot hold stays float32. Raises: ModelError for a weight that is
    not finite.
    """
    stored = {}
    for name, values in _weights(module).items():
        if not values.isfinite().all():
            raise ModelError(f"weights to be saved need to be finite, got NaN or infinity in {name}")
        stored[name] = _stored(values.detach().cpu(), half=half)
    write_atomic(folder / WEIGHTS, save(stored))


def read_weights(folder: Path) -> dict[str, Tensor]:
    """The weights in `folder`, in float32. Raises: ModelError for a malformed file or a weight that is not finite."""
    arrays = read_arrays(folder / WEIGHTS)
    tensors = ((name, torch.from_numpy(values.copy())) for name, values in arrays.items())
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors}


def load_weights(module: nn.Module, folder: Path) -> None:
    """Nothing; `module` then has the weights in `folder`.

    Raises: ModelError as `read_weights`, and unless names and shapes are exactly the module's.
    """
    given, wanted = read_weights(folder), _weights(module)
    flaws = {
        "missing": sorted(set(wanted) - set(given)),
        "unknown": sorted(set(given) - set(wanted)),
        "of another shape": sorted(
            name for name in set(wanted) & set(given) if wanted[name].shape != given[name].shape
        ),
    }
    if any(flaws.values()):
        told = "; ".join(f"{flaw}: {', '.join(names)}" for flaw, names in flaws.items() if names)
        raise ModelError(f"{folder / WEIGHTS} needs exactly the weights of its configuration, got {told:.300}")
    module.load_state_dict(given, strict=False)


def export_graph(graph: Graph, path: Path) -> None:
    """Nothing; `path` then holds the graph, whose weights are those of the model.safetensors beside it.

    Raises: ModelError where torch cannot export it, where a large tensor of it is not in that file as it is, and where
    ONNX Runtime gives anything else than torch on `graph.other`.
    """
    _trace(graph, path)
    model = onnx.load(path)
    _point(model.graph, path.parent / WEIGHTS)
    write_atomic(path, model.SerializeToString())
    if path.stat().st_size > _INLINE_BYTES:
        raise ModelError(f"{path.name} holds large tensors that are not in {WEIGHTS}")
    _compare(graph, path)


def _weights(module: nn.Module) -> dict[str, Tensor]:
    """What is saved: all but the counters of batch norms, which nothing reads at rest."""
    return {name: values for name, values in module.state_dict().items() if not name.endswith("num_batches_tracked")}


def _stored(values: Tensor, *, half: bool) -> Tensor:
    if not values.is_floating_point():
        return values.to(torch.int64).contiguous()
    full = values.to(torch.float32).contiguous()
    small = full.half()
    return small if half and full.numel() >= HALVED_ELEMENTS and small.isfinite().all() else full


def _trace(graph: Graph, path: Path) -> None:
    """Writes the graph as torch exports it: weights inside, under their names."""
    options: dict[str, Any] = {
        "input_names": list(graph.inputs),
        "output_names": list(graph.outputs),
        "dynamic_axes": {name: dict(axes) for name, axes in graph.dynamic_axes.items()},
        "do_constant_folding": False,  # a folded weight is no longer the stored one
        "training": torch.onnx.TrainingMode.PRESERVE,  # in eval mode; EVAL would merge batch norms into other weights
    }
    try:
        with _plain_attention(), warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of the exporter's own future, and of shapes that it takes as constant
            torch.onnx.export(graph.module, graph.example, str(path), dynamo=False, opset_version=OPSET, **options)
    except Exception as error:  # the exporter raises whatever its passes raise
        raise ModelError(f"{path.name} could not be exported: {reason(error)}") from error


@contextmanager
def _plain_attention() -> Iterator[None]:
    """Without torch's fused attention of eval mode, which ONNX has no word for."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def _point(graph: Any, weights: Path) -> None:
    """Replaces the weights inside a graph by references; what is no weight stays."""
    header, arrays = read_header(weights), read_arrays(weights)
    casts = []
    for inner in list(graph.initializer):
        name = inner.name.partition(".")[2]
        if name not in header:
            continue
        held = numpy_helper.to_array(inner)
        if held.shape != header[name].shape or not np.array_equal(held.astype(header[name].dtype), arrays[name]):
            raise ModelError(f"a graph needs the weights that were saved, got another {name}")
        graph.initializer.remove(inner)
        graph.initializer.append(_reference(name, inner.name, header[name]))
        if header[name].dtype == np.float16:
            graph.initializer[-1].name = f"{inner.name}.half"
            casts.append(onnx.helper.make_node("Cast", [f"{inner.name}.half"], [inner.name], to=TensorProto.FLOAT))
    for cast in casts:
        graph.node.insert(0, cast)


def _reference(name: str, inner: str, stored: Stored) -> Any:
    """An initialiser without data: where in the file it is."""
    reference = TensorProto(
        name=inner,
        data_type=_ONNX_TYPES[stored.dtype.str],
        dims=stored.shape,
        data_location=TensorProto.EXTERNAL,
    )
    where = {"location": WEIGHTS, "offset": stored.start, "length": stored.stop - stored.start}
    for key, value in where.items():
        entry = reference.external_data.add()
        entry.key, entry.value = key, str(value)
    return reference


def _compare(graph: Graph, path: Path) -> None:
    inputs = {name: values.numpy() for name, values in zip(graph.inputs, graph.other, strict=True)}
    with torch.no_grad():
        expected = graph.module(*graph.other)
    try:
        found = open_session(path).run(None, inputs)
    except Exception as error:  # ONNX Runtime's own exceptions share no base class but this
        raise ModelError(f"{path.name} does not run: {reason(error)}") from error
    for wanted, got in zip([expected] if isinstance(expected, Tensor) else expected, found, strict=True):
        wanted = wanted.float().numpy()
        worst = float(np.abs(wanted - got).max()) if wanted.shape == got.shape else float("inf")
        # Not `>`: NaN is no agreement.
        if not worst <= graph.tolerance:
            raise ModelError(f"{path.name} differs from the module by {worst:.2g}, more than {graph.tolerance}")
