"""A voice appliance for the Raspberry Pi: press, speak, read."""

__version__ = "0.2.0"
