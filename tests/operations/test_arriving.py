"""How far a request on its way is, whatever pieces it comes in."""

from contextlib import suppress
from itertools import pairwise

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import ParseException
from gunicorn.http.parser import RequestParser
from hypothesis import given
from hypothesis import strategies as st

from service.web.arriving import MAX_HEAD_BYTES, Arriving, Progress

HEAD = b"PUT /x HTTP/1.1\r\nHost: x\r\n"
bodies = st.binary(max_size=200)


def in_pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    at = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(at)]


@given(body=bodies, cuts=st.lists(st.integers(min_value=0), max_size=8))
def test_a_request_is_whole_when_its_last_byte_is_here_and_not_before(body: bytes, cuts: list[int]) -> None:
    request = HEAD + b"content-length:  %d \r\n\r\n" % len(body) + body
    arriving = Arriving(1_000)
    *before, last = [arriving.take(piece) for piece in in_pieces(request, cuts)]
    assert set(before) <= {Progress.MORE}
    assert last is Progress.WHOLE
    assert bytes(arriving.data) == request


def test_without_a_length_a_request_ends_with_its_head() -> None:
    arriving = Arriving(10)
    assert [arriving.take(piece) for piece in (HEAD, b"\r", b"\n")] == [Progress.MORE, Progress.MORE, Progress.WHOLE]


