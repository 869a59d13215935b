"""Devices that show pictures: OLEDs, the terminal, a window."""
