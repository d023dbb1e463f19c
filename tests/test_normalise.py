"""Stored and matching forms of text."""

from hypothesis import given
from hypothesis import strategies as st

from rewardgate.normalise import matching_form, stored_form


def test_stored_form_composes_and_joins_line_ends_but_keeps_inner_space() -> None:
    assert stored_form(" e\u0301a\r\nb\rc  d\t") == "\u00e9a\nb\nc  d"


def test_matching_form_ignores_case_width_space_and_punctuation() -> None:
    assert matching_form("  What is\n2+2 ?") == matching_form("WHAT is 2 2") == "what is 2 2"
    assert matching_form("ﬁne Straße") == "fine strasse"


def test_matching_form_of_symbols_keeps_them() -> None:
    assert matching_form("?!  :)") == "?! :)"
    assert matching_form(" \n") == ""


@given(st.text())
def test_forms_are_fixed_points(text: str) -> None:
    assert stored_form(stored_form(text)) == stored_form(text)
    assert matching_form(matching_form(text)) == matching_form(text)
    assert matching_form(stored_form(text)) == matching_form(text)
