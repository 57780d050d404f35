"""One service request: its states and transitions, its parties, who may see it, and its SLA targets."""
