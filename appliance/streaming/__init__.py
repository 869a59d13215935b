"""What goes over the network: tokens, messages, connections, the backlog, the session."""
