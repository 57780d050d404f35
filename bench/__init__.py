"""Performance of Coverdesk against the obvious alternatives: each measure a ratio within one run."""
