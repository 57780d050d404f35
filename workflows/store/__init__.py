"""Tables, connections and migrations: everything that is stored, on SQLite and PostgreSQL."""
