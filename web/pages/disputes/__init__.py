"""Pages of disputes and of the acceptance of statements."""
