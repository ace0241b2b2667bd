from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from semclip.evaluation.answers.labels import place_labels
from semclip.geometry import Box, Size, intersection_area

FRAME = Box(50, 10, 590, 340)
LABEL = Size(90, 16)

markers = st.builds(lambda left, top: Box(left, top, left + 12, top + 12), st.integers(50, 570), st.integers(10, 320))


@given(st.lists(markers, min_size=1, max_size=12))
def test_labels_lie_in_the_frame_over_no_other_label_and_no_marker(some: list[Box]) -> None:
    labels = place_labels(some, [LABEL] * len(some), frame=FRAME)
    assert all(label.size == LABEL and intersection_area(label, FRAME) == label.area for label in labels)
    others = [(label, other) for at, label in enumerate(labels) for other in [*labels[:at], *some]]
    assert not any(intersection_area(label, other) for label, other in others)


def test_a_label_stands_beside_its_marker_where_there_is_room() -> None:
    (label,) = place_labels([Box(100, 100, 112, 112)], [LABEL], frame=FRAME)
    assert label == Box(116, 98, 206, 114)


def test_at_the_right_edge_it_stands_on_the_left() -> None:
    (label,) = place_labels([Box(570, 100, 582, 112)], [LABEL], frame=FRAME)
    assert label == Box(476, 98, 566, 114)


def test_it_keeps_off_what_is_taken() -> None:
    taken = Box(112, 90, 300, 120)
    (label,) = place_labels([Box(100, 100, 112, 112)], [Size(40, 16)], frame=FRAME, taken=[taken])
    assert label == Box(56, 98, 96, 114)


def test_where_all_above_and_below_is_taken_it_stands_further_aside() -> None:
    taken = Box(FRAME.left, FRAME.top, 300, FRAME.bottom)
    (label,) = place_labels([Box(100, 100, 112, 112)], [LABEL], frame=FRAME, taken=[taken])
    assert label == Box(302, 98, 392, 114)
