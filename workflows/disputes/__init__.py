"""Disputes: what customers object to, and what is decided. Source: product.md section 10."""
