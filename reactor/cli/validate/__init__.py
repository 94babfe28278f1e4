"""`sitesync validate`: a site held against the documents, both ways."""

from reactor.cli.validate.command import validate

__all__ = ["validate"]
