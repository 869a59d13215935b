"""Provisioning: settings and secrets from the boot partition."""
