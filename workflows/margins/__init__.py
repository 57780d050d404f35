"""What contracts earn: their revenue less what the work on them costs."""
