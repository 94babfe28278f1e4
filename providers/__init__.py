"""How each kind of site is reached. Nothing in here knows what a document or a database is."""
