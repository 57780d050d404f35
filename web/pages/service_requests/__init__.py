"""The queue, the pages of a service request, work to approve, and approvals of customers."""
