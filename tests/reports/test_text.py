"""Numbers keep four digits, names stand in Markdown as they are."""

import pytest

from rnnfc.reports.text import escape_markdown, format_number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0.0000"),
        (0.5, "0.5000"),
        (-0.12345, "-0.1235"),
        (0.01234567, "0.01235"),
        (0.00123456, "0.001235"),  # not 0.0012: two scores of a report must not look equal that are 4 % apart
        (0.001, "0.001000"),
        (0.000123456, "1.235e-04"),
        (-1e-5, "-1.000e-05"),
        (1.23456e-9, "1.235e-09"),
        (0.99999, "1.000"),
        (1.0, "1.000"),
        (9.87654, "9.877"),
        (9.99996, "10.00"),
        (23.45678, "23.46"),
        (-345.678, "-345.7"),
        (1234.5678, "1,235"),
        (99_999.6, "100,000"),
        (999_999.0, "999,999"),
        (1_234_567.0, "1.235e+06"),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
    ],
)
def test_format_number__has_four_significant_digits(value: float | None, text: str) -> None:
    assert format_number(value) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("min_temp (°C) #1!", "min_temp (°C) #1!"),
        ("a|b", r"a\|b"),
        ("<script>&amp;", "&lt;script&gt;&amp;amp;"),
        ("`x` *y* ~z~ $m$", r"\`x\` \*y\* \~z\~ \$m\$"),
        ("[t](http://u)", r"\[t\](http://u)"),
        ("back\\|slash", r"back\\\|slash"),
        ("two\nlines\x1b[31m\u202e", r"two lines\\u001b\[31m\\u202e"),
    ],
)
def test_escape_markdown__shows_a_name_as_it_is(text: str, shown: str) -> None:
    assert escape_markdown(text) == shown
