"""What runs beside the appliance: the local transcription service."""
