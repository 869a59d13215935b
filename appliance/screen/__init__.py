"""What is seen: the scene, its picture, and the panels that show it."""
