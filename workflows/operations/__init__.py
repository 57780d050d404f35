"""For those who run a deployment: opening the database, health, backup."""
