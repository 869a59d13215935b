"""Errors that several parts raise and handle."""


class ActionError(Exception):
    """A command's action failed; the message says why in a few words, and holds no secret."""
