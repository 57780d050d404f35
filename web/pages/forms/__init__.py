"""Forms, their fields, and the preview of their effect."""
