"""Finds the nearest of many locations: a k-d tree with buckets, which can be added to and removed from.

A split compares coordinates instead of halving space, so clusters, a distant outlier and numbers near the
limits of a float cost no more than an even spread. A part of the tree that has grown lopsided is rebuilt.
"""

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from math import hypot, inf
from typing import Final

from cloud_service.core.records import Number

BUCKET: Final = 16
"""The number of locations that a leaf holds before it is split."""

Entry = tuple[int, float, float]


class _Node:
    """A leaf if `axis` is None. Otherwise `left` has the locations below `split`, and `right` the others."""

    __slots__ = ("axis", "entries", "left", "right", "split")

    def __init__(self, entries: dict[int, Entry]) -> None:
        self.entries = entries
        self.axis: int | None = None
        self.split = 0.0
        self.left: _Node | None = None
        self.right: _Node | None = None


class NearestIndex:
    """Locations by ID. Distances are Euclidean; of equally near locations, the lower ID counts."""

    def __init__(self, places: Iterable[tuple[int, Number, Number]] = ()) -> None:
        self._places: dict[int, Entry] = {number: (number, float(x), float(y)) for number, x, y in places}
        self._rebuild()

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, number: int) -> bool:
        return number in self._places

    def put(self, number: int, x: Number, y: Number) -> None:
        """Adds a location, or moves it."""
        self.discard(number)
        entry = (number, float(x), float(y))
        self._places[number] = entry
        path = self._path(entry)
        leaf = path[-1]
        leaf.entries[number] = entry
        if len(leaf.entries) > BUCKET and _split(leaf) and len(path) > _most_levels(len(self._places)):
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
        place = float(x), float(y)
        best, best_distance = None, inf
        waiting: list[tuple[float, _Node]] = [(0.0, self._root)]
        while waiting:
            away, node = waiting.pop()
            if away > best_distance:
                continue
            while node.axis is not None:
                offset = place[node.axis] - node.split
                near, far = (node.left, node.right) if offset < 0 else (node.right, node.left)
                assert near is not None
                assert far is not None
                if abs(offset) <= best_distance:
                    waiting.append((abs(offset), far))
                node = near
            for number, other_x, other_y in node.entries.values():
                distance = hypot(place[0] - other_x, place[1] - other_y)
                if distance < best_distance or (
                    distance == best_distance and (best is None or number < best)
                ):
                    best, best_distance = number, distance
        return best

    def by_distance(self, x: Number, y: Number) -> Iterator[int]:
        """Yields the IDs from the nearest location to the farthest, and looks no further than it is asked.

        The index must not change meanwhile.
        """
        place = float(x), float(y)
        # A node comes before a location that is as far away: it may hold one with a lower ID.
        waiting: list[tuple[float, bool, int, _Node | None]] = [(0.0, False, 0, self._root)]
        pushed = 0
        while waiting:
            away, _, number, node = heappop(waiting)
            if node is None:
                yield number
                continue
            while node.axis is not None:
                offset = place[node.axis] - node.split
                near, far = (node.left, node.right) if offset < 0 else (node.right, node.left)
                assert near is not None
                pushed += 1
                heappush(waiting, (max(away, abs(offset)), False, pushed, far))
                node = near
            for number, other_x, other_y in node.entries.values():
                heappush(waiting, (hypot(place[0] - other_x, place[1] - other_y), True, number, None))

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


def _most_levels(count: int) -> int:
    """The depth beyond which a tree of this many locations counts as lopsided."""
    return 2 * count.bit_length()


def _lopsided(path: list[_Node]) -> _Node:
    """Returns the lowest node of the path with too many levels below it: rebuilding that part suffices."""
    for levels, node in enumerate(reversed(path), 1):
        if levels > _most_levels(len(_entries(node))):
            return node
    return path[0]


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
    spans = []
    for axis in (0, 1):
        values = [entry[axis + 1] for entry in entries]
        spans.append(max(values) - min(values))
    axis = 0 if spans[0] >= spans[1] else 1
    if spans[axis] == 0:
        return False
    values = sorted({entry[axis + 1] for entry in entries})
    leaf.split = values[len(values) // 2]
    leaf.left = _Node({entry[0]: entry for entry in entries if entry[axis + 1] < leaf.split})
    leaf.right = _Node({entry[0]: entry for entry in entries if entry[axis + 1] >= leaf.split})
    leaf.axis, leaf.entries = axis, {}
    return True
