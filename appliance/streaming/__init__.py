"""Transcription client: tokens, connections, the backlog, the session."""
