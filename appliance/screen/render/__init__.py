"""Pure drawing: a scene becomes a one-bit picture."""
