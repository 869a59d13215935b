"""Why a command could not be carried out."""


class ActionError(Exception):
    """An action failed; the message says why in a few words for the screen, and holds no secret."""
