"""Login, account, preferences and saved filters."""
