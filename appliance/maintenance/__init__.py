"""Tools on the box beside the appliance: checks, provisioning, reports."""
