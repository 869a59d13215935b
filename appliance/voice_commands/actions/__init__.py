"""Actions of spoken commands that have wires or go over the network, one module each."""
