"""Panels: OLEDs, the terminal, a window; each shows pictures of the renderer."""
