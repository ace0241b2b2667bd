"""Reading safetensors strictly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from safetensors.numpy import save

from semclip.errors import ModelError
from semclip.relevance.checkpoint.weights import read_arrays, read_header

TENSORS = st.dictionaries(
    st.text(min_size=1).filter(lambda name: name != "__metadata__" and name.isprintable()),
    st.sampled_from(["<f4", "<f2", "<i8"]).flatmap(
        lambda kind: arrays(kind, array_shapes(min_side=0), elements=st.integers(-9, 9))
    ),
    max_size=5,
)


@given(tensors=TENSORS)
def test_what_the_library_wrote_is_read_back(tensors: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("w") / "model.safetensors"
    path.write_bytes(save(tensors, {"who": "we"}))
    found = read_arrays(path)
    assert {name: (values.dtype, values.tolist()) for name, values in found.items()} == {
        name: (values.dtype, values.tolist()) for name, values in tensors.items()
    }


def written(path: Path, header: str | dict[str, Any], data: bytes) -> Path:
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def entry(begin: int, end: int, shape: list[int], dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


TWICE = f'{{"a": {json.dumps(entry(0, 4, [1]))}, "a": {json.dumps(entry(0, 8, [2]))}}}'


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(TWICE, id="a name twice"),
        pytest.param({"a": entry(0, 8, [1])}, id="more bytes than its shape"),
        pytest.param({"a": entry(0, 4, [1])}, id="bytes of no tensor"),
        pytest.param({"a": entry(4, 8, [1])}, id="a gap before"),
        pytest.param({"a": entry(0, 4, [1]), "b": entry(0, 8, [2])}, id="an overlap"),
        pytest.param({"a": entry(0, 16, [4])}, id="past the end"),
        pytest.param({"a": entry(0, 8, [2], "F8")}, id="an unknown type"),
        pytest.param({"a": entry(0, 8, [-1, -2])}, id="negative sides"),
        pytest.param({"a": entry(0, 8, [True, 2])}, id="a side that is no number"),
        pytest.param({"a": {"dtype": "F32"}}, id="entries missing"),
        pytest.param({"a": 5}, id="no entry"),
        pytest.param("[]", id="no object"),
        pytest.param("{", id="no JSON"),
        pytest.param("[" * 100_000, id="JSON without end"),
    ],
)
def test_a_malformed_file_is_one_error(header: str | dict[str, Any], tmp_path: Path) -> None:
    path = written(tmp_path / "model.safetensors", header, bytes(8))
    with pytest.raises(ModelError, match=r"well-formed weights in .*model\.safetensors") as caught:
        read_header(path)
    assert "\n" not in str(caught.value)


@given(data=st.binary(max_size=64))
def test_bytes_that_are_no_weights_are_one_error(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("w") / "model.safetensors"
    path.write_bytes(data)
    with pytest.raises(ModelError):
        read_header(path)


@given(
    place=st.integers(0, 20),
    value=st.sampled_from([np.nan, np.inf, -np.inf]),
    dtype=st.sampled_from([np.float16, np.float32]),
)
def test_one_value_that_is_not_finite_is_found(
    place: int, value: float, dtype: type[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    values = np.zeros(21, dtype)
    values[place] = value
    path = tmp_path_factory.mktemp("w") / "model.safetensors"
    path.write_bytes(save({"good": np.ones(3, np.float32), "bad": values}))
    with pytest.raises(ModelError, match="infinity in bad"):
        read_arrays(path)
