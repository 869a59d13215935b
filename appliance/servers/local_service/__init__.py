"""A streaming transcription service on this machine."""
