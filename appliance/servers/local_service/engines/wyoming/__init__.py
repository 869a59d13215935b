"""Engine that uses a Wyoming server."""
