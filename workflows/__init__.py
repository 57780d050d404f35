"""What happens, and what is written down: one use case, one transaction."""
