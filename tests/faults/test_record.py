"""The page of figures, and what it is made of."""

from __future__ import annotations

import re

from tests.faults.record import PAGE, page


def test_the_page_is_what_the_recorded_campaigns_make_of_its_text() -> None:
    text = PAGE.read_text()

    assert text == page()
    assert not re.search(r"@[A-Z]+@", text)
