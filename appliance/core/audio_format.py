"""The format of all audio behind the microphone."""

SAMPLE_RATE = 16_000
"""Samples a second of all audio behind the microphone: mono, signed 16 bit, little endian."""


SAMPLE_BYTES = 2
