"""The settings file: schema, loading, validation, secrets, the last good copy."""
