"""What `doctor` says of settings, this machine and reactors, and how it says it."""

from __future__ import annotations

import pytest

from reactor.cli.checks.machine import files_finding, watches_finding
from reactor.queries import INDEXES, REPRESENTATION
from tests.cli.machine import Machine


def make_indexes(machine: Machine) -> None:
    for name, keys in INDEXES.items():
        machine.documents.create_index(keys, name=name, partialFilterExpression=REPRESENTATION)


def test_a_studio_in_order_has_no_problem(machine: Machine) -> None:
    machine.publish("a.exr", "vendor")
    make_indexes(machine)
    machine.register("p1")

    called = machine.call("doctor")

    assert called.exit_code == 0, called.stdout
    levels = [line.split("\t")[0] for line in called.stdout.splitlines()]
    assert levels == ["ok"] * len(levels)


def test_in_a_pipe_each_finding_is_one_line_of_four_columns(machine: Machine) -> None:
    machine.root("vendor").joinpath(".sitesync-root").unlink()

    lines = machine.call("doctor").stdout.splitlines()

    assert {line.count("\t") for line in lines} == {3}
    assert all(line.isprintable() for text in lines for line in text.split("\t"))


def test_the_program_itself_answers_scripts(machine: Machine) -> None:
    called = machine.run("doctor")

    assert called.returncode == 0
    assert called.stderr == ""
    assert called.stdout.startswith("ok\tsettings\t")


def test_the_settings_file_is_named(machine: Machine) -> None:
    assert str(machine.folder / "sitesync.toml") in machine.finding("settings")["text"]


def test_a_machine_whose_own_site_has_no_root_is_told_how_to_serve_the_studio(
    machine: Machine,
) -> None:
    machine.write_settings(sites={"vendor": {}}, machine={"site_id": "ws-7"})

    found = machine.finding("this machine")

    assert found["level"] == "warning"
    assert "own site 'ws-7' has no root; nothing will be moved" in found["text"]
    assert "--active-site studio" in found["todo"]


def test_a_remote_site_of_an_unknown_provider_is_a_problem(machine: Machine) -> None:
    machine.write_settings(sites={"studio": {}, "vendor": {"provider": "sfpt"}})

    assert machine.finding("site vendor")["level"] == "problem"
    assert "unknown provider 'sfpt'" in machine.finding("site vendor")["text"]


def test_an_unserved_site_that_no_project_uses_is_a_warning(machine: Machine) -> None:
    machine.write_settings(sites={"studio": {}, "vendor": {}, "spare": {"provider": "sfpt"}})

    assert machine.finding("site spare")["level"] == "warning"


def test_settings_without_any_remote_site_are_told_to_move_nothing(machine: Machine) -> None:
    machine.write_settings(sites={"studio": {}}, defaults={"remote_site": ""})

    assert "nothing will be moved" in machine.findings("projects")[0]["text"]


@pytest.mark.parametrize(("watches", "level"), [(8192, "warning"), (524_288, "ok")])
def test_few_inotify_watches_are_a_warning(watches: int, level: str) -> None:
    assert watches_finding(watches).level == level


@pytest.mark.parametrize(("files", "level"), [(256, "warning"), (1024, "ok"), (-1, "ok")])
def test_few_open_files_are_a_warning(files: int, level: str) -> None:
    assert files_finding(files).level == level


def test_a_site_that_nobody_serves_is_a_warning_with_the_command(machine: Machine) -> None:
    found = machine.finding("reactors")

    assert found["level"] == "warning"
    assert "sitesync run --active-site studio" in found["todo"]


def test_a_site_that_a_reactor_lets_rest_is_a_problem(machine: Machine) -> None:
    machine.register("p1", suspended={"vendor": {"kind": "quota", "why": "the disk is full"}})

    texts = [found["text"] for found in machine.findings("site vendor")]

    assert any("suspended by the reactor on render-07: quota" in text for text in texts)


def test_a_held_claim_of_a_process_not_seen_lately_is_a_problem(machine: Machine) -> None:
    machine.register("p1", seen=3600)
    claim = machine.claim("a.exr", "p1", held=True)

    found = machine.finding("claims")

    assert found["level"] == "problem"
    assert found["todo"].endswith(f"sitesync doctor --end-claim {claim}")


def test_a_held_claim_of_a_living_process_is_none(machine: Machine) -> None:
    machine.register("p1")
    machine.claim("a.exr", "p1", held=True)

    assert machine.finding("claims")["level"] == "ok"


def test_a_claim_whose_lease_ends_is_no_problem(machine: Machine) -> None:
    machine.claim("a.exr", "p1", lease=-100)

    assert machine.finding("claims")["level"] == "ok"


def test_a_claim_that_was_given_up_is_nobodys(machine: Machine) -> None:
    machine.claim("a.exr", None, lease=-1e6, over=True)

    assert machine.finding("claims")["text"] == "none is stuck"


def test_progress_that_no_claim_accounts_for_hints_at_the_predecessor(machine: Machine) -> None:
    machine.publish("a.exr", {"name": "vendor", "progress": 0.4})

    found = machine.finding("predecessor")

    assert found["level"] == "warning"
    assert "{root[work]}/a.exr" in found["text"]


@pytest.mark.parametrize("process", ["p1", None])
def test_progress_under_a_claim_is_our_own(machine: Machine, process: str | None) -> None:
    machine.publish("a.exr", {"name": "vendor", "progress": 0.4})
    machine.claim("a.exr", process)

    found = machine.finding("predecessor")

    assert found["level"] == "ok"
    assert "must not run for these sites: studio, vendor" in found["text"]


def test_sites_that_the_predecessor_must_leave_alone_are_those_that_the_studio_serves(
    machine: Machine,
) -> None:
    """The machine may serve as the studio (`--active-site`); of its own it has no files."""
    machine.write_settings(sites={"studio": {}, "vendor": {}}, machine={"site_id": "ws-7"})

    found = machine.finding("predecessor")

    assert found["text"].endswith("must not run for these sites: studio, vendor")
