"""One pass over a site, held against documents: what differs, and what is done about it."""
