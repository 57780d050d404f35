"""Settings, activation, users, jobs, outbox, webhooks, mail templates, ledger, periods and sandbox clock."""
