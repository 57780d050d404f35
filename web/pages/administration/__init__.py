"""Settings, activation, users, jobs, outbox, ledger and sandbox clock."""
