"""A server that keeps the API key and hands out temporary tokens."""
