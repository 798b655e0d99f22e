"""One workflow a command. Workflows print nothing; a `Listener` receives progress."""
