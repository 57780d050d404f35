"""What the desk looks like: overviews, contracts running low, and what a change would do."""
