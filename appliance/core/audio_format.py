"""The one format of all audio inside the program: mono, signed 16 bit, little endian."""

SAMPLE_RATE = 16_000
"""Samples per second."""

SAMPLE_BYTES = 2
"""Bytes per sample."""
