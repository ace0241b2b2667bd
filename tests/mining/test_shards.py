"""Shards: what is written is read again, the same rows are the same bytes, and nothing foreign is taken for a shard."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from semclip.errors import InputError
from semclip.geometry import Box, Size
from semclip.mining.shards import MinedRow, decode_shard, encode_shard
from tests.strategies import boxes

ROOT = Path("set")
SIZE = Size(100, 100)

texts = st.text(st.characters(codec="utf-8"), max_size=8)


@st.composite
def mined_rows(draw: st.DrawFn) -> MinedRow:
    edges = [box.to_list() for box in draw(st.lists(boxes(SIZE), min_size=1, max_size=5))]
    rewards = draw(st.lists(st.floats(0, 1, width=32), min_size=len(edges), max_size=len(edges)))
    return MinedRow(
        id=draw(texts),
        image=ROOT / "images" / draw(st.sampled_from(["a.png", "b/ä.png"])),
        digest=draw(texts),
        size=SIZE,
        question=draw(texts),
        answers=tuple(draw(st.lists(texts, max_size=3))),
        evidence=tuple(draw(st.lists(boxes(SIZE), max_size=2))),
        split=draw(st.none() | texts),
        edges=np.array(edges, np.int32),
        rewards=np.array(rewards, np.float32),
        passes=draw(st.integers(0, 99)),
    )


shards = st.lists(mined_rows(), max_size=4)


def told(row: MinedRow) -> tuple[object, ...]:
    names = [name for name in row.__slots__ if name not in ("edges", "rewards")]
    return (*(getattr(row, name) for name in names), row.edges.tolist(), row.rewards.tolist())


def decoded(data: bytes, root: Path = ROOT) -> list[MinedRow]:
    return decode_shard(data, root, name="it")


@given(shards)
def test_what_was_written_is_read_again(shard: list[MinedRow]) -> None:
    again = decoded(encode_shard(shard, ROOT))
    assert [told(row) for row in again] == [told(row) for row in shard]


@given(shards)
def test_the_same_rows_are_the_same_bytes(shard: list[MinedRow]) -> None:
    data = encode_shard(shard, ROOT)
    assert encode_shard(decoded(data), ROOT) == data


@given(mined_rows())
def test_pictures_move_with_their_root_but_for_those_that_lie_elsewhere(row: MinedRow) -> None:
    [moved] = decoded(encode_shard([row], ROOT), Path("elsewhere"))
    assert moved.image == Path("elsewhere") / row.image.relative_to(ROOT)
    [kept] = decoded(encode_shard([row], Path("other")), Path("elsewhere"))
    assert kept.image == row.image.absolute()


@given(mined_rows())
def test_a_row_knows_its_boxes_and_its_positives(row: MinedRow) -> None:
    assert row.boxes == tuple(Box(*edges) for edges in row.edges.tolist())
    assert row.positives == sum(reward >= 0.5 for reward in row.rewards)


@given(mined_rows(), st.sampled_from([(-0.1,), (1.5,), (float("nan"),)]))
def test_rewards_that_are_none_are_refused(row: MinedRow, reward: tuple[float]) -> None:
    row.rewards[0] = reward[0]
    with pytest.raises(InputError, match="a reward from 0 to 1 each"):
        decoded(encode_shard([row], ROOT))


@given(st.binary(max_size=60))
def test_what_is_no_parquet_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="semclip mine wrote, got it"):
        decoded(data)


def test_a_parquet_file_of_something_else_is_refused() -> None:
    file = BytesIO()
    parquet.write_table(pa.table({"id": ["a"]}), file)
    with pytest.raises(InputError, match="its columns are others"):
        decoded(file.getvalue())
