"""What Coverdesk costs, beside what one would use instead: each measure a ratio, both sides in one run."""
