"""Spoken commands, and words that call the reader."""
