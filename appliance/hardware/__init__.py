"""Button, GPIO pins, microphone: what is wired or plugged to the box."""
