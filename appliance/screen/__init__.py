"""Screen: scenes, their pictures, and the panels and the LED that show them."""
