"""Background jobs: what each does, the scheduler that starts them, the sandbox clock."""
