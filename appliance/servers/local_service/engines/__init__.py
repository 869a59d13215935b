"""Speech recognition engines of the local service."""
