"""Vocabulary that all parts share: events, turns, the audio format, network errors."""
