"""A pipe that nobody reads."""

import os


def full_pipe():
    """(read end, write end), of which the write end takes not one byte more."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    for size in (65536, 1):
        try:
            while True:
                os.write(writer, b"x" * size)
        except BlockingIOError:
            pass
    os.set_blocking(writer, True)
    return reader, writer
