"""One contract: its creation, its state, its grants, its incidents, its end."""
