"""The gunicorn worker: it reads whole requests and sends responses without occupying a thread.

A thread runs the application only. A client that sends or reads slowly takes a connection and some memory;
`limits.py` has the most that it may take of both.
"""
