"""Finds the nearest of many locations: a k-d tree with buckets, which can be added to and removed from.

A split compares coordinates instead of halving space, so clusters, a distant outlier and numbers near the
limits of a float cost no more than an even spread. A part of the tree that has grown lopsided is rebuilt.

The nearest is that of the numbers as they were written. Floats are fast, but cannot tell 2**53 from
2**53 + 1, and in floats 0.2 is not halfway between 0.1 and 0.3. So a search measures in floats as long as
rounding cannot matter, and exactly from there on.
"""

from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from itertools import islice
from math import dist, inf
from typing import Any, Final, TypeAlias

from cloud_service.core.exact import comparable, squared_distance
from cloud_service.core.numbers import Number

BUCKET: Final = 8
"""The number of locations that a leaf holds before it is split."""

Place: TypeAlias = tuple[Number, Number]
Places: TypeAlias = dict[int, Place]

_MOST_LEAVES: Final = 50
"""A search that orders nothing looks at a handful of leaves, unless all of them are about as far away."""

_ROUNDING: Final = 2.0**-50
"""A distance is off by less than this part of itself and of the coordinates that it was measured from.

Two roundings of a coordinate to a float, their difference and the distance are each off by 2**-53 at most.
"""
_SMALLEST: Final = 2.0**-1070
"""By this much, a distance near the smallest floats may be off in any case."""

_Measure: TypeAlias = Callable[[Any, Any], Any]
"""How far two places are apart, in floats or exactly, or anything that grows with it."""


class _Node:
    """A leaf if it has no `sides`. Otherwise the first has what is below `split`, the second the others.

    A leaf has its locations in floats, each as one number of the complex plane: a tuple of two floats
    is three objects to read, out of memory that nothing else has touched.
    """

    __slots__ = ("axis", "points", "sides", "split")

    def __init__(self) -> None:
        self.points: dict[int, complex] = {}
        self.axis = 0
        self.split: Number = 0.0
        self.sides: tuple[()] | tuple[_Node, _Node] = ()


class NearestIndex:
    """Locations by ID. Distances are Euclidean; of equally near locations, the lower ID counts."""

    def __init__(self, locations: Iterable[tuple[int, Number, Number]] = ()) -> None:
        self._places = {number: (comparable(x), comparable(y)) for number, x, y in locations}
        self._rebuild()

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, number: int) -> bool:
        return number in self._places

    def put(self, number: int, x: Number, y: Number) -> None:
        """Adds a location, or moves it."""
        self.discard(number)
        place = self._places[number] = comparable(x), comparable(y)
        path = self._path(place)
        leaf = path[-1]
        is_one_place = self._is_one_place(leaf, place)
        leaf.points[number] = complex(*place)
        if len(leaf.points) <= BUCKET or is_one_place:
            return
        if _split(leaf, self._places) and len(path) > _most_levels(len(self._places)):
            _build(_lopsided(path), self._places)

    def discard(self, number: int) -> None:
        """Removes a location, if it is there."""
        place = self._places.pop(number, None)
        if place is None:
            return
        del self._path(place)[-1].points[number]
        if len(self._places) < self._built_for // 4:
            self._rebuild()

    def nearest(self, x: Number, y: Number) -> int | None:
        """Returns the ID of the nearest location, or None if there is none."""
        return next(self.by_distance(x, y), None)

    def by_distance(self, x: Number, y: Number) -> Iterator[int]:
        """Yields the IDs from the nearest location to the farthest, and looks no further than it is asked.

        The index must not change meanwhile.
        """
        found = 0
        place = float(x), float(y)
        nearest = _nearest(self._root, place)
        if nearest is not None:
            yield nearest
            found = 1
            for number, away, others in islice(self._search(place, dist), found, None):
                if others is not None and not _are_apart(place, away, others):
                    break
                yield number
                found += 1
            else:
                return
        exactly = self._search((comparable(x), comparable(y)), squared_distance)
        for number, _, _ in islice(exactly, found, None):
            yield number

    def _path(self, place: Place) -> list[_Node]:
        """The nodes from the root to the leaf of this place."""
        path = [self._root]
        while (node := path[-1]).sides:
            below, others = node.sides
            path.append(below if place[node.axis] < node.split else others)
        return path

    def _rebuild(self) -> None:
        self._built_for = max(len(self._places), BUCKET)
        self._root: _Node = _Node()
        self._root.points = {number: complex(*place) for number, place in self._places.items()}
        _build(self._root, self._places)

    def _is_one_place(self, leaf: _Node, place: Place) -> bool:
        """Whether a leaf stays one that cannot be split when a location at this place is added to it.

        Trying to split it each time would take as long as it has locations.
        """
        return len(leaf.points) > BUCKET and self._places[next(iter(leaf.points))] == place

    def _search(self, place: Place, measure: _Measure) -> Iterator[tuple[int, Any, Any]]:
        """Yields locations by their distance: the ID, how far away it is, and how far others are at least."""
        # A node comes before a location that is as far away: it may hold one with a lower ID.
        # Of each leaf that was looked at, its nearest location waits, with the others behind it.
        waiting: list[tuple[Any, bool, int, Any]] = [(0, False, 0, self._root)]
        pushed = 0
        while waiting:
            away, is_location, number, behind = heappop(waiting)
            if is_location:
                _push_next(waiting, behind)
                yield number, away, waiting[0][0] if waiting else None
                continue
            node: _Node = behind
            while node.sides:
                at, split = place[node.axis], node.split
                near, far = node.sides if at < split else node.sides[::-1]
                pushed += 1
                heappush(waiting, (max(away, measure((at,), (split,))), False, pushed, far))
                node = near
            found = [(measure(place, self._places[each]), each) for each in node.points]
            _push_next(waiting, iter(sorted(found)))


