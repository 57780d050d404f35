"""Unpaid invoices: reminders, dunning levels with fees, pauses, and requests cancelled unpaid."""
