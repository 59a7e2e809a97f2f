"""Two tasks and two addresses that let a test look into a running Sameroom."""
