"""An engine that asks a Wyoming server."""
