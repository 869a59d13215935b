"""Standard streams of a command, which ends when its output can't be written."""

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Iterable, Iterator
from typing import NoReturn, TextIO

from appliance.cli.options import fail


class OutputError(OSError):
    """Failure to write to standard output or standard error; says why."""


@contextlib.contextmanager
def checked_streams() -> Iterator[None]:
    """Check what a command writes in a `with` block.

    If its output can't be written, because the disk is full, the program ends with status 1 and a
    sentence on standard error; quietly, if the reader has gone, as `head` goes. A stream that was
    closed before the start is replaced: input by an empty one, output by one that can't be written,
    errors by none.
    """
    _replace_closed_streams()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = outputs = _checked(sys.stdout), _checked(sys.stderr)
    try:
        yield
    except OutputError as error:
        _discard_unwritten(outputs)
        fail_by(error)
    finally:
        _discard_unwritten(outputs)
        sys.stdout, sys.stderr = before


def fail_by(error: BaseException) -> NoReturn:
    """End with status 1 and the error as a sentence; quietly, if the reader has gone."""
    link: BaseException | None = error
    while link:
        if isinstance(link, OutputError) and isinstance(link.__cause__, BrokenPipeError):
            sys.exit(1)
        link = link.__cause__
    fail(str(error))


class _CheckedStream(io.TextIOWrapper):
    """Text stream over the bytes of another, whose failures are `OutputError`."""

    def __init__(self, of: io.TextIOWrapper) -> None:
        # As click does: nobody means ASCII.
        encoding = "utf-8" if codecs.lookup(of.encoding).name == "ascii" else of.encoding
        super().__init__(
            of.buffer, encoding, of.errors, line_buffering=of.line_buffering, write_through=True
        )

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except UnicodeEncodeError as error:
            unknown = error.object[error.start]
            raise OutputError(
                f"the output can't be written in {error.encoding}, which has no {unknown!a};"
                " set PYTHONIOENCODING=utf-8"
            ) from error
        except OSError as error:
            raise _failure(error) from error

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise _failure(error) from error

    def close(self) -> None:
        """Do nothing: the bytes go to another stream, which closes them."""


def _failure(error: OSError) -> OutputError:
    return OutputError(f"the output can't be written: {error.strerror or error}")


def _checked(stream: TextIO) -> TextIO:
    return _CheckedStream(stream) if isinstance(stream, io.TextIOWrapper) else stream


def _replace_closed_streams() -> None:
    """Replace each stream that was closed before the start, which Python leaves None."""
    # Opened in this order, they take the free descriptors 0, 1 and 2.
    if sys.stdin is None:
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_RDONLY), encoding="utf-8")
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")


def _discard_unwritten(streams: Iterable[TextIO]) -> None:
    """Discard what could not be written: Python would try again, and complain, when it ends."""
    for stream in streams:
        try:
            stream.flush()
        except OutputError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
            stream.flush()
