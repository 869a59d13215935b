"""Audio on disk that is not transcribed yet."""
