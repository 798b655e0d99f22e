import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnfc.config import yaml12
from rnnfc.config.experiment import Experiment
from rnnfc.config.load import from_yaml, load, schema, starter, to_yaml
from rnnfc.data.sources.csv import CsvSpec
from rnnfc.errors import ConfigError
from rnnfc.extensions import CELLS, FAMILIES

SHIPPED = sorted((Path(__file__).parents[2] / "configs").rglob("*.yaml"))
TEXT = """\
name: tiny
data:
  kind: csv
  path: data/sales.csv
  target: sales
window: {length: 5, horizon: 2}
split: {train: 0.8, test: 0.2}
model: {kind: stacked, cell: GRU, units: [3, 4]}
train:
  epochs: 6
  batch_size: 2
"""
TEXT_CHANGES = [
    ("name: tiny", "name: tiny"),
    ("name: tiny", "name: '010'\nseed: 9\nscale: standard"),
    ("target: sales", "target: ['no', '1e-3', '12:30', 'null', '010', '~', ' a ', 'é', '\U0001f600']"),
    (
        "target: sales",
        'target: sales\n  time: t\n  time_format: "a \\u0085 \\u2028 \\u2029 \\x7f \\ufeff \\uffff \\0 \\t \\" \\\\ b"',
    ),
    (
        "target: sales",
        "target: sales\n  time: date\n  inputs: [price]\n  separator: ';'\n  decimal: ','\n  missing: ffill",
    ),
    ("path: data/sales.csv", "path: 'sales: of #1 {x}.csv'"),
    ("split: {train: 0.8, test: 0.2}", "split: {test: 1990-01-01}"),
    ("split: {train: 0.8, test: 0.2}", f"split: {{test: {'9' * 400}}}"),
    ("units: [3, 4]", "units: [3, 4], bidirectional: [true, false], dropout: 1e-7"),
    (
        "epochs: 6",
        "epochs: 6\n  learning_rate: 1e-5\n  schedule: {kind: step, every: 2}\n  clip: {by: norm, limit: 1e22}",
    ),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A valid config in a folder of its own."""
    file = tmp_path / "x.yaml"
    file.write_text(TEXT, encoding="utf-8")
    return file


def refused(path: Path, *overrides: str) -> str:
    """The error's text with the folder of the config cut off."""
    with pytest.raises(ConfigError) as caught:
        load(path, overrides)
    return str(caught.value).replace(f"{path.parent}{os.sep}", "")


def as_json(text: str) -> Any:
    """The parsed config as an editor sees it: lists, not tuples."""
    return json.loads(json.dumps(yaml12.parse(text, source="x.yaml").value))


def test_load__reads_a_file(path: Path) -> None:
    experiment = load(path)
    assert (experiment.name, experiment.window.length, experiment.model.units, experiment.train.epochs) == (
        "tiny",
        5,
        (3, 4),
        6,
    )


def test_load__reports_every_mistake_with_its_line(path: Path) -> None:
    path.write_text(
        "nmae: tiny\nseed: -1\n"
        "data:\n  kind: csv\n  path: a\n  target: [a,\n    7]\n  sep: ','\n"
        "window: {length: 5}\nsplit: 0.2\n"
        "model:\n  kind: stacked\n  cell: lstm\n  units:\n  - 3\n  - 0\n"
        "train:\n  epoch: 5\n  schedule:\n    kind: step\n    factor: 1\n"
    )
    columns = ", ".join(sorted(CsvSpec.model_fields))
    optimizer = (
        "batch_size, bptt_steps, clip, early_stopping, epochs, learning_rate, loss, momentum, optimizer, schedule, shuffle, "
        "weight_decay"
    )
    assert sorted(refused(path).splitlines(), key=lambda line: int(line.split(":")[1])) == [
        "x.yaml:1: nmae: unknown key; did you mean 'name'? "
        "allowed here: baselines, data, final, model, name, report, scale, seed, split, train, window",
        "x.yaml:2: seed: got -1; must be 0 or more",
        "x.yaml:7: data.target.1: got 7; must be text",
        f"x.yaml:8: data.sep: unknown key; it is data.separator here; allowed here: {columns}",
        "x.yaml:10: split: got 0.2; must be a group of keys",
        f"x.yaml:13: model.cell: got 'lstm'; did you mean 'LSTM'? allowed: {', '.join(CELLS)}",
        "x.yaml:16: model.units.1: got 0; must be 1 or more",
        f"x.yaml:18: train.epoch: unknown key; did you mean 'epochs'? allowed here: {optimizer}",
        "x.yaml:19: train.schedule.every: missing; add 'every'",
        "x.yaml:21: train.schedule.factor: got 1; must be less than 1",
    ]


def test_load__wrong_items_do_not_make_a_list_too_short(path: Path) -> None:
    assert refused(path, "model.units=[0, 1.5]") == (
        "--set model.units=[0, 1.5]: model.units.0: got 0; must be 1 or more\n"
        "--set model.units=[0, 1.5]: model.units.1: got 1.5; must be a whole number"
    )


@pytest.mark.parametrize(
    ("key", "shown", "suggestion"),
    [
        ("Window", "Window", "did you mean 'window'? "),
        ("modle", "modle", "did you mean 'model'? "),
        ("zzz", "zzz", ""),
        ('"a\\nb"', "'a\\nb'", ""),
        ('""', "''", ""),
    ],
)
def test_load__unknown_key_proposes_the_nearest(path: Path, key: str, shown: str, suggestion: str) -> None:
    path.write_text(f"{TEXT}{key}: 1\n")
    allowed = "baselines, data, final, model, name, report, scale, seed, split, train, window"
    assert refused(path) == f"x.yaml:12: {shown}: unknown key; {suggestion}allowed here: {allowed}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "x.yaml: empty file; 'rnnfc init NAME' writes a config to start from"),
        (b"~\n", "x.yaml: empty file; 'rnnfc init NAME' writes a config to start from"),
        (b"# soon\n", "x.yaml: empty file; 'rnnfc init NAME' writes a config to start from"),
        (b"\xef\xbb\xbf", "x.yaml: empty file; 'rnnfc init NAME' writes a config to start from"),
        (
            b"- name: a\n",
            "x.yaml:1: not a group of keys (name, data, window, ...); 'rnnfc init NAME' writes a config",
        ),
        (
            b"tiny\n",
            "x.yaml:1: not a group of keys (name, data, window, ...); 'rnnfc init NAME' writes a config",
        ),
        (b"name: caf\xe9\n", "x.yaml:1: not UTF-8 text (byte 9); save it as UTF-8"),
        ("name: a\n".encode("utf-16"), "x.yaml:1: not UTF-8 text (byte 0); save it as UTF-8"),
        (b"name: \xe2\x82", "x.yaml:1: not UTF-8 text (byte 6); save it as UTF-8"),
        (b"name: a\0\n", "x.yaml:1: the character U+0000 is not allowed in YAML; remove it"),
    ],
)
def test_load__refuses_a_file_that_is_not_a_config(path: Path, content: bytes, message: str) -> None:
    path.write_bytes(content)
    assert refused(path) == message


