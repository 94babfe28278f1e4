"""The mapping that older documents have becomes the list."""

from __future__ import annotations

from handlers.old_shape import migrate_sites
from reactor.commands import MigrateSites
from tests.handlers.studio import REF, change, file, held, removed, said


def test_a_mapping_becomes_the_list() -> None:
    assert said(migrate_sites, change(file(sites={"studio": {}}))) == [MigrateSites(REF)]


def test_a_mapping_of_other_machines_sites_is_left_alone() -> None:
    assert said(migrate_sites, change(file(sites={"stranger": {}}))) == []


def test_a_list_is_left_as_it_is() -> None:
    assert said(migrate_sites, change(file(held("studio")))) == []


def test_a_document_that_is_gone_is_not_migrated() -> None:
    assert said(migrate_sites, removed()) == []
