"""The house and the system around the appliance."""
