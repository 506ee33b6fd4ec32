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
from math import hypot
from operator import sub
from typing import Any, Final

from cloud_service.core.exact import comparable, difference, squared_length
from cloud_service.core.numbers import Number

BUCKET: Final = 16
"""The number of locations that a leaf holds before it is split."""

Entry = tuple[int, Number, Number]

_ROUNDING: Final = 2.0**-50
"""A distance is off by less than this part of itself and of the coordinates that it was measured from.

Two roundings of a coordinate to a float, their difference and `hypot` are each off by 2**-53 at most.
"""
_SMALLEST: Final = 2.0**-1070
"""By this much, a distance near the smallest floats may be off in any case."""

_Subtract = Callable[[Any, Any], Any]
_Length = Callable[[Any, Any], Any]
"""In floats, or exactly."""


class _Node:
    """A leaf if `axis` is None. Otherwise `left` has the locations below `split`, and `right` the others."""

    __slots__ = ("axis", "entries", "left", "right", "split")

    def __init__(self, entries: dict[int, Entry]) -> None:
        self.entries = entries
        self.axis: int | None = None
        self.split: Number = 0.0
        self.left: _Node | None = None
        self.right: _Node | None = None


class NearestIndex:
    """Locations by ID. Distances are Euclidean; of equally near locations, the lower ID counts."""

    def __init__(self, places: Iterable[Entry] = ()) -> None:
        self._places: dict[int, Entry] = {number: _entry(number, x, y) for number, x, y in places}
        self._rebuild()

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, number: int) -> bool:
        return number in self._places

    def put(self, number: int, x: Number, y: Number) -> None:
        """Adds a location, or moves it."""
        self.discard(number)
        entry = _entry(number, x, y)
        self._places[number] = entry
        path = self._path(entry)
        leaf = path[-1]
        is_one_place = _is_one_place(leaf, entry)
        leaf.entries[number] = entry
        if len(leaf.entries) <= BUCKET or is_one_place:
            return
        if _split(leaf) and len(path) > _most_levels(len(self._places)):
            _build(_lopsided(path))

    def discard(self, number: int) -> None:
        """Removes a location, if it is there."""
        entry = self._places.pop(number, None)
        if entry is None:
            return
        del self._path(entry)[-1].entries[number]
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
        reach = abs(place[0]) + abs(place[1])
        for number, away, others in _search(self._root, place, sub, hypot):
            # Infinite distances are not apart: their difference is not a number.
            if others is not None and not (others - away > _rounding(reach, others) + _rounding(reach, away)):
                break
            yield number
            found += 1
        else:
            return
        exactly = _search(self._root, (x, y), difference, squared_length)
        for number, _, _ in islice(exactly, found, None):
            yield number

    def _path(self, entry: Entry) -> list[_Node]:
        """The nodes from the root to the leaf of this location."""
        path = [self._root]
        while (node := path[-1]).axis is not None:
            child = node.left if entry[node.axis + 1] < node.split else node.right
            assert child is not None
            path.append(child)
        return path

    def _rebuild(self) -> None:
        self._built_for = max(len(self._places), BUCKET)
        self._root: _Node = _Node(dict(self._places))
        _build(self._root)


def _entry(number: int, x: Number, y: Number) -> Entry:
    return number, comparable(x), comparable(y)


def _search(
    root: _Node, place: tuple[Number, Number], subtract: _Subtract, length: _Length
) -> Iterator[tuple[int, Any, Any]]:
    """Yields locations by their distance: the ID, how far away it is, and how far the others are at least.

    `length` is that of a vector, or anything that grows with it.
    """
    # A node comes before a location that is as far away: it may hold one with a lower ID.
    waiting: list[tuple[Any, bool, int, _Node | None]] = [(0, False, 0, root)]
    pushed = 0
    while waiting:
        away, _, number, node = heappop(waiting)
        if node is None:
            yield number, away, waiting[0][0] if waiting else None
            continue
        while node.axis is not None:
            offset = subtract(place[node.axis], node.split)
            near, far = (node.left, node.right) if offset < 0 else (node.right, node.left)
            assert near is not None
            pushed += 1
            heappush(waiting, (max(away, length(offset, 0)), False, pushed, far))
            node = near
        for number, x, y in node.entries.values():
            distance = length(subtract(place[0], x), subtract(place[1], y))
            heappush(waiting, (distance, True, number, None))


def _rounding(reach: float, distance: float) -> float:
    """By how much a distance in floats may be off, from a place whose coordinates have this sum."""
    return _ROUNDING * (reach + distance) + _SMALLEST


def _most_levels(count: int) -> int:
    """The depth beyond which a tree of this many locations counts as lopsided."""
    return 2 * count.bit_length()


def _lopsided(path: list[_Node]) -> _Node:
    """Returns the lowest node of the path with too many levels below it: rebuilding that part suffices."""
    for levels, node in enumerate(reversed(path), 1):
        if levels > _most_levels(len(_entries(node))):
            return node
    return path[0]


def _is_one_place(leaf: _Node, entry: Entry) -> bool:
    """Whether a leaf stays one that cannot be split when this location is added to it.

    Trying to split it each time would take as long as it has locations.
    """
    return len(leaf.entries) > BUCKET and next(iter(leaf.entries.values()))[1:] == entry[1:]


def _entries(node: _Node) -> dict[int, Entry]:
    """All locations at or below a node."""
    entries: dict[int, Entry] = {}
    nodes = [node]
    while nodes:
        node = nodes.pop()
        entries.update(node.entries)
        nodes += [child for child in (node.left, node.right) if child is not None]
    return entries


def _build(top: _Node) -> None:
    """Rebuilds everything below a node, as balanced as possible."""
    top.entries, top.axis, top.left, top.right = _entries(top), None, None, None
    unsplit = [top]
    while unsplit:
        node = unsplit.pop()
        if len(node.entries) > BUCKET and _split(node):
            assert node.left is not None
            assert node.right is not None
            unsplit += (node.left, node.right)


def _split(leaf: _Node) -> bool:
    """Splits a leaf at the median of its wider axis. Returns False if all its locations are the same."""
    entries = sorted(leaf.entries.values())
    values = [sorted({entry[axis + 1] for entry in entries}) for axis in (0, 1)]
    # The span may be lost in rounding, so an axis with a single value is narrower than any other.
    spans = [(len(each) > 1, each[-1] - each[0]) for each in values]
    axis = 0 if spans[0] >= spans[1] else 1
    if len(values[axis]) == 1:
        return False
    leaf.split = values[axis][len(values[axis]) // 2]
    leaf.left = _Node({entry[0]: entry for entry in entries if entry[axis + 1] < leaf.split})
    leaf.right = _Node({entry[0]: entry for entry in entries if entry[axis + 1] >= leaf.split})
    leaf.axis, leaf.entries = axis, {}
    return True