def test_load__reads_a_byte_order_mark_and_windows_line_ends(path: Path) -> None:
    plain = load(path)
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    assert load(path) == plain


def test_load__reads_only_the_start_of_a_huge_file(path: Path) -> None:
    os.truncate(path, 2**30)  # 1 GiB of zeros, which take no disk
    assert refused(path) == "x.yaml: 4,000,007 characters, at most 1,000,000 are allowed; is this a config?"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_load__a_character_cut_by_the_limit_is_no_encoding_error(path: Path, mark: bytes) -> None:
    path.write_bytes(mark + "\U0001f600".encode() * 1_000_003)
    assert refused(path) == "x.yaml: 1,000,001 characters, at most 1,000,000 are allowed; is this a config?"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("y.yaml", "y.yaml: no such file; 'rnnfc init NAME' writes a config to start from"),
        (".", ": a folder, not a config; use the path of a YAML file"),
        (
            "x.yaml/y.yaml",
            "x.yaml/y.yaml: cannot be read (Not a directory); check the path and its permissions",
        ),
        ("y" * 300, f"{'y' * 300}: cannot be read (File name too long); check the path and its permissions"),
    ],
)
def test_load__refuses_a_path_without_a_readable_file(path: Path, name: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(path.parent / name)
    assert str(caught.value).removeprefix(str(path.parent)).removeprefix(os.sep) == message


@pytest.mark.parametrize(
    ("override", "keys", "value"),
    [
        ("train.epochs=5", ("train", "epochs"), 5),
        ("train.learning_rate=1e-2", ("train", "learning_rate"), 0.01),
        ("model.units=[7]", ("model", "units"), (7,)),
        ("seed=010", ("seed",), 10),
        ("scale=none", ("scale", "method"), "none"),
        ("name='1'", ("name",), "1"),
        (" name =b", ("name",), "b"),
        ("data.unit=a=b", ("data", "unit"), "a=b"),
        ("split={test: 4}", ("split", "test"), 4),
        ("split.train=", ("split", "train"), None),
        ("train.schedule.kind=cosine", ("train", "schedule", "kind"), "cosine"),
        ("data.unit=%d.%m.%Y", ("data", "unit"), "%d.%m.%Y"),
        ("data.unit=a: b: c", ("data", "unit"), "a: b: c"),
        ("data={kind: csv, path: a, target: b, decimal: '.', separator: \\t}", ("data", "separator"), "\t"),
        ("data.separator=;", ("data", "separator"), ";"),
        ("data.separator=,", ("data", "separator"), ","),
        ("data.separator=\t", ("data", "separator"), "\t"),
        (r"data.separator=\t", ("data", "separator"), "\t"),
    ],
)
def test_override__sets_any_key_to_a_yaml_value(
    path: Path, override: str, keys: tuple[str, ...], value: object
) -> None:
    read: Any = load(path, [override]).model_dump()
    for key in keys:
        read = read[key]
    assert read == value


def test_override__the_last_of_two_wins(path: Path) -> None:
    assert load(path, ["train.epochs=8", "train.epochs=9"]).train.epochs == 9
    assert load(path, ["train={epochs: 8}", "train.batch_size=9"]).train.batch_size == 9


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.epochs", "--set train.epochs: write it as key.path=value, e.g. --set train.epochs=5"),
        ("=5", "--set =5: write it as key.path=value, e.g. --set train.epochs=5"),
        ("train..epochs=5", "--set train..epochs=5: write it as key.path=value, e.g. --set train.epochs=5"),
        (
            "name.first=a",
            "--set name.first=a: name is a value, not a group of keys; "
            "set it as a whole, e.g. --set 'scale={method: standard, transform: log}'",
        ),
        (
            "model.units.0=5",
            "--set model.units.0=5: model.units is a value, not a group of keys; "
            "set it as a whole, e.g. --set 'scale={method: standard, transform: log}'",
        ),
        ("train.epochs=ten", "--set train.epochs=ten: train.epochs: got 'ten'; must be a whole number"),
        ("train.epochs=", "--set train.epochs=: train.epochs: got nothing; must be a whole number"),
        ("seed.x=5", "--set seed.x=5: seed: got a group of keys; must be a whole number"),
        ("train={epochs: 0}", "--set train={epochs: 0}: train.epochs: got 0; must be 1 or more"),
        ("train={}", "--set train={}: train.epochs: missing; add 'epochs'"),
        ("scale.kind=x", "--set scale.kind=x: scale.kind: unknown key; allowed here: by, method, transform"),
        (
            "window.lenght=5",
            "--set window.lenght=5: window.lenght: unknown key; did you mean 'length'? "
            "allowed here: horizon, length, normalize, stride",
        ),
        (
            "seed=!!int 5",
            "--set seed:1: the tag 'tag:yaml.org,2002:int' is not allowed; write the plain value without it",
        ),
        (
            "seed=[5",
            "--set seed:1: not valid YAML: expected ',' or ']', but got '<stream end>'; check indentation and quotes",
        ),
        (
            "data.unit=[%",
            "--set data.unit:1: not valid YAML: found character '%' that cannot start any token; put quotes around the value",
        ),
        (
            "data.separator=;;",
            "--set data.separator=;;: data.separator: got ';;'; must be one character, in quotes: ',' or ';' or '|'",
        ),
        (
            "train.schedule=cosine",
            "--set train.schedule=cosine: train.schedule: got 'cosine'; write it as {kind: cosine}",
        ),
        (
            "train.schedule=step",
            "--set train.schedule=step: train.schedule: got 'step'; write it as {kind: step, every: 10}",
        ),
        (
            "train.early_stopping=5",
            "--set train.early_stopping=5: train.early_stopping: got 5; write it as {patience: 5}",
        ),
        ("train.clip=1", "--set train.clip=1: train.clip: got 1; write it as {by: norm, limit: 1.0}"),
        (
            "model={cell: GRU, units: [3]}",
            "--set model={cell: GRU, units: [3]}: model: must be a group of keys with kind; "
            f"kinds: {', '.join(FAMILIES)}",
        ),
        (
            "train.early_stopping.patience=5",
            "--set train.early_stopping.patience=5: train.early_stopping: needs the validation loss; add "
            "split.validation",
        ),
        (
            f"seed={'9' * 400}",
            f"--set seed={'9' * 52}...: seed: got {'9' * 57}...; must be 2,147,483,647 or less",
        ),
        (
            "split.train=0.5",
            "x.yaml:7: split: the fractions add up to 0.7; make them add up to 1 or remove train",
        ),
    ],
)
def test_override__is_refused_as_it_was_written(path: Path, override: str, message: str) -> None:
    assert refused(path, override) == message


