"""`appliance doctor`: checks of everything that must work."""
