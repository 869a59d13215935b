"""MQTT and Home Assistant."""
