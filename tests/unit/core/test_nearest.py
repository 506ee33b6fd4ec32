"""The nearest is the nearest: against brute force, wherever the locations lie."""

import time
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cloud_service.core.nearest import NearestIndex
from cloud_service.core.numbers import Number
from tests.unit.core.reference import nearest


def index_of(places: dict[int, tuple[Number, Number]]) -> NearestIndex:
    index = NearestIndex()
    for number, (x, y) in places.items():
        index.put(number, x, y)
    return index


def test_nothing_is_near_where_nothing_is() -> None:
    assert NearestIndex().nearest(0, 0) is None


def test_one_location_is_the_nearest_from_anywhere() -> None:
    index = index_of({7: (3, 4)})
    for place in ((0, 0), (3, 4), (1e308, -1e308), (-1.7e308, 1.7e308)):
        assert index.nearest(*place) == 7


def test_a_tie_goes_to_the_lower_id() -> None:
    assert index_of({3: (0, 5), 2: (3, 4), 9: (-5, 0), 4: (4, -3)}).nearest(0, 0) == 2


def test_a_tie_across_many_leaves_goes_to_the_lower_id() -> None:
    ring = [(3, 4), (4, 3), (-3, 4), (-4, 3), (3, -4), (4, -3), (-3, -4), (-4, -3), (0, 5), (5, 0)]
    far = {number: (number * 10, 100 - number) for number in range(100, 400)}
    index = index_of({**far, **{50 - at: place for at, place in enumerate(ring)}})
    assert index.nearest(0, 0) == 41


def test_what_moved_is_found_where_it_is() -> None:
    index = index_of({1: (0, 0), 2: (10, 0)})
    index.put(1, 20, 0)
    assert index.nearest(0, 0) == 2
    assert index.nearest(19, 0) == 1
    assert len(index) == 2


def test_what_was_removed_is_not_found() -> None:
    index = index_of({1: (0, 0), 2: (10, 0)})
    index.discard(1)
    index.discard(1)
    assert index.nearest(0, 0) == 2
    assert 1 not in index
    index.discard(2)
    assert index.nearest(0, 0) is None


def test_many_at_one_location() -> None:
    index = index_of(dict.fromkeys(range(200, 0, -1), (1.5, 2.5)))
    assert index.nearest(1e9, -1e9) == 1
    for number in range(1, 200):
        index.discard(number)
    assert index.nearest(0, 0) == 200


@pytest.mark.parametrize("offset", [2**53, 10**20, 10**300, -(2**53)])
def test_neighbouring_integers_beyond_the_floats_are_apart(offset: int) -> None:
    index = index_of({1: (offset, 0), 2: (offset + 1, 0), 3: (offset + 3, 0)})
    for x, number in ((offset, 1), (offset + 1, 2), (offset + 2, 2), (offset + 3, 3), (offset + 4, 3)):
        assert index.nearest(x, 0) == number


def test_many_integers_that_fall_together_in_floats_are_found_each() -> None:
    index = index_of({number: (10**30, 10**30 + number) for number in range(1, 201)})
    for number in range(1, 201):
        assert index.nearest(10**30, 10**30 + number) == number


def test_the_nearest_of_a_float_and_an_integer_beyond_the_floats() -> None:
    index = index_of({1: (2.0**53, 0), 2: (2**53 + 2, 0)})
    assert index.nearest(2**53 + 1, 0) == 1, "a tie"
    index.put(2, 2**53 + 1, 0)
    assert index.nearest(2**53 + 1, 0) == 2


def test_a_tie_of_decimal_numbers_goes_to_the_lower_id() -> None:
    """In floats, 0.2 is nearer to 0.3 than to 0.1."""
    assert index_of({1: (0.1, 0), 2: (0.3, 0)}).nearest(0.2, 0) == 1
    assert index_of({1: (0.3, 0), 2: (0.1, 0)}).nearest(0.2, 0) == 1
    assert index_of({2: (10**23, 0), 1: (1e23, 1)}).nearest(1e23, 0) == 2


def test_a_tie_across_a_split_of_the_tree_goes_to_the_lower_id() -> None:
    """In floats, all that is from 0.5 on is farther from 0.3 than 0.1 is."""
    below, above = (0.1, -1, -2, -3), (0.5, 10, 11, 12, 13)
    numbers = {1: 0.5, 2: 0.1} | dict(enumerate((*below[1:], *above[1:]), 3))
    assert index_of({number: (x, 0) for number, x in numbers.items()}).nearest(0.3, 0) == 1


