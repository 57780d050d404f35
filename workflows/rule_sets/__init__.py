"""Rule sets: checked, published, proposed, compared, and picked up from their folder."""
