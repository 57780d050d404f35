"""What people do with service requests: log, change, move, note, read."""