def _push_next(waiting: list[tuple[Any, bool, int, Any]], locations: Iterator[tuple[Any, int]]) -> None:
    for away, number in locations:
        heappush(waiting, (away, True, number, locations))
        return


def _nearest(root: _Node, place: Place) -> int | None:
    """The nearest location, measured in floats. None if there is none, or it is not found in a few steps.

    Most bookings need no other. Where nothing has to be put in order, a search takes half of the time. It is
    left to the other one where rounding might matter, and where too many locations are about as near.
    """
    leaf, distances, here = root, [inf], complex(*place)
    away = others = inf
    passed = [(0.0, root)]
    leaves = 0
    while passed:
        least, node = passed.pop()
        if least > away:
            if least < others:
                others = least
            continue
        while node.sides:
            below, above = node.sides
            beyond = place[node.axis] - node.split
            if beyond < 0:
                passed.append((-beyond, above))
                node = below
            else:
                passed.append((beyond, below))
                node = above
        leaves += 1
        if leaves > _MOST_LEAVES:
            return None
        try:
            found = [abs(point - here) for point in node.points.values()]
        except OverflowError:
            return None
        closest = min(found, default=inf)
        if closest < away:
            leaf, distances, others, away = node, found, away, closest
        elif closest < others:
            others = closest
    at = distances.index(away)
    distances[at] = others
    return list(leaf.points)[at] if _are_apart(place, away, min(distances)) else None


def _are_apart(place: Place, away: float, others: float) -> bool:
    """Whether a location is nearer than all others, however the distances from a place were rounded.

    Infinite distances are not apart: their difference is not a number.
    """
    reach = abs(place[0]) + abs(place[1])
    return others - away > _rounding(reach, others) + _rounding(reach, away)


def _rounding(reach: float, distance: float) -> float:
    """By how much a distance in floats may be off, from a place whose coordinates have this sum."""
    return _ROUNDING * (reach + distance) + _SMALLEST


def _most_levels(count: int) -> int:
    """The depth beyond which a tree of this many locations counts as lopsided."""
    return 2 * count.bit_length()


def _lopsided(path: list[_Node]) -> _Node:
    """Returns the lowest node of the path with too many levels below it: rebuilding that part suffices."""
    for levels, node in enumerate(reversed(path), 1):
        if levels > _most_levels(len(_all_points(node))):
            return node
    return path[0]


def _all_points(node: _Node) -> dict[int, complex]:
    """All locations at or below a node."""
    points: dict[int, complex] = {}
    nodes = [node]
    while nodes:
        node = nodes.pop()
        points.update(node.points)
        nodes += node.sides
    return points


def _build(top: _Node, places: Places) -> None:
    """Rebuilds everything below a node, as balanced as possible."""
    top.points, top.sides = _all_points(top), ()
    unsplit = [top]
    while unsplit:
        node = unsplit.pop()
        if len(node.points) > BUCKET and _split(node, places):
            unsplit += node.sides


def _split(leaf: _Node, places: Places) -> bool:
    """Splits a leaf at the median of its wider axis. Returns False if all its locations are the same."""
    numbers = tuple(zip(*map(places.__getitem__, leaf.points), strict=True))
    ends = [(min(each), max(each)) for each in numbers]
    # The span may be lost in rounding, so an axis with a single value is narrower than any other.
    spans = [(lowest != highest, highest - lowest) for lowest, highest in ends]
    axis = 0 if spans[0] >= spans[1] else 1
    if ends[axis][0] == ends[axis][1]:
        return False
    values = sorted(set(numbers[axis]))
    leaf.split = values[len(values) // 2]
    below, others = leaf.sides = _Node(), _Node()
    for number, point in leaf.points.items():
        side = below if places[number][axis] < leaf.split else others
        side.points[number] = point
    leaf.axis, leaf.points = axis, {}
    return True
