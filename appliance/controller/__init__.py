"""The controller: one thread, one queue, one table of states."""
