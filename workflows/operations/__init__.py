"""Operation of a deployment: opening the database, health, backup."""
