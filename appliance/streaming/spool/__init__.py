"""Spool: the audio of sessions, on disk until it is transcribed and its words are on record."""
