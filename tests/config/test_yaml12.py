import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnfc.config import yaml12
from rnnfc.config.load import from_yaml
from rnnfc.errors import ConfigError

VALID = """\
# a comment
name: tiny
seed: 7
data: {kind: csv, path: sales.csv, time: date, target: [sales, 'stock'], unit: "\\u20ac"}
window: &w {length: 5, horizon: 2}
split:
  validation: 1989-01-01
  test: 1990-01-01
model:
  kind: stacked
  cell: GRU
  units:
  - 3
  - 4
train: {epochs: 4, learning_rate: 1e-3, schedule: {kind: cosine}}
"""
SNIPPETS = [
    *"\t\n\r\0\x07\x85\u2028\ufeff\ud800\U0001f600 -?:,[]{}#&*!|>'\"%@`~\\",
    *(
        "\n---\n",
        "\n...\n",
        "*w",
        "&w",
        "<<: *w",
        "!!python/name:os.system",
        "%YAML 9.9\n",
        '"\\UFFFFFFFF"',
        '"\\ud800"',
        "? ",
        "{{",
    ),
    *(
        "0x" + "F" * 401,
        "9" * 5000,
        ".inf",
        ".nan",
        "-1",
        "null",
        "[]",
        "{}",
        "[[1, 2], {a: b}]",
        "true",
        "kind: 5",
        "\x7f",
    ),
]


def parsed(text: str) -> Any:
    return yaml12.parse(text, source="x.yaml").value


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        yaml12.parse(text, source="x.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E3", 1000.0),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("010", 10),
        ("+7", 7),
        ("-12", -12),
        ("0x1F", 31),
        ("0o17", 15),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("-0x1F", "-0x1F"),
        ("1989-01-01", "1989-01-01"),
        ("1.2.3", "1.2.3"),
        ("e3", "e3"),
        (".", "."),
        ("nan", "nan"),
        ("tRUE", "tRUE"),
        ("١", "١"),  # a digit, but not of YAML
        ("=", "="),
    ],
)
def test_scalar__follows_the_yaml_12_core_schema(text: str, value: object) -> None:
    read = parsed(f"key: {text}")["key"]
    assert read == value
    assert type(read) is type(value)


def test_scalar__nan_is_a_number() -> None:
    assert math.isnan(parsed("key: .nan")["key"])


@pytest.mark.parametrize("text", ["'1e-3'", '"1e-3"', "|-\n  1e-3", ">-\n  1e-3"])
def test_parse__quoted_and_block_text_is_text(text: str) -> None:
    assert parsed(f"key: {text}") == {"key": "1e-3"}


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "\ufeff", "~"])
def test_parse__empty_document_is_none(text: str) -> None:
    assert parsed(text) is None


def test_parse__every_key_and_item_has_its_line() -> None:
    document = yaml12.parse("a: 1\nb:\n  c: 2\n  d:\n  - 3\n  - {e: 4}\n", source="x.yaml")
    assert document.value == {"a": 1, "b": {"c": 2, "d": (3, {"e": 4})}}
    assert document.lines == {
        (): 1,
        ("a",): 1,
        ("b",): 2,
        ("b", "c"): 3,
        ("b", "d"): 4,
        ("b", "d", 0): 5,
        ("b", "d", 1): 6,
        ("b", "d", 1, "e"): 6,
    }


def test_parse__an_alias_has_the_value_of_its_anchor() -> None:
    assert parsed("a: &x [1, 2]\nb: *x\n") == {"a": (1, 2), "b": (1, 2)}


def test_parse__a_merge_key_is_a_plain_key() -> None:
    assert parsed("<<: {a: 1}") == {"<<": {"a": 1}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "x.yaml:3: duplicate key 'a', first on line 1; keep one"),
        ("g:\n  a: 1\n  'a': 2\n", "x.yaml:3: duplicate key 'a', first on line 2; keep one"),
        (
            "a: 1\n---\nb: 2\n",
            "x.yaml:2: a second document starts here; a config is one, so remove the line with ---",
        ),
        ("a: 1\n2: b\n", "x.yaml:2: a key must be text; put quotes around it"),
        ("null: b\n", "x.yaml:1: a key must be text; put quotes around it"),
        ("true: b\n", "x.yaml:1: a key must be text; put quotes around it"),
        ("? [a]\n: b\n", "x.yaml:1: a key must be text; put quotes around it"),
        ("? {a: b}\n: c\n", "x.yaml:1: a key must be text; put quotes around it"),
        (
            "a: 1\nb: c: d\n",
            "x.yaml:2: not valid YAML: mapping values are not allowed here; check indentation and quotes",
        ),
        ("a: *b\n", "x.yaml:1: not valid YAML: found undefined alias 'b'; check indentation and quotes"),
        (
            "a:\n\t- 1\n",
            "x.yaml:2: not valid YAML: found character '\\t' that cannot start any token; check indentation and quotes",
        ),
    ],
)
def test_parse__refuses_other_than_one_plain_document(text: str, message: str) -> None:
    assert refused(text) == message


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("a: !!int 1", "tag:yaml.org,2002:int"),
        ("a: !!python/object/apply:os.system [ls]", "tag:yaml.org,2002:python/object/apply:os.system"),
        ("a: !own {b: 1}", "!own"),
        ("a: ! 1", "!"),
    ],
)
def test_parse__refuses_a_tag(text: str, tag: str) -> None:
    assert refused(text) == f"x.yaml:1: the tag {tag!r} is not allowed; write the plain value without it"