def test_override__the_last_one_is_blamed(path: Path) -> None:
    assert (
        refused(path, "train.epochs=x", "train={epochs: 0}")
        == "--set train={epochs: 0}: train.epochs: got 0; must be 1 or more"
    )


def test_override__refuses_a_key_of_invalid_bytes(path: Path) -> None:
    told = "got 'na\\udcffme'; input should be a valid string, unable to parse raw data as a unicode string"
    assert refused(path, "na\udcffme=5") == f"x.yaml:1: {told}"


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], "configs/data/sales.csv"),
        (["data.path=../b.csv"], "configs/../b.csv"),
        (["data.path=b.csv"], "here/b.csv"),
        (["data={kind: csv, path: b.csv, target: a}"], "here/b.csv"),
        (["data.path=~/b.csv"], "home/b.csv"),
        (["train.epochs=5"], "configs/data/sales.csv"),
    ],
)
def test_data_path__is_relative_to_its_config_or_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overrides: list[str], expected: str
) -> None:
    for folder in ("configs", "here"):
        (tmp_path / folder).mkdir()
    (tmp_path / "configs" / "x.yaml").write_text(TEXT)
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    expected_path = (tmp_path / expected).resolve()
    assert load(Path("../configs/x.yaml"), overrides).data.path == str(expected_path)


