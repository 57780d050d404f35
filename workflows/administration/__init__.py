"""The settings and the activation of billing."""
