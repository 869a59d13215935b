"""What has wires: the button and the microphone."""