def test_distances_that_rounding_makes_equal_are_apart() -> None:
    """In floats both are 1e16 away, or infinitely far."""
    assert index_of({1: (1, 0), 2: (2, 0)}).nearest(1e16, 0) == 2
    assert index_of({1: (-1e308, 0), 2: (-9e307, 1)}).nearest(1e308, 0) == 2
    assert index_of({1: (1.5e308, 1.5e308), 2: (1.5e308, 1.4e308)}).nearest(0, 0) == 2


@pytest.mark.alone
def test_a_place_far_beyond_all_locations_costs_little_more_than_one_among_them() -> None:
    """In floats, all are equally far from it."""
    index = index_of({number: (number, 0) for number in range(1, 20_001)})
    began = time.process_time()
    for _ in range(100):
        assert index.nearest(1e300, 0) == 20_000
    assert time.process_time() - began < 4


coordinates = st.one_of(
    st.integers(-5, 5),
    st.integers(2**53 - 3, 2**53 + 3),
    st.integers(10**30, 10**30 + 3),
    st.integers(10**23 - 10**7, 10**23 + 1),
    st.sampled_from(
        [0.1, 0.2, 0.30000000000000004, 1e-300, 5e-324, -0.0, 1e300, -1e300, 1e308, 10**15, 1e23]
    ),
    st.floats(-100, 100),
    st.floats(allow_nan=False, allow_infinity=False),
)
places = st.tuples(coordinates, coordinates)
clusters = st.builds(
    lambda x, y, dx, dy: (x * 1000 + dx, y * 1000 + dy),
    st.integers(-2, 2),
    st.integers(-2, 2),
    st.floats(-1e-3, 1e-3),
    st.floats(-1e-3, 1e-3),
)


@given(
    st.dictionaries(st.integers(1, 500), places | clusters, max_size=120),
    st.lists(places | clusters, min_size=1, max_size=10),
)
def test_the_nearest_is_that_of_brute_force(
    known: dict[int, tuple[Number, Number]], questions: list[tuple[Number, Number]]
) -> None:
    index = index_of(known)
    for place in [*questions, *known.values()]:
        assert index.nearest(*place) == nearest(known, *place)


@pytest.mark.parametrize("width", [1, 1000, 1e-6])
def test_the_nearest_of_many_is_that_of_brute_force(width: float) -> None:
    """Two thousand evenly in a strip: the nearest often lies beyond the border of a leaf."""
    chance = Random(7)
    known: dict[int, tuple[Number, Number]] = {
        number: (chance.random() * 1000, chance.random() * width) for number in range(1, 2001)
    }
    index = index_of(known)
    for _ in range(200):
        place = chance.random() * 1000, chance.random() * width
        assert index.nearest(*place) == nearest(known, *place)


class Moves(RuleBasedStateMachine):
    """Additions, moves and removals in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.index = NearestIndex()
        self.places: dict[int, tuple[Number, Number]] = {}

    @rule(number=st.integers(1, 300), place=places | clusters)
    def put(self, number: int, place: tuple[Number, Number]) -> None:
        self.index.put(number, *place)
        self.places[number] = place

    @rule(first=st.integers(1, 300), count=st.integers(1, 100), step=st.sampled_from([(1, 0), (0.5, 0.25)]))
    def put_a_row(self, first: int, count: int, step: tuple[float, float]) -> None:
        for number in range(first, first + count):
            self.put(number, (number * step[0], number * step[1]))

    @rule(number=st.integers(1, 300))
    def discard(self, number: int) -> None:
        self.index.discard(number)
        self.places.pop(number, None)

    @precondition(lambda self: self.places)
    @rule(keep=st.integers(0, 3))
    def discard_nearly_all(self, keep: int) -> None:
        for number in sorted(self.places)[keep:]:
            self.discard(number)

    @rule(place=places | clusters)
    def ask(self, place: tuple[Number, Number]) -> None:
        assert self.index.nearest(*place) == nearest(self.places, *place)

    @invariant()
    def counts(self) -> None:
        assert len(self.index) == len(self.places)


TestMoves = Moves.TestCase


@pytest.mark.alone
def test_locations_in_order_cost_little_more_than_in_disorder() -> None:
    """Imports and files bring them in order. Rebuilding everything now and then took a minute."""
    began = time.process_time()
    index = index_of({number: (number, 0) for number in range(1, 100_001)})
    assert time.process_time() - began < 20
    assert index.nearest(77_777.4, 0) == 77_777


@given(
    st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)) | places, max_size=60),
    st.integers(-9, 9) | coordinates,
)
def test_all_by_distance(places: list[tuple[Number, Number]], x: Number) -> None:
    located: dict[int, tuple[Number, Number]] = {**dict(enumerate(places, 1))}
    found = list(index_of(located).by_distance(x, 0))
    expected = []
    while located:
        number = nearest(located, x, 0)
        assert number is not None
        expected.append(number)
        del located[number]
    assert found == expected
