"""Report about the box, written to the SD card or a USB stick."""
