"""One service request: its states, its moves, who it is about, who may see it, its targets."""
