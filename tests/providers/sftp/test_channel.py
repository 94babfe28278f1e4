"""Packets come in any pieces; each is taken once, whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from providers.sftp.channel import Channel
from providers.sftp.packets import Kind, number, string
from providers.sftp.requests import read


class Deaf:
    """A connection that leads nowhere; what is said on it is forgotten."""

    def __init__(self) -> None:
        self.aborted = False

    def write(self, data: bytes) -> None:
        pass

    def abort(self) -> None:
        self.aborted = True

    def get_extra_info(self, name: str) -> str:
        return name


def _answer(request: int, content: bytes) -> bytes:
    return string(bytes((Kind.DATA,)) + number(request) + string(content))


@given(
    contents=st.lists(st.binary(max_size=300), min_size=1, max_size=6),
    cuts=st.lists(st.integers(min_value=0, max_value=2000), max_size=12),
)
async def test_answers_are_put_together_from_pieces_of_any_size(
    contents: list[bytes], cuts: list[int]
) -> None:
    channel = Channel("server")
    channel.connection_made(Deaf())  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - all that is called
    asked = [channel.send(read(b"h", 0, len(content))) for content in contents]
    stream = b"".join(_answer(n, content) for n, content in enumerate(contents, 1))
    ends = [*sorted(min(cut, len(stream)) for cut in cuts), len(stream)]

    for start, end in zip([0, *ends], ends, strict=False):
        channel.data_received(stream[start:end], None)

    assert all(pending.done() for pending in asked)
    assert [await pending.result() for pending in asked] == contents
