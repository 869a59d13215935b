"""Services that run beside the appliance."""
