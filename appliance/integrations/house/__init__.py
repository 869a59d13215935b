"""The house around the box: its MQTT broker, and Home Assistant behind that."""
