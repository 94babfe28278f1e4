"""The reactor: from a change in the database to verified bytes and back."""
