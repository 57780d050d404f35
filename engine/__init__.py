"""Pure decision logic: values in, values out; no clock, no database."""
