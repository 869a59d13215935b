"""A report about the box, written to the card or a USB stick."""
