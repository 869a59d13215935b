"""`appliance doctor`: a line for each thing that must work, and what to do where it doesn't."""
