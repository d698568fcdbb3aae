"""Ids noted by their hashes: against sets and counts, and in how little memory."""

import tracemalloc
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from relevance_neurons.collections.ids import Ids

IDS = st.lists(st.text(max_size=3))


def noted(ids):
    found = Ids()
    for id_ in ids:
        found.add(id_)
    return found


@given(IDS, IDS)
def test_knows_what_came_and_what_came_twice(came, asked):
    found = noted(came)
    assert len(found) == len(came)
    assert [id_ in found for id_ in asked] == [id_ in set(came) for id_ in asked]
    twice = [id_ for id_, n in Counter(came).items() if n > 1]
    repeated = found.repeated()
    assert len(repeated) == len(twice)
    assert all(id_ in repeated for id_ in twice)
    assert not any(id_ in repeated for id_ in set(came) - set(twice))


def test_more_can_come_after_a_question():
    found = noted(["b", "c"])
    assert "a" not in found
    found.add("a")
    assert "a" in found and "b" in found and "d" not in found


def test_an_id_takes_eight_bytes():
    tracemalloc.start()
    found = noted(f"a document of a long name, number {i}" for i in range(200_000))
    held = tracemalloc.get_traced_memory()[0]
    assert "another" not in found and not len(found.repeated())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert held < 8 * 200_000 * 1.2  # the array grows by an eighth
    assert peak < 3 * 8 * 200_000
