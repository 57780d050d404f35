"""Rule sets: checking, publishing, proposals, comparison, and watching the rules folder."""
