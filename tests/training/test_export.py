"""From a torch module to files: one copy of the weights, graphs that point into it, strict loading."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from semclip.errors import ModelError
from semclip.relevance.checkpoint import WEIGHTS
from semclip.relevance.checkpoint.weights import read_header
from semclip.training.export import Graph, export_graph, load_weights, read_weights, write_weights

torch.set_num_threads(1)


class Net(nn.Module):
    """A convolution with its norm, attention and a small layer, over (n, 3, 4, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU())
        self.mix = nn.MultiheadAttention(32, 2, batch_first=True)
        self.out = nn.Linear(32, 5)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.body(x).flatten(2).transpose(1, 2)
        mixed, _ = self.mix(tokens, tokens, tokens, need_weights=False)
        found: Tensor = self.out(mixed.mean(1))
        return found


class Whole(nn.Module):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.net(x)
        return found


@pytest.fixture
def net() -> Net:
    torch.manual_seed(0)
    net = Net()
    for weight in net.parameters():
        nn.init.normal_(weight, std=0.1)  # fresh biases are equal, and equal tensors become one in a graph
    net(torch.randn(4, 3, 4, 4))  # moves the norm's statistics from 0 and 1
    return net.eval()


def graph_of(net: nn.Module) -> Graph:
    return Graph(
        Whole(net).eval(),
        example=(torch.randn(1, 3, 4, 4),),
        other=(torch.randn(3, 3, 4, 4),),
        inputs=("x",),
        outputs=("y",),
        dynamic_axes={"x": {0: "n"}, "y": {0: "n"}},
    )


@pytest.mark.parametrize("half", [True, False])
def test_the_graph_gives_what_the_module_gives_and_holds_no_weights(half: bool, net: Net, tmp_path: Path) -> None:
    write_weights(net, tmp_path, half=half)
    export_graph(graph_of(net), tmp_path / "net.onnx")
    x = torch.randn(2, 3, 4, 4)
    (found,) = onnxruntime.InferenceSession(str(tmp_path / "net.onnx")).run(None, {"x": x.numpy()})
    assert np.abs(found - net(x).detach().numpy()).max() < (2e-3 if half else 1e-5)
    initialisers = onnx.load(tmp_path / "net.onnx", load_external_data=False).graph.initializer
    inside = [one for one in initialisers if one.data_location != onnx.TensorProto.EXTERNAL]
    assert sum(len(one.raw_data) for one in inside) < 100
    assert len(initialisers) - len(inside) == len(read_header(tmp_path / WEIGHTS))


def test_large_tensors_are_stored_as_float16_and_small_ones_as_they_are(net: Net, tmp_path: Path) -> None:
    write_weights(net, tmp_path)
    kinds = {name: one.dtype for name, one in read_header(tmp_path / WEIGHTS).items()}
    assert kinds["body.0.weight"] == np.float16
    assert kinds["body.1.running_var"] == kinds["out.weight"] == np.float32
    assert "body.1.num_batches_tracked" not in kinds


def test_a_tensor_that_float16_cannot_hold_stays_float32(net: Net, tmp_path: Path) -> None:
    with torch.no_grad():
        next(net.parameters())[0, 0, 0, 0] = 1e6
    write_weights(net, tmp_path)
    assert read_weights(tmp_path)["body.0.weight"][0, 0, 0, 0] == 1e6


def test_saved_weights_are_loaded_exactly(net: Net, tmp_path: Path) -> None:
    write_weights(net, tmp_path, half=False)
    fresh = Net()
    load_weights(fresh, tmp_path)
    x = torch.randn(2, 3, 4, 4)
    assert torch.equal(fresh.eval()(x), net(x))


def test_the_same_weights_make_the_same_bytes(net: Net, tmp_path: Path) -> None:
    contents = []
    for _ in range(2):
        write_weights(net, tmp_path)
        export_graph(graph_of(net), tmp_path / "net.onnx")
        contents.append([(tmp_path / name).read_bytes() for name in (WEIGHTS, "net.onnx")])
    assert contents[0] == contents[1]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda net: setattr(net, "extra", nn.Linear(2, 2)), "unknown: extra.bias, extra.weight"),
        (lambda net: delattr(net, "out"), "missing: out.bias, out.weight"),
        (lambda net: setattr(net, "out", nn.Linear(32, 6)), "of another shape: out.bias, out.weight"),
    ],
)
def test_weights_of_another_module_are_refused(change: Any, told: str, net: Net, tmp_path: Path) -> None:
    change(net)
    write_weights(net, tmp_path)
    before = Net()
    state = {name: values.clone() for name, values in before.state_dict().items()}
    with pytest.raises(ModelError, match=told):
        load_weights(before, tmp_path)
    assert all(torch.equal(values, state[name]) for name, values in before.state_dict().items())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_not_written(value: float, net: Net, tmp_path: Path) -> None:
    with torch.no_grad():
        net.out.bias[2] = value
    with pytest.raises(ModelError, match=r"infinity in out\.bias"):
        write_weights(net, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_graph_of_other_weights_than_the_saved_ones_is_refused(net: Net, tmp_path: Path) -> None:
    write_weights(net, tmp_path)
    with torch.no_grad():
        next(net.parameters()).add_(0.1)
    with pytest.raises(ModelError, match=r"another body\.0\.weight"):
        export_graph(graph_of(net), tmp_path / "net.onnx")


def test_a_large_tensor_that_was_not_saved_is_refused(net: Net, tmp_path: Path) -> None:
    class Heavy(Net):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("table", torch.randn(5, 60_000), persistent=False)

        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) @ self.table  # type: ignore[operator]

    heavy = Heavy().eval()
    write_weights(heavy, tmp_path)
    with pytest.raises(ModelError, match="large tensors that are not in"):
        export_graph(graph_of(heavy), tmp_path / "net.onnx")


def test_a_graph_that_differs_at_another_size_is_refused(net: Net, tmp_path: Path) -> None:
    class Frozen(Net):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) * int(x.shape[0])

    frozen = Frozen().eval()
    write_weights(frozen, tmp_path)
    with pytest.raises(ModelError, match=r"net\.onnx differs from the module"):
        export_graph(graph_of(frozen), tmp_path / "net.onnx")


def test_a_module_that_cannot_be_exported_is_one_error(net: Net, tmp_path: Path) -> None:
    write_weights(net, tmp_path)
    graph = graph_of(net)
    with pytest.raises(ModelError, match=r"net\.onnx could not be exported") as caught:
        export_graph(replace(graph, example=(torch.randn(1, 2, 4, 4),)), tmp_path / "net.onnx")
    assert "\n" not in str(caught.value)
