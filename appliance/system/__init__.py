"""The operating system: systemd, clocks, power, files, processes."""
