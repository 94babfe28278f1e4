"""A site of the settings that nobody can serve: what waits for it says why."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from reactor.commands import Command, NoteError
from reactor.events import ChangeEvent
from reactor.model import File, Topology


def tell_unserved(event: ChangeEvent, topology: Topology) -> Iterator[Command]:
    """
    Yield the site's problem for wanted entries that tell no error yet.

    Machines may word it differently, so none corrects what another has written.
    """
    representation = event.representation
    if representation is None or not topology.problems:
        return
    problems = {
        name: topology.problems[name]
        for name in topology.together(topology.served)
        if name in topology.problems
    }
    for file in representation.files:
        for problem, names in _untold(file, problems).items():
            yield NoteError(representation.ref(file), frozenset(names), problem)


def _untold(file: File, problems: Mapping[str, str]) -> dict[str, set[str]]:
    """Return, by problem, the sites where the file is wanted and no error is told."""
    told: defaultdict[str, set[str]] = defaultdict(set)
    for name, problem in problems.items():
        entry = file.at(name)
        if entry and not (entry.error or file.flaw or file.available_at(name)):
            told[problem].add(name)
    return told
