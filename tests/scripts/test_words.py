"""scripts/words.py finds names with words that the glossary does not list or forbids."""

from pathlib import Path

import pytest
import words

GLOSSARY = f"""
{words.BEGIN}
### Verbs
cut, load

### Nouns
row, window, file, query, box

### Proper names
SimpleRNN

### Connecting words
by, of, other

### Connecting words that may be a whole name
other

### Words that names must not have
made, told
{words.END}
"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cut_windows", ["cut", "windows"]),
        ("SimpleRNN", ["simple", "rnn"]),
        ("MAX_ROWS", ["max", "rows"]),
        ("ONNXFile", ["onnx", "file"]),
        ("sha256_of", ["sha256", "of"]),
    ],
)
def test_split_words__at_underscores_and_capitals(name: str, expected: list[str]) -> None:
    assert words.split_words(name) == expected


def test_unlisted_names__are_public_and_have_an_unknown_word(tmp_path: Path) -> None:
    package = tmp_path / "rnnfc"
    package.mkdir()
    (package / "windows.py").write_text(
        "ROWS = 1\n"
        "def cut_windows(rows, by, *, other): made = 3\n"
        "def of(boxes): pass\n"
        "def _spread(told): pass\n"
        "class SimpleRNNFile:\n"
        "    queries: int\n"
        "    def load(self, ruler): pass\n"
    )
    unlisted = [
        (place, name, found)
        for place, name, found in words.unlisted_names(package, GLOSSARY)
        if name != "windows"
    ]
    assert unlisted == [
        ("rnnfc/windows.py:2", "by", ["by"]),
        ("rnnfc/windows.py:3", "of", ["of"]),
        ("rnnfc/windows.py:7", "ruler", ["ruler"]),
    ]
    assert [(name, found) for _, name, found in words.forbidden_names(package, GLOSSARY)] == [
        ("made", ["made"]),
        ("told", ["told"]),
    ]


def test_glossary__lists_no_forbidden_word_and_has_every_list() -> None:
    lists = words.word_lists(words.GLOSSARY.read_text(encoding="utf-8"))
    assert len(lists) == 12
    forbidden = lists.pop("words that names must not have")
    assert forbidden.isdisjoint(set().union(*lists.values()))
