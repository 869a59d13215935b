"""Settings and secrets taken over from the boot partition."""
