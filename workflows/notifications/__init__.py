"""Notifications: written to the outbox in the business transaction and delivered by a job."""
