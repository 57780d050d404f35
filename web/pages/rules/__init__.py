"""Rule sets: versions, editor, explorer, replays."""
