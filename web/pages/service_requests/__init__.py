"""The queue, and the pages of a service request."""
