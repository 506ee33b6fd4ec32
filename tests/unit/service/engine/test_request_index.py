"""The index of the requests that are remembered."""

from cloud_service.service.engine.request_index import RequestIndex


def test_requests_with_the_same_key_are_all_found_and_removed_one_by_one() -> None:
    index = RequestIndex(100)
    for position, key in enumerate((7, -7, 7, 8, 7)):
        index.add(key, position)
    assert index.positions(7) == [0, 2, 4]
    assert index.positions(-7) == [1]
    assert len(index) == 5

    index.remove(7, 2)

    assert index.positions(7) == [0, 4]
    assert index.positions(8) == [3]
    assert index.positions(9) == []
    assert len(index) == 4


def test_what_only_looks_like_an_entry_in_the_bytes_of_two_others_is_none() -> None:
    index = RequestIndex(1)
    for key, position in ((5, 7), (9, 8), (7, 9)):
        index.add(key, position)
    assert index.positions(8) == []

    index.remove(7, 9)

    assert [index.positions(key) for key in (5, 9, 7)] == [[7], [8], []]


def test_keys_are_signed_numbers_of_64_bits() -> None:
    index = RequestIndex(1_000)
    for position, key in enumerate((-(2**63), 2**63 - 1, 0, -1)):
        index.add(key, position)
        assert index.positions(key) == [position]


def test_an_index_for_more_requests_than_there_will_ever_be_is_small() -> None:
    index = RequestIndex(10**15)
    index.add(7, 0)
    assert index.positions(7) == [0]
