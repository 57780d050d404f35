"""Work entries: logging, correcting and recalculating them, and drawing them from grants."""
