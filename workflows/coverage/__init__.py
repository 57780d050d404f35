"""Which contract covers a service request: candidates, search, decision, reservation, explanation."""
