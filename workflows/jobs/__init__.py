"""Background jobs: their definitions, the scheduler that starts them, and the sandbox clock."""
