"""Mail: written in the business transaction, delivered from the outbox by a job."""