@pytest.mark.parametrize("number", ["0", "7", "1B", "7F", "FFFE"])
def test_parse__refuses_a_control_character(number: str) -> None:
    assert refused(f"a: 1\nb: x{chr(int(number, 16))}y\n") == (
        f"x.yaml:2: the character U+{number:0>4} is not allowed in YAML; remove it"
    )


@pytest.mark.parametrize("text", ['a: 1\nb: "\\ud83d\\ude00"\n', 'a: 1\n"\\udfff": 2\n'])
def test_parse__refuses_half_a_surrogate_pair(text: str) -> None:
    assert (
        refused(text)
        == "x.yaml:2: half of a surrogate pair is not a character; write the character itself, not its escape"
    )


@pytest.mark.parametrize("text", ['"\\UFFFFFFFF"', '"\\U00110000"', f"%YAML 1.{'9' * 5000}\n---\na: 1\n"])
def test_parse__refuses_an_escape_or_version_out_of_range(text: str) -> None:
    assert refused(text) == (
        "x.yaml:1: not valid YAML: an escape or a version number is out of range; write the character itself"
    )


def test_parse__reads_32_levels_and_refuses_33() -> None:
    assert str(parsed("[" * 32 + "]" * 32)).count("(") == 32
    assert (
        refused("a: 1\nb: " + "[" * 32 + "]" * 32)
        == "x.yaml:2: nested more than 32 deep; a config needs five levels"
    )


@pytest.mark.parametrize("text", ["[" * 500_000, "{a: " * 200_000, "- " * 500_000, "? " * 500_000])
def test_parse__refuses_deep_nesting_before_recursion(text: str) -> None:
    assert refused(text) == "x.yaml:1: nested more than 32 deep; a config needs five levels"


def test_parse__refuses_billion_laughs() -> None:
    laughs = ["l0: &l0 ha\n", *(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 10))]
    # Up to l3 there are 1 + 11 + 111 + 1,111 values, with l4 11,111 more, and l5 passes 50,000.
    assert (
        refused("".join(laughs))
        == "x.yaml:1: more than 50,000 values once aliases are followed; write them out"
    )


def test_parse__limit_of_aliased_values_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "[&x [1, 1, 1], *x, *x]"  # one list of three lists of three: 13 values, written as 7
    monkeypatch.setattr(yaml12, "MAX_NODES", 13)
    assert parsed(text) == ((1, 1, 1),) * 3
    monkeypatch.setattr(yaml12, "MAX_NODES", 12)
    assert refused(text) == "x.yaml:1: more than 12 values once aliases are followed; write them out"


def test_parse__a_mistake_before_the_first_value_has_its_line() -> None:
    assert refused("\n\x01").startswith("x.yaml:2: the character U+0001 is not allowed")
    assert refused(f"%YAML 1.{'9' * 5000}\n---\na: 1\n").startswith(
        "x.yaml:1: not valid YAML: an escape or a version"
    )


@pytest.mark.parametrize("text", ["a: &x [*x]", "a: &x {b: *x}", "&x [*x]"])
def test_parse__refuses_an_alias_inside_its_anchor(text: str) -> None:
    assert refused(text) == "x.yaml:1: an alias holds itself or nests past 32 levels; write the value out"


def test_parse__refuses_a_huge_list() -> None:
    assert refused("- a\n" * 60_000) == "x.yaml:50000: more than 50,000 keys and values; is this a config?"


def test_parse__reads_a_million_characters_and_refuses_one_more() -> None:
    assert parsed("#" * 1_000_000) is None
    assert (
        refused("#" * 1_000_001)
        == "x.yaml: 1,000,001 characters, at most 1,000,000 are allowed; is this a config?"
    )


@pytest.mark.parametrize(
    ("number", "count"), [("9" * 5000, "5,000"), ("-" + "9" * 400, "401"), ("0x" + "F" * 5000, "5,002")]
)
def test_parse__refuses_a_huge_whole_number(number: str, count: str) -> None:
    message = f"x.yaml:2: a number of {count} characters; at most 400 are read"
    assert refused(f"a: 1\nb: {number}\n") == message
    assert refused(f"a: 1\n? {number}\n: b\n") == message


def test_parse__reads_400_digits() -> None:
    assert parsed("a: " + "9" * 400) == {"a": 10**400 - 1}


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """VALID with up to three stretches replaced by a troublemaker."""
    text = VALID
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        text = text[:start] + draw(st.sampled_from(SNIPPETS)) + text[start + draw(st.integers(0, 12)) :]
    return text


@settings(derandomize=True, database=None, deadline=None, max_examples=400)
@given(st.text(st.characters()) | st.text("ab1 \n-?:,[]{}#&*!|>'\"%\\.~") | mutations())
def test_load__any_text_is_read_or_refused_with_one_line_per_mistake(text: str) -> None:
    mistakes: list[str] = []
    for read in (yaml12.parse, from_yaml):
        try:
            read(text, source="x.yaml")
        except ConfigError as error:
            mistakes += str(error).splitlines()
    assert [line for line in mistakes if not line.startswith("x.yaml")] == []
