"""The running program: builds the parts, runs them, rebuilds them on new settings; the demo."""