def test_chunks_end_with_an_empty_line() -> None:
    arriving = Arriving(1_000)
    pieces = (HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\n", b"abc", b"\r\n0\r\n", b"Trailer: x\r\n", b"\r\n")
    assert [arriving.take(piece) for piece in pieces] == [Progress.MORE] * 4 + [Progress.WHOLE]


def test_a_chunk_may_hold_what_looks_like_an_end() -> None:
    arriving = Arriving(1_000)
    pieces = (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\nab\r\n",
        b"\r\n",
        b"6;x=y\r\n0\r\n\r\n0\r\n",
        b"0\r\n\r\n",
    )
    assert [arriving.take(piece) for piece in pieces] == [Progress.MORE] * 3 + [Progress.WHOLE]


@pytest.mark.parametrize("line", [b"", b"x", b"-1", b"0x5", b"5 5", b"5\n"])
def test_what_is_no_chunk_is_not_waited_for(line: bytes) -> None:
    arriving = Arriving(1_000)
    assert arriving.take(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + line + b"\r\n") is Progress.REFUSED


def test_zeros_before_a_length_are_no_digits_of_it() -> None:
    arriving = Arriving(1_000)
    assert arriving.take(HEAD + b"Content-Length: " + b"0" * 30 + b"3\r\n\r\nab") is Progress.MORE
    assert arriving.take(b"c") is Progress.WHOLE
    chunked = Arriving(1_000)
    assert chunked.take(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 30 + b"3\r\nab") is Progress.MORE
    assert chunked.take(b"c\r\n0\r\n\r\n") is Progress.WHOLE


def test_lines_that_end_with_a_line_feed_alone_are_no_request() -> None:
    for head in (b"GET / HTTP/1.1\nHost: x\n\n", b"GET / HTTP/1.1\r\nHost: x\n\r\n", b"\nGET / HTTP/1.1\r\n"):
        assert Arriving(10).take(head) is Progress.UNREADABLE
    pieces = Arriving(10)
    assert [pieces.take(piece) for piece in (HEAD[:-1], b"\n", b"\r", b"\n")][-1] is Progress.WHOLE


def test_what_will_be_refused_is_not_waited_for() -> None:
    assert Arriving(10).take(HEAD + b"Content-Length: 11\r\n\r\n") is Progress.REFUSED
    assert Arriving(10).take(HEAD + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n") is Progress.REFUSED
    assert Arriving(10).take(HEAD + b"Content-Length: 11\r\nExpect: 100-continue\r\n\r\n") is Progress.REFUSED
    for size in (b"fffffffff", b"100", b"0" * 20 + b"fff"):
        assert Arriving(10).take(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\n") is Progress.REFUSED
    chunked = Arriving(10)
    chunked.take(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    assert chunked.take(b"14\r\nabcdefghijklmnopqrst") is Progress.REFUSED
    assert Arriving(10).take(b"a" * (MAX_HEAD_BYTES + 1)) is Progress.HEAD_TOO_LARGE


def test_a_client_that_asks_to_go_on_is_told_once() -> None:
    arriving = Arriving(10)
    asks = HEAD + b"Content-Length: 2\r\nExpect: 100-Continue\r\n\r\n"
    assert [arriving.take(piece) for piece in (asks, b"{", b"}")] == [
        Progress.ASKS_TO_CONTINUE,
        Progress.MORE,
        Progress.WHOLE,
    ]


def test_who_is_told_to_go_on_is_not_told_again_and_whoever_is_refused_never() -> None:
    expects = b"Expect: 100-continue\r\n\r\n"
    for head, progress in (
        (HEAD.replace(b"1.1", b"1.0") + b"Content-Length: 2\r\n", Progress.MORE),
        (HEAD + b"Content-Length: 11\r\n", Progress.REFUSED),
    ):
        arriving = Arriving(10)
        assert arriving.take(head + expects) is progress
        assert b"xpect" not in arriving.data


def test_a_length_that_is_none_is_left_for_the_parser_to_refuse() -> None:
    for length in (b"-5", b"5x", b"", b"+5", b"1, 1"):
        assert Arriving(10).take(HEAD + b"Content-Length: " + length + b"\r\n\r\n") is Progress.WHOLE, length


def test_a_request_with_a_length_and_chunks_is_left_for_the_parser_to_refuse() -> None:
    both = HEAD + b"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert Arriving(10).take(both) is Progress.WHOLE


class Silent:
    """A socket from which nothing more comes: whoever asks it would wait."""

    asked = False

    def recv(self, _most: int) -> bytes:
        self.asked = True
        return b""


CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
HEADS = (
    HEAD + b"\r\n",
    b"\r\n" + HEAD + b"\r\n",
    b"\r\n\r\n" + HEAD + b"\r\n",
    *(
        HEAD + line + b"\r\n\r\n"
        for line in (
            b"Content-Length: 0000000000000030",
            b"Content-Length: 9999999999999999",
            b"Content-Length : 30",
            b"Content-Length:\r\n 30",
            b"Content-Length: 30\x0b",
            b"Content-Length: 3\xb2",
            b"Content-Length: \xa030",
            b"Content-Length: 30\r",
            b"Content-Length: 30, 30",
            b"Content-Length: +30",
            b"Content_Length: 30",
            b"cOnTent-lengTh:\t30 \t",
            b"Content-Length: 0\r\nContent-Length: 30",
            b"X: a\nContent-Length: 0\r\nContent-Length: 30",
            b"Transfer-Encoding: identity",
            b"Transfer-Encoding: identity\r\nContent-Length: 30",
            b"Transfer-Encoding: foo",
            b"Transfer-Encoding: gzip",
            b"Transfer-Encoding: gzip, chunked",
            b"Transfer-Encoding: chunked, gzip",
            b"Transfer-Encoding: chunked, chunked",
            b"Transfer-Encoding: \x0bchunked",
            b"Transfer-Encoding : chunked",
            b"Transfer-Encoding: xchunked",
            b"Transfer-Encoding: chunked\r\nContent-Length: 0",
            b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        )
    ),
    HEAD.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n",
    *(
        CHUNKED + chunks
        for chunks in (
            b"00000001E\r\n",
            b"FFFFFFFFFFFFFFFFFF\r\n",
            b"1E;a=b\r\n",
            b'1E ; a = "b"\r\n',
            b"1E;a\nb\r\n",
            b"-1\r\n",
            b"0\r\n\r\n",
            b"0\r\nA: b\r\n\r\n",
            b"000\r\n\r\n",
            b"0\n\r\n\r\n",
            b"3\r\nabcXX0\r\n\r\n",
        )
    ),
)


@pytest.mark.parametrize("request_", HEADS)
def test_where_nothing_more_is_waited_for_the_parser_wants_nothing_more(request_: bytes) -> None:
    """What one of them takes for whole and the other doesn't would be waited for by a worker, in everybody's time."""
    arriving, silent = Arriving(1_000), Silent()
    progress = arriving.take(request_)
    parser = RequestParser(Config(), silent, ("127.0.0.1", 1))
    parser.unreader.unread(bytes(arriving.data))
    with suppress(ParseException):
        read = next(parser)
        if progress is Progress.WHOLE:
            read.body.read(2_000)
    assert not silent.asked or progress is Progress.MORE
