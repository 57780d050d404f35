"""What administrators change: the settings, and the activation of billing."""
