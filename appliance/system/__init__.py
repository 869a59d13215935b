"""The operating system: systemd, clock, power, files, processes."""
