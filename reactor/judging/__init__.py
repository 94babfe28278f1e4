"""Bytes at a site, held against what documents say of them."""