def test_data_path__must_be_absolute_without_a_working_folder(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = path.parent / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert load(path).data.path == str(path.parent.resolve() / "data" / "sales.csv")
    assert load(path, ["data.path=/b.csv"]).data.path == "/b.csv"
    assert (
        refused(path, "data.path=b.csv")
        == "the working folder does not exist any more; change to another one"
    )


def test_load__proposes_quotes_for_a_value_that_needs_them(path: Path) -> None:
    path.write_text(f"{TEXT}data: {{}}\n".replace("target: sales", "target: sales\n  time_format: %d.%m.%Y"))
    problem = "found character '%' that cannot start any token"
    assert refused(path) == f"x.yaml:6: not valid YAML: {problem}; put quotes around the value"


def test_to_yaml__has_the_effective_weight_decay(path: Path) -> None:
    experiment = load(path, ["train.optimizer=adamw"])
    resolved = to_yaml(experiment)
    assert '"weight_decay": 0.004' in resolved
    assert from_yaml(resolved, source="x.yaml") == experiment
    assert '"weight_decay"' not in to_yaml(load(path))


def test_data_path__absolute_stays(path: Path, tmp_path: Path) -> None:
    absolute = tmp_path.resolve() / "b.csv"
    assert load(path, [f"data.path={absolute}"]).data.path == str(absolute)


@pytest.mark.parametrize(
    ("written", "shown", "why"),
    [
        ('"a\\0b"', "'a\\x00b'", "it contains a NUL character"),
        ("~no-such-user-of-rnnfc/a", "'~no-such-user-of-rnnfc/a'", "Could not determine home directory"),
    ],
)
def test_data_path__refuses_text_that_is_not_a_path(path: Path, written: str, shown: str, why: str) -> None:
    path.write_text(TEXT.replace("data/sales.csv", written))
    assert refused(path) == f"x.yaml:4: data.path: got {shown}; not a path ({why}); use the path of a file"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_config__begins_with_its_command(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# rnnfc train configs/")
    assert f"/{path.name} " in first


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_to_yaml__shipped_config_reads_back_equal(path: Path) -> None:
    experiment = load(path)
    assert from_yaml(to_yaml(experiment), source="x.yaml") == experiment


@pytest.mark.parametrize(("old", "new"), TEXT_CHANGES)
def test_to_yaml__reads_back_equal_from_any_folder(path: Path, tmp_path: Path, old: str, new: str) -> None:
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    experiment = load(path)
    resolved = tmp_path / "elsewhere.yaml"
    resolved.write_text(to_yaml(experiment), encoding="utf-8")
    assert load(resolved) == experiment
    assert to_yaml(load(resolved)) == to_yaml(experiment)


@settings(derandomize=True, database=None, deadline=None, max_examples=100)
@given(st.text(min_size=1, max_size=32))
def test_to_yaml__any_text_reads_back_equal(text: str) -> None:
    experiment = Experiment.model_validate(
        {
            "name": "tiny",
            "data": {"kind": "csv", "path": "rows.csv", "target": "sold", "time": "day", "time_format": text},
            "window": {"length": 5},
            "split": {"test": 0.2},
            "model": {"kind": "stacked", "cell": "GRU", "units": (3,)},
            "train": {"epochs": 4},
        }
    )
    assert from_yaml(to_yaml(experiment), source="x.yaml") == experiment


def test_to_yaml__has_every_default_and_no_null(text: Callable[..., str]) -> None:
    resolved = to_yaml(from_yaml(text(), source="x.yaml"))
    assert resolved.splitlines()[:3] == [
        'name: "tiny"',
        "seed: 0",
        'data: {"kind": "sine", "unit": "", "points": 40, "stop": 9.0, "noise": 0.0, "noise_seed": 0}',
    ]
    assert "null" not in resolved


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "runs/1: got nothing; must be a group of keys"),
        ("- a\n", "runs/1:1: got ['a']; must be a group of keys"),
    ],
)
def test_from_yaml__refuses_a_damaged_config_by_name(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_yaml(text, source="runs/1")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "name", ["sales", "a.b-c_d", "NAME", "MYNAME", "NAMENAME", "2024", "1e3", "true", "null", "0x1F"]
)
def test_starter__is_a_valid_config(name: str) -> None:
    written = starter(name)
    assert from_yaml(written, source="x.yaml").name == name
    assert name[:1] not in "smM" or f"\nname: {name}\n" in written  # quotes only where it would be no text
    assert written.startswith(
        f"# {name}.yaml: an experiment to start from. Train it:  rnnfc train {name}.yaml\n"
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a b", "'a b'"),
        ("", "''"),
        ("a: b", "'a: b'"),
        ("a\nb: 1", "'a\\nb: 1'"),
        ("../a", "'../a'"),
        ("#", "'#'"),
    ],
)
def test_starter__refuses_an_invalid_name(name: str, shown: str) -> None:
    with pytest.raises(ConfigError) as caught:
        starter(name)
    allowed = "letters, digits, '.', '_' and '-' are allowed, 64 at most, starting with a letter or digit"
    assert str(caught.value) == f"rnnfc init: name: got {shown}; {allowed}"


