"""Users, their passwords and tokens, and how they log in."""
