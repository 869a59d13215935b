"""Settings file: schema, loading, validation, secrets, and the last good copy.

>>> from pathlib import Path
>>> load(Path("/there/is/none.toml")) == Settings()
True
"""

from appliance.settings.load import SettingsError, load
from appliance.settings.schema import Settings

__all__ = ["Settings", "SettingsError", "load"]
