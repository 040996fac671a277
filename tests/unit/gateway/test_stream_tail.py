"""How much of a stream may stay, and what of it is lost."""

from gateway.stream_tail import StreamTail, Written, place_of


def filled(tail: StreamTail, sizes: list[int]) -> int:
    """Writes entries of these sizes and as many events, at places from 1 on; how many events went unread."""
    lost = 0
    for place, size in enumerate(sizes, 1):
        lost += tail.make_room(size)
        tail.add(Written(place, size, size))
    return lost


def test_small_entries_are_bounded_by_their_number() -> None:
    tail = StreamTail(entries=5, size=100)
    assert (filled(tail, [1] * 7), tail.longest) == (2, 5)


def test_large_entries_are_bounded_by_their_bytes_and_take_no_more_of_the_small_ones_than_needed() -> None:
    tail = StreamTail(entries=100, size=100)
    assert (filled(tail, [1] * 50 + [40]), tail.longest) == (0, 100)
    assert (filled(tail, [40]), tail.longest) == (30, 22)


def test_an_entry_that_alone_is_too_large_is_written_all_the_same() -> None:
    tail = StreamTail(entries=100, size=100)
    assert (filled(tail, [10, 500]), tail.longest) == (10, 1)


def test_what_was_read_is_not_lost() -> None:
    tail = StreamTail(entries=5, size=100)
    filled(tail, [1] * 5)
    assert tail.settle(first=1, read=2) == 0
    assert [tail.make_room(size) for size in (97, 98)] == [0, 1]


def test_what_another_writer_pushed_out_is_lost_once() -> None:
    tail = StreamTail(entries=5, size=100)
    filled(tail, [1] * 5)
    assert [tail.settle(first=4, read=1) for _ in range(2)] == [2, 0]
    assert [tail.make_room(size) for size in (98, 100)] == [0, 2]


def test_places_are_in_the_order_of_the_stream() -> None:
    entry_ids = [b"9-9", b"10-0", b"10-2", b"10-10"]
    assert sorted(entry_ids, key=place_of) == entry_ids
