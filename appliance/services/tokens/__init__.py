"""The token server: keeps the API key, and hands each appliance temporary tokens instead."""
