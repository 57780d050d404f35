"""Import of another desk's CSV export, through the use cases and at the instants that the export states.

history_import        imports the histories of a file, several in each transaction
mapping               the mapping file: which column holds what
column_sources        the mapping's values for columns: names, texts, repeated columns
file_format           the mapping's values for encoding, separators and missing values
date_forms            the mapping's values for dates, and how each form is read
csv_rows              from the file's text to rows; a broken quotation mark costs its own line
header                the row with the names of the columns
instants              from a text to the instant that it states
email_cells, plain_text, whole_numbers   values that need cleaning
worked_time           from a text to the minutes worked; whose they are
export                from the file's bytes to events, row by row
events                an event, and a remark about a row
event_order           the order of events, also in the hour that occurs twice
history               the events of one service request, in order
inferred_transitions  the triggers between two exported states, including those that the export skips
register_lookup       finds or creates the customers, org units, items and technicians of the export
chunks                several histories, in one transaction
replaying_events      imports one history
target_requests       the service request that it is replayed into
pending_rows          rows that are written for many histories at once
prepared_reads        what each of these transactions reads and locks
report                what was imported, what was not, and why
"""
