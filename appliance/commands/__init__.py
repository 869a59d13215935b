"""Spoken commands: what the settings file lists, and nothing else, is done when it is said."""