def test_schema__is_valid_and_names_its_draft() -> None:
    contract = json.loads(schema())
    assert contract["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(contract)


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    """The schema as an editor applies it, formats included."""
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return jsonschema.Draft202012Validator(json.loads(schema()), format_checker=checker)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_schema__accepts_a_shipped_config(validator: jsonschema.Draft202012Validator, path: Path) -> None:
    assert [error.message for error in validator.iter_errors(as_json(path.read_text(encoding="utf-8")))] == []


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"split": "{test: 1990-01-01T06:00}"},
        {"split": "{train: 30, test: 10}"},
        {"split": "{train: 30, test: 1}"},
        {"data": "{kind: csv, path: a, target: sales, inputs: price}"},
        {"data": "{kind: csv, path: a, target: [sales, price]}"},
        {"data": "{kind: csv, path: a, target: sales, separator: \\t}"},
        {"model": "{kind: stacked, cell: GRU, units: 3}"},
        {"model": "{kind: stacked, cell: GRU, units: [3], bidirectional: [true]}"},
        {"model": "{kind: stacked, cell: GRU, units: [3], bidirectional: true}"},
    ],
)
def test_schema__accepts_what_load_accepts(
    validator: jsonschema.Draft202012Validator, text: Callable[..., str], changed: dict[str, str]
) -> None:
    assert from_yaml(text(**changed), source="x.yaml").name == "tiny"
    assert [error.message for error in validator.iter_errors(as_json(text(**changed)))] == []


