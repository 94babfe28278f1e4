"""
What is fuzzed: tests that take any data at all, each with its own notion of what is right.

Hypothesis makes their data of bytes; a fuzzer that sees which branches these take makes the bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

TARGETS = {
    "documents": "tests.reactor.test_documents:test_no_document_is_too_odd_to_be_parsed",
    "elements": "tests.reactor.test_documents:test_no_element_of_files_is_too_odd_to_be_parsed",
    "settings": "tests.safety.test_odd_settings:"
    "test_settings_of_any_shape_are_read_or_refused_with_the_place",
    "settings-bytes": "tests.safety.test_odd_settings:"
    "test_a_file_of_any_bytes_is_read_or_refused_with_the_place",
    "environment": "tests.safety.test_odd_settings:"
    "test_an_environment_of_any_shape_is_read_or_refused",
    "drive-files": "tests.safety.test_odd_answers:"
    "test_what_drive_tells_of_a_file_is_an_entry_or_refused",
    "drive-refusals": "tests.safety.test_odd_answers:test_a_refusal_of_any_shape_is_one",
    "drive-uploads": "tests.safety.test_odd_answers:test_an_upload_session_takes_any_answer",
    "sftp-channel": "tests.safety.test_odd_answers:"
    "test_a_channel_takes_any_stream_and_answers_everybody",
    "sftp-packets": "tests.safety.test_odd_answers:test_a_packet_is_never_read_beyond_its_end",
    "story": "tests.reactor.story.test_story_of_anything:"
    "test_every_file_is_in_one_chapter_or_the_document_has_a_flaw",
}


def fuzzed(name: str) -> Callable[[bytes], object]:
    """Return what runs one target's test on data made of some bytes; it raises what the test does."""
    module, _, test = TARGETS[name].partition(":")
    found: Any = getattr(import_module(module), test)
    run: Callable[[bytes], object] = found.hypothesis.fuzz_one_input
    return run
