"""A wrong clock for whoever starts with this directory on PYTHONPATH: ``CLOCK_FILE`` holds by how many
seconds, and may be changed at any time."""

import mmap
import os
import struct
import time

_true_time, _true_time_ns = time.time, time.time_ns
with open(os.environ["CLOCK_FILE"], "rb") as _file:
    _wrong_by = mmap.mmap(_file.fileno(), 8, access=mmap.ACCESS_READ)


def _offset() -> float:
    return float(struct.unpack("d", _wrong_by[:8])[0])


time.time = lambda: _true_time() + _offset()
time.time_ns = lambda: _true_time_ns() + int(_offset() * 1e9)
