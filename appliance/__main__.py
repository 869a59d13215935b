"""Lets `python -m appliance` do what `appliance` does."""

from appliance.cli import main

main()