def test_schema__accepts_the_starter_and_a_resolved_config(
    validator: jsonschema.Draft202012Validator,
) -> None:
    written = starter("sales")
    resolved = to_yaml(from_yaml(written, source="x.yaml"))
    for text in (written, resolved):
        assert [error.message for error in validator.iter_errors(as_json(text))] == []


@pytest.mark.parametrize(
    "changed",
    [
        {"nmae": "a"},
        {"window": "{length: 5, lenght: 6}"},
        {"data": "{kind: sine, points: 40, stop: 9.0, path: a}"},
        {"train": "{epochs: 4, schedule: {kind: constant, final: 0}}"},
        {"train": "{epochs: 4, early_stopping: {patience: 1, delta: 0}}"},
    ],
)
def test_schema__refuses_an_unknown_key_in_every_group(
    validator: jsonschema.Draft202012Validator, text: Callable[..., str], changed: dict[str, str]
) -> None:
    assert validator.is_valid(as_json(text()))
    assert not validator.is_valid(as_json(text(**changed)))


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": "-1"},
        {"scale": "max"},
        {"split": "{test: 1.5}"},
        {"split": "{test: 0}"},
        {"split": "{}"},
        {"data": "{kind: csv, path: a, target: 5}"},
    ],
)
def test_schema__refuses_a_wrong_value(
    validator: jsonschema.Draft202012Validator, text: Callable[..., str], changed: dict[str, str]
) -> None:
    assert not validator.is_valid(as_json(text(**changed)))


def test_schema__describes_every_key() -> None:
    document = json.loads(schema())
    groups = {"": document, **document["$defs"]}
    keys = {
        f"{group}.{key}": spec.get("description", "")
        for group, rows in groups.items()
        for key, spec in rows["properties"].items()
    }
    assert len(keys) > 100
    assert [key for key, text in keys.items() if not text] == []
