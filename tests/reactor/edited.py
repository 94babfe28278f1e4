"""What a real server makes of documents when edits are carried out on it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pymongo import UpdateOne
from pymongo.asynchronous.database import AsyncDatabase

from reactor.edits import FileEdit, by_document
from reactor.updates import update_of

Document = dict[str, Any]
Database = AsyncDatabase[Document]


async def on_server(
    database: Database, documents: list[tuple[Document, list[FileEdit]]]
) -> list[tuple[Document, datetime]]:
    """Return what the server makes of documents, each with the time that it wrote."""
    collection = database["edited"]
    await collection.delete_many({})
    await collection.insert_many([{**doc, "_id": n} for n, (doc, _) in enumerate(documents)])
    updates = [
        UpdateOne({"_id": number}, [*update_of(once), {"$set": {"now": "$$NOW"}}])
        for number, (_, wanted) in enumerate(documents)
        for _, rounds in by_document(wanted)
        for once in rounds
    ]
    await collection.bulk_write(updates)
    found = await collection.find({}, sort=[("_id", 1)]).to_list()
    return [(document, document.pop("now")) for document in found]


async def edited(database: Database, file: object, *wanted: FileEdit) -> Any:
    """Return what the server makes of a document's only file."""
    [(document, _)] = await on_server(database, [({"files": [file]}, list(wanted))])
    return document["files"][0]
