"""Webhooks by Standard Webhooks: events are signed and sent to endpoints that an administrator has added.

endpoints, queries   what administrators do and see
delivery             the job: one process at a time for each endpoint, in order, with back-off
sending, addresses   one HTTP request, and to which addresses it may be sent

Source: product.md section 12; the specification "Standard Webhooks".
"""
