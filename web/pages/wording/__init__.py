"""Labels, formats and descriptions shown on pages."""
