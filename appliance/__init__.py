"""A voice appliance for the Raspberry Pi: press, speak, read."""

__version__ = "0.3.0"
