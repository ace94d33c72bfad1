from hypothesis import given
from hypothesis import strategies as st

from hairtrigger.worker.frames import Frames


@given(st.lists(st.binary(max_size=300), max_size=20), st.integers(1, 64))
def test_frames_come_out_as_they_went_in_however_they_are_cut(
    bodies: list[bytes], step: int
) -> None:
    heard: list[bytes] = []
    frames = Frames(heard.append, lambda: None)
    stream = b"".join(len(body).to_bytes(4, "big") + body for body in bodies)

    for at in range(0, len(stream), step):
        frames.data_received(stream[at : at + step])

    assert heard == bodies
