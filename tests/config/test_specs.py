import re
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from rnnfc.config.experiment import Experiment
from rnnfc.config.load import from_yaml, to_yaml
from rnnfc.config.scale_spec import ScaleSpec
from rnnfc.extensions import CELLS, FAMILIES
from rnnfc.networks.family import Sizes, find_family

CSV = "{kind: csv, path: /sales.csv, time: date, target: sales"
SINE = "{kind: sine, points: 40, stop: 9.0"
PLATEAU = "{epochs: 4, schedule: {kind: plateau, patience: 1"
SEQ2SEQ = "{kind: seq2seq, cell: GRU"
STOPPING = "{epochs: 4, early_stopping: {patience: 1"
STACKED = "{kind: stacked, cell: GRU, units: [3]"
Build = Callable[..., Experiment]
Refusal = Callable[..., str]
ONE_STACK = "needs one stacked network without linear, ensemble"
BORDER = "must be a fraction between 0 and 1, a number of rows (1 or more), or the date of its first row such as 1989-01-01"

# group, the group with $ for the value, key, the value at the border, the value past it, what is allowed
SEGMENT = "{kind: segment, cell: GRU, segment: 2, width: 4"
RANGES = [
    ("model", "{kind: segment, cell: GRU, segment: $, width: 4}", "model.segment", "1", "0", "1 or more"),
    ("model", "{kind: segment, cell: GRU, segment: 2, width: $}", "model.width", "2", "0", "2 or more"),
    (
        "model",
        "{kind: segment, cell: GRU, segment: 2, width: $}",
        "model.width",
        "16384",
        "16386",
        "16,384 or less",
    ),
    ("model", f"{SEGMENT}, linear: {{use: path, length: $}}}}", "model.linear.length", "1", "0", "1 or more"),
    ("model", f"{SEGMENT}, ensemble: {{seeds: $}}}}", "model.ensemble.seeds", "2", "1", "2 or more"),
    ("model", f"{SEGMENT}, ensemble: {{seeds: $}}}}", "model.ensemble.seeds", "64", "65", "64 or less"),
    ("seed", "$", "seed", "0", "-1", "0 or more"),
    ("seed", "$", "seed", "2147483647", "2147483648", "2,147,483,647 or less"),
    ("data", "{kind: sine, points: $, stop: 9}", "data.points", "2", "1", "2 or more"),
    (
        "data",
        "{kind: sine, points: $, stop: 9}",
        "data.points",
        "1000000000",
        "1000000001",
        "1,000,000,000 or less",
    ),
    ("data", "{kind: sine, points: 40, stop: $}", "data.stop", "1e-9", "0", "greater than 0"),
    ("data", "{kind: sine, points: 40, stop: $}", "data.stop", "1e9", "1000000000.5", "1e+09 or less"),
    ("data", "{kind: sine, points: 40, step: $}", "data.step", "1e-9", "0.0", "greater than 0"),
    ("data", "{kind: sine, points: 40, step: $}", "data.step", "1e6", "1000000.5", "1e+06 or less"),
    ("data", f"{SINE}, noise: $}}", "data.noise", "0", "-0.1", "0 or more"),
    ("data", f"{SINE}, noise: $}}", "data.noise", "1e6", "1000000.5", "1e+06 or less"),
    ("data", f"{SINE}, noise_seed: $}}", "data.noise_seed", "0", "-1", "0 or more"),
    (
        "data",
        f"{SINE}, noise_seed: $}}",
        "data.noise_seed",
        "2147483647",
        "2147483648",
        "2,147,483,647 or less",
    ),
    ("data", f"{SINE}, season: $}}", "data.season", "2", "1", "2 or more"),
    ("data", f"{CSV}, season: $}}", "data.season", "2", "1", "2 or more"),
    ("data", f"{CSV}, skip_rows: $}}", "data.skip_rows", "0", "-1", "0 or more"),
    ("data", f"{CSV}, skip_footer: $}}", "data.skip_footer", "0", "-1", "0 or more"),
    ("data", f"{CSV}, skip_rows_after_header: $}}", "data.skip_rows_after_header", "0", "-1", "0 or more"),
    ("window", "{length: $}", "window.length", "1", "0", "1 or more"),
    ("window", "{length: $}", "window.length", "1000000", "1000001", "1,000,000 or less"),
    ("window", "{length: 5, horizon: $}", "window.horizon", "1", "0", "1 or more"),
    ("window", "{length: 5, horizon: $}", "window.horizon", "100000", "100001", "100,000 or less"),
    ("window", "{length: 5, stride: $}", "window.stride", "1", "0", "1 or more"),
    (
        "window",
        "{length: 5, stride: $}",
        "window.stride",
        "1000000000",
        "1000000001",
        "1,000,000,000 or less",
    ),
    ("model", "{kind: stacked, cell: GRU, units: [2, $]}", "model.units.1", "1", "0", "1 or more"),
    (
        "model",
        "{kind: stacked, cell: GRU, units: [2, $]}",
        "model.units.1",
        "16384",
        "16385",
        "16,384 or less",
    ),
    ("model", f"{STACKED}, dropout: $}}", "model.dropout", "0", "-0.1", "0 or more"),
    ("model", f"{STACKED}, dropout: $}}", "model.dropout", "0.99", "1", "less than 1"),
    ("model", f"{STACKED}, recurrent_dropout: $}}", "model.recurrent_dropout", "0", "-0.1", "0 or more"),
    ("model", f"{STACKED}, recurrent_dropout: $}}", "model.recurrent_dropout", "0.99", "1.0", "less than 1"),
    ("model", "{kind: scratch, units: $}", "model.units", "1", "0", "1 or more"),
    ("model", "{kind: scratch, units: $}", "model.units", "16384", "16385", "16,384 or less"),
    ("model", f"{STACKED}, levels: [$, 0.5]}}", "model.levels.0", "1e-9", "0", "greater than 0"),
    ("model", f"{STACKED}, levels: [0.5, $]}}", "model.levels.1", "0.999", "1.0", "less than 1"),
    ("train", "{epochs: $}", "train.epochs", "1", "0", "1 or more"),
    ("train", "{epochs: $}", "train.epochs", "1000000", "1000001", "1,000,000 or less"),
    ("train", "{epochs: 4, batch_size: $}", "train.batch_size", "1", "0", "1 or more"),
    ("train", "{epochs: 4, batch_size: $}", "train.batch_size", "1000000", "1000001", "1,000,000 or less"),
    ("train", "{epochs: 4, bptt_steps: $}", "train.bptt_steps", "1", "0", "1 or more"),
    ("train", "{epochs: 4, learning_rate: $}", "train.learning_rate", "1e-9", "0", "greater than 0"),
    ("train", "{epochs: 4, learning_rate: $}", "train.learning_rate", "10", "10.5", "10 or less"),
    (
        "train",
        "{epochs: 4, optimizer: adamw, weight_decay: $}",
        "train.weight_decay",
        "0",
        "-0.1",
        "0 or more",
    ),
    (
        "train",
        "{epochs: 4, optimizer: adamw, weight_decay: $}",
        "train.weight_decay",
        "0.9",
        "1",
        "less than 1",
    ),
    ("train", "{epochs: 4, optimizer: sgd, momentum: $}", "train.momentum", "0", "-0.1", "0 or more"),
    ("train", "{epochs: 4, optimizer: sgd, momentum: $}", "train.momentum", "0.9", "1", "less than 1"),
    ("train", "{epochs: 4, clip: {by: norm, limit: $}}", "train.clip.limit", "1e-9", "0", "greater than 0"),
    (
        "train",
        "{epochs: 4, schedule: {kind: cosine, final: $}}",
        "train.schedule.final",
        "0",
        "-0.1",
        "0 or more",
    ),
    (
        "train",
        "{epochs: 4, schedule: {kind: cosine, final: $}}",
        "train.schedule.final",
        "0.9",
        "1",
        "less than 1",
    ),
    ("train", "{epochs: 4, schedule: {kind: step, every: $}}", "train.schedule.every", "1", "0", "1 or more"),
    (
        "train",
        "{epochs: 4, schedule: {kind: step, every: 1, factor: $}}",
        "train.schedule.factor",
        "0.1",
        "0",
        "greater than 0",
    ),
    (
        "train",
        "{epochs: 4, schedule: {kind: step, every: 1, factor: $}}",
        "train.schedule.factor",
        "0.9",
        "1",
        "less than 1",
    ),
    (
        "train",
        "{epochs: 4, schedule: {kind: plateau, patience: $}}",
        "train.schedule.patience",
        "1",
        "0",
        "1 or more",
    ),
    ("train", f"{PLATEAU}, factor: $}}}}", "train.schedule.factor", "0.1", "0", "greater than 0"),
    ("train", f"{PLATEAU}, factor: $}}}}", "train.schedule.factor", "0.9", "1", "less than 1"),
    ("train", f"{PLATEAU}, floor: $}}}}", "train.schedule.floor", "0", "-0.1", "0 or more"),
    (
        "train",
        "{epochs: 4, early_stopping: {patience: $}}",
        "train.early_stopping.patience",
        "1",
        "0",
        "1 or more",
    ),
    ("train", f"{PLATEAU}, min_delta: $}}}}", "train.schedule.min_delta", "0", "-0.1", "0 or more"),
    ("train", f"{STOPPING}, min_delta: $}}}}", "train.early_stopping.min_delta", "0", "-0.1", "0 or more"),
    ("model", f"{SEQ2SEQ}, units: 4, series_embedding: $}}", "model.series_embedding", "1", "0", "1 or more"),
    ("model", f"{SEQ2SEQ}, units: $}}", "model.units", "16384", "16385", "16,384 or less"),
    (
        "model",
        f"{SEQ2SEQ}, units: 4, teacher_forcing: $}}",
        "model.teacher_forcing",
        "0",
        "-0.1",
        "0 or more",
    ),
    ("model", f"{SEQ2SEQ}, units: 4, teacher_forcing: $}}", "model.teacher_forcing", "1", "1.1", "1 or less"),
]
LINE = {"data": 2, "window": 3, "split": 4, "model": 5, "train": 6, "seed": 7, "scale": 7}


def as_shown(text: str) -> str:
    return repr(int(text) if text.lstrip("-").isdigit() else float(text))


def bounded_keys(group: type[BaseModel], path: str = "") -> set[str]:
    """Every key under `group` whose JSON Schema has a numeric bound, with dots."""
    schema = group.model_json_schema()
    found = set()

    def walk(node: object, path: str) -> None:
        if isinstance(node, list):
            for item in node:
                walk(item, path)
        elif isinstance(node, dict):
            if {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"} & node.keys():
                found.add(path)
            walk([node.get(key, []) for key in ("anyOf", "oneOf", "items")], path)
            if "$ref" in node:
                walk(schema["$defs"][node["$ref"].rsplit("/", 1)[1]], path)
            for key, value in node.get("properties", {}).items():
                walk(value, f"{path}.{key}".lstrip("."))

    walk(schema, path)
    return found


@pytest.mark.parametrize(
    ("group", "defaults"),
    [
        ("data", {"noise": 0.0, "noise_seed": 0, "season": None, "unit": ""}),
        ("window", {"normalize": "none", "stride": 1}),
        ("train", {"bptt_steps": None}),
        ("split", {"train": None}),
        ("model", {"activation": "tanh", "dropout": 0.0, "recurrent_dropout": 0.0, "bidirectional": False}),
        (
            "train",
            {
                "batch_size": 32,
                "shuffle": True,
                "optimizer": "adam",
                "learning_rate": 0.001,
                "loss": "mse",
                "clip": None,
            },
        ),
        (
            "train",
            {
                "weight_decay": None,
                "momentum": None,
                "schedule": {"kind": "constant"},
                "early_stopping": None,
            },
        ),
    ],
)
def test_experiment__has_defaults(build: Build, group: str, defaults: dict[str, object]) -> None:
    assert build().model_dump()[group].items() >= defaults.items()


def test_csv_spec__defaults_are_utf_8_commas_and_no_gaps(build: Build) -> None:
    data = build(data="{kind: csv, path: a, target: b}").data
    assert (data.separator, data.decimal, data.encoding) == (",", ".", "utf-8")
    assert (data.time, data.inputs, data.frequency, data.missing) == (None, (), "infer", "error")


def test_experiment__seed_scale_and_horizon_have_defaults(build: Build) -> None:
    assert (build().seed, build().scale) == (0, ScaleSpec(method="minmax", by="series", transform="none"))
    assert build(window="{length: 5}").window.horizon == 1


@pytest.mark.parametrize(
    ("schedule", "defaults"),
    [
        ("{kind: cosine}", {"final": 0.0}),
        ("{kind: step, every: 2}", {"factor": 0.5}),
        ("{kind: plateau, patience: 2}", {"factor": 0.5, "floor": 0.0, "min_delta": 0.0}),
    ],
)
def test_train_spec__schedule_and_early_stopping_have_defaults(
    build: Build, schedule: str, defaults: dict[str, float]
) -> None:
    train = build(
        train=f"{{epochs: 4, schedule: {schedule}, early_stopping: {{patience: 3}}}}"
    ).train.model_dump()
    assert train["schedule"].items() >= defaults.items()
    assert train["early_stopping"] == {"patience": 3, "min_delta": 0.0}


@pytest.mark.parametrize(
    ("data", "key", "shown"),
    [
        (f'{SINE}, unit: "a\\nb"}}', "unit", r"'a\nb'"),
        (f'{CSV}, unit: "\\e[31m"}}', "unit", r"'\x1b[31m'"),
        ('{kind: csv, path: a, target: "a\\tb"}', "target.0", r"'a\tb'"),
        ('{kind: csv, path: a, target: b, time: "\\a"}', "time", r"'\x07'"),
    ],
)
def test_data_spec__names_and_units_are_printable(refusal: Refusal, data: str, key: str, shown: str) -> None:
    assert refusal(data=data).startswith(f"x.yaml:2: data.{key}: got {shown};")


@pytest.mark.parametrize("data", [SINE, CSV])
def test_data_spec__unit_has_at_most_32_characters(build: Build, refusal: Refusal, data: str) -> None:
    assert build(data=f"{data}, unit: {'m' * 32}}}").data.unit == "m" * 32
    assert refusal(data=f"{data}, unit: {'m' * 33}}}").startswith("x.yaml:2: data.unit: got")


@pytest.mark.parametrize("length", [58, 59, 60])
def test_message__shows_at_most_60_characters_of_a_value(refusal: Refusal, length: int) -> None:
    shown = repr("m" * length) if length < 59 else f"'{'m' * 56}..."
    assert refusal(scale="m" * length).startswith(f"x.yaml:7: scale.method: got {shown};")


@pytest.mark.parametrize(
    "keys", ["path: ''", "path: a, time: b, time_format: ''", "path: a, time: ''", "path: a, inputs: ['']"]
)
def test_data_spec__refuses_empty_text(refusal: Refusal, keys: str) -> None:
    key = keys.rpartition(", ")[2].partition(":")[0].replace("inputs", "inputs.0")
    told = f"x.yaml:2: data.{key}: got ''; its length must be 1 or more"
    assert refusal(data=f"{{kind: csv, target: c, {keys}}}").startswith(told)


def test_file_spec__separator_is_one_character(refusal: Refusal) -> None:
    for separator in ("''", "'::'"):
        told = refusal(data=f"{{kind: csv, path: a, target: b, separator: {separator}}}")
        assert told.startswith("x.yaml:2: data.separator: got ")
        assert told.endswith("; must be one character, in quotes: ',' or ';' or '|'")


def test_experiment__is_frozen(build: Build) -> None:
    experiment = build()
    with pytest.raises(ValidationError, match="frozen"):
        experiment.window.length = 6


@pytest.mark.parametrize(("group", "template", "key", "border", "past", "allowed"), RANGES)
def test_number__is_accepted_up_to_its_bound(
    build: Build,
    refusal: Refusal,
    *,
    group: str,
    template: str,
    key: str,
    border: str,
    past: str,
    allowed: str,
) -> None:
    assert build(**{group: template.replace("$", border)})
    message = f"x.yaml:{LINE[group]}: {key}: got {as_shown(past)}; must be {allowed}"
    assert refusal(**{group: template.replace("$", past)}).startswith(message)


def test_number__every_bound_is_tested() -> None:
    tested = {re.sub(r"\.\d+$", "", key) for _, _, key, _, _, _ in RANGES}
    assert bounded_keys(Experiment) == tested | {"split.train", "split.validation", "split.test"}


@pytest.mark.parametrize(
    ("group", "template", "key"),
    [
        ("data", "{kind: sine, points: 40, stop: $}", "data.stop"),
        ("data", f"{SINE}, noise: $}}", "data.noise"),
        ("model", f"{STACKED}, dropout: $}}", "model.dropout"),
        ("train", "{epochs: 4, learning_rate: $}", "train.learning_rate"),
        ("train", "{epochs: 4, clip: {by: value, limit: $}}", "train.clip.limit"),
        (
            "train",
            "{epochs: 4, early_stopping: {patience: 1, min_delta: $}}",
            "train.early_stopping.min_delta",
        ),
    ],
)
@pytest.mark.parametrize(
    ("written", "value"), [(".inf", "inf"), ("-.inf", "-inf"), (".nan", "nan"), ("1e999", "inf")]
)
def test_number__refuses_infinity_and_nan(
    refusal: Refusal, *, group: str, template: str, key: str, written: str, value: str
) -> None:
    message = refusal(**{group: template.replace("$", written)})
    assert message.startswith(f"x.yaml:{LINE[group]}: {key}: got {value}; must be a finite number")


@pytest.mark.parametrize(
    ("group", "value", "message"),
    [
        ("seed", "7.0", "7: seed: got 7.0; must be a whole number"),
        ("seed", "true", "7: seed: got true; must be a whole number"),
        ("seed", "'7'", "7: seed: got '7'; must be a whole number"),
        ("seed", "", "7: seed: got nothing; must be a whole number"),
        ("name", "2024", "1: name: got 2024; must be text"),
        ("train", "{epochs: 4, learning_rate: fast}", "6: train.learning_rate: got 'fast'; must be a number"),
        ("train", "{epochs: 4, learning_rate: true}", "6: train.learning_rate: got true; must be a number"),
        ("train", "{epochs: 4, shuffle: 1}", "6: train.shuffle: got 1; must be true or false"),
        ("train", "{epochs: 4, shuffle: [true]}", "6: train.shuffle: got [true]; must be true or false"),
        ("train", "{epochs: 4, shuffle: yes}", "6: train.shuffle: got 'yes'; must be true or false"),
        ("train", "5", "6: train: got 5; must be a group of keys"),
        ("train", "{epochs: {a: 1}}", "6: train.epochs: got a group of keys; must be a whole number"),
        ("data", "", "2: data: got nothing; must be a group of keys"),
        ("data", "[sine, 40]", "2: data: got ['sine', 40]; must be a group of keys"),
        ("model", "{kind: stacked, cell: GRU, units: 0}", "5: model.units.0: got 0; must be 1 or more"),
        (
            "model",
            "{kind: stacked, cell: GRU, units: true}",
            "5: model.units: got true; must be a list such as [50] or [a, b]",
        ),
        (
            "model",
            "{kind: stacked, cell: GRU, units: 1.5}",
            "5: model.units: got 1.5; must be a list such as [50] or [a, b]",
        ),
        (
            "model",
            "{kind: stacked, cell: GRU, units: []}",
            "5: model.units: got []; its length must be 1 or more",
        ),
        (
            *("model", f"{{kind: stacked, cell: GRU, units: [{', '.join('1' * 17)}]}}"),
            "5: model.units: got [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]; its length must be 16 or less",
        ),
        (
            "model",
            f"{STACKED}, bidirectional: both}}",
            "5: model.bidirectional: got 'both'; must be true or false",
        ),
        (
            "model",
            f"{STACKED}, bidirectional: [1]}}",
            "5: model.bidirectional.0: got 1; must be true or false",
        ),
        ("data", "{kind: csv, path: '', target: a}", "2: data.path: got ''; its length must be 1 or more"),
        (
            "data",
            "{kind: csv, path: a, target: 5}",
            "2: data.target: got 5; must be a list such as [50] or [a, b]",
        ),
        ("data", "{kind: csv, path: a, target: []}", "2: data.target: got []; its length must be 1 or more"),
        (
            "data",
            "{kind: csv, path: a, target: ['']}",
            "2: data.target.0: got ''; its length must be 1 or more",
        ),
        (
            "data",
            f"{CSV}, separator: '::'}}",
            "2: data.separator: got '::'; must be one character, in quotes: ',' or ';' or '|'",
        ),
        (
            "data",
            f"{SINE}, unit: {'m' * 33}}}",
            f"2: data.unit: got '{'m' * 33}'; its length must be 32 or less",
        ),
        (
            "data",
            "{points: 40}",
            "2: data: must be a group of keys with kind; kinds: sine, csv, long, wide, frame",
        ),
    ],
)
def test_value__refuses_a_wrong_type_or_length(
    refusal: Refusal, group: str, value: str, message: str
) -> None:
    assert refusal(**{group: value}).startswith(f"x.yaml:{message}")


@pytest.mark.parametrize(
    ("group", "value", "message"),
    [
        (
            "scale",
            "min-max",
            "7: scale.method: got 'min-max'; did you mean 'minmax'? allowed: none, minmax, standard",
        ),
        ("scale", "", "7: scale: got nothing; write it as minmax, or {method: minmax, by: all}"),
        (
            "data",
            "{kind: cvs}",
            "2: data: kind is 'cvs'; did you mean 'csv'? allowed: sine, csv, long, wide, frame",
        ),
        ("data", "{kind: 5}", "2: data: kind is 5; allowed: sine, csv, long, wide, frame"),
        (
            "data",
            "{kind: [sine]}",
            "2: data: kind is ['sine']; did you mean 'sine'? allowed: sine, csv, long, wide, frame",
        ),
        ("data", f"{CSV}, decimal: ';'}}", "2: data.decimal: got ';'; allowed: '.', ','"),
        (
            *("data", f"{CSV}, encoding: utf8}}"),
            "2: data.encoding: got 'utf8'; did you mean 'utf-8'? allowed: utf-8, latin-1, cp1252, utf-16",
        ),
        (
            "model",
            "{kind: stacked, cell: gru, units: [3]}",
            f"5: model.cell: got 'gru'; did you mean 'GRU'? allowed: {', '.join(CELLS)}",
        ),
        (
            "model",
            "{kind: transformer, cell: GRU, units: [3]}",
            f"5: model: kind is 'transformer'; allowed: {', '.join(FAMILIES)}",
        ),
        (
            *("train", "{epochs: 4, schedule: {kind: Cosin}}"),
            "6: train.schedule: kind is 'Cosin'; did you mean 'cosine'? allowed: constant, cosine, step, plateau",
        ),
        (
            "train",
            "{epochs: 4, schedule: cosine}",
            "6: train.schedule: got 'cosine'; write it as {kind: cosine}",
        ),
        (
            *("train", "{epochs: 4, clip: {by: norms, limit: 1}}"),
            "6: train.clip.by: got 'norms'; did you mean 'norm'? allowed: value, norm, global_norm",
        ),
    ],
)
def test_choice__unknown_one_lists_what_is_allowed(
    refusal: Refusal, group: str, value: str, message: str
) -> None:
    assert refusal(**{group: value}).startswith(f"x.yaml:{message}")


@pytest.mark.parametrize("name", ["", ".", "-a", "a b", "a/b", "../a", "é", "a\\nb", "a" * 65, "a:b"])
def test_name__refuses_what_cannot_name_a_folder(refusal: Refusal, name: str) -> None:
    allowed = "letters, digits, '.', '_' and '-' are allowed, 64 at most, starting with a letter or digit"
    message = refusal(name=f'"{name}"')
    assert message.startswith("x.yaml:1: name: got '")
    assert message.endswith(f"; {allowed}")


@pytest.mark.parametrize("name", ["a", "0", "a.b_c-d", "a" * 64])
def test_name__accepts_letters_digits_and_marks(build: Build, name: str) -> None:
    assert build(name=f"'{name}'").name == name


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            "{kind: sine, points: 40}",
            "set either stop (the last x) or step (the distance between two x), not both",
        ),
        (
            "{kind: sine, points: 40, stop: 9, step: 1}",
            "set either stop (the last x) or step (the distance between two x), not both",
        ),
        (
            f"{CSV}, inputs: [price, sales]}}",
            "duplicate column 'sales';",
        ),
        (f"{CSV}, inputs: date}}", "duplicate column 'date';"),
        (
            "{kind: csv, path: a, target: [z, x, z, x]}",
            "duplicate column 'x';",
        ),
        (
            "{kind: csv, path: a, target: x, time_format: '%Y'}",
            "time_format, frequency and calendar need a time column; add time: COLUMN or remove them",
        ),
        (
            "{kind: csv, path: a, target: x, frequency: rows}",
            "time_format, frequency and calendar need a time column; add time: COLUMN or remove them",
        ),
        (
            f"{CSV}, decimal: ',', thousands: ','}}",
            "thousands and decimal are the same character;",
        ),
        (
            f"{CSV}, separator: '\"'}}",
            "separator is '\"', a quote or an invisible character;",
        ),
        (
            f'{CSV}, separator: "\\n"}}',
            "separator is '\\n', a quote or an invisible character;",
        ),
    ],
)
def test_data_spec__refuses_keys_that_contradict(refusal: Refusal, data: str, message: str) -> None:
    assert refusal(data=data).startswith(f"x.yaml:2: data: {message}")


@pytest.mark.parametrize("separator", ["','", "';'", "' '", "'|'", '"\\t"'])
def test_file_spec__separator_may_be_a_space_or_a_tab(build: Build, separator: str) -> None:
    assert len(build(data=f"{CSV}, separator: {separator}}}").data.separator) == 1


@pytest.mark.parametrize(
    ("target", "columns"), [("sales", ("sales",)), ("[sales]", ("sales",)), ("[b, a]", ("b", "a"))]
)
def test_columns_spec__target_is_one_column_or_a_list(
    build: Build, target: str, columns: tuple[str, ...]
) -> None:
    assert build(data=f"{{kind: csv, path: a, target: {target}}}").data.target == columns


@pytest.mark.parametrize(("spacing", "distance"), [("stop: 9.0", 3.0), ("step: 0.5", 0.5)])
def test_sine_spec__spacing_from_stop_or_step(build: Build, spacing: str, distance: float) -> None:
    assert build(data=f"{{kind: sine, points: 4, {spacing}}}").data.spacing == distance


@pytest.mark.parametrize("data", [f"{SINE}, season: 6}}", f"{CSV}, season: 6}}"])
def test_experiment__refuses_a_season_longer_than_the_window(
    build: Build, refusal: Refusal, data: str
) -> None:
    assert build(data=data, window="{length: 6}").data.season == 6
    assert refusal(data=data).startswith(
        "x.yaml:2: data.season: 6 is longer than window.length 5, so the seasonal baseline"
    )


@pytest.mark.parametrize(
    "split",
    [
        "{test: 0.2}",
        "{train: 0.8, test: 0.2}",
        "{train: 0.7, validation: 0.2, test: 0.1}",
        "{train: , validation: , test: 0.2}",
        "{test: 1}",
        "{train: 30, validation: 5, test: 5}",
        "{test: 1990-01-01}",
        "{test: 1990-01-01T06:00}",
        "{validation: 1989-12-31, test: 1990-01-01}",
        "{validation: 1990-01-01, test: 1990-01-01T00:01}",
    ],
)
def test_split_spec__accepts_fractions_rows_or_dates(build: Build, split: str) -> None:
    assert build(split=split).split.test is not None


@pytest.mark.parametrize(
    "border",
    ["0", "-1", "0.0", "1.0", "1.5", ".inf", ".nan", "true", "[1]", "{a: 1}", "soon", "1990-02-30", ""],
)
def test_split_spec__refuses_other_borders(refusal: Refusal, border: str) -> None:
    assert refusal(split=f"{{test: {border}}}").startswith(f"x.yaml:4: split.test: {BORDER}")


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("{}", "split.test: missing; add 'test'"),
        ("{train: 1.5, test: 2020-13-01}", f"split.train: {BORDER}\nx.yaml:4: split.test: {BORDER}"),
        (
            "{test: 1990-01-01T00:00Z}",
            "split.test: remove the UTC offset;",
        ),
        (
            "{train: 30, test: 0.2}",
            "split: mixes fractions, row counts and dates;",
        ),
        (
            "{validation: 5, test: 1990-01-01}",
            "split: mixes fractions, row counts and dates;",
        ),
        (
            "{train: 1980-01-01, test: 1990-01-01}",
            "split: with dates, remove train",
        ),
        (
            "{validation: 1990-01-01, test: 1990-01-01}",
            "split: validation starts on 1990-01-01, not before test on 1990-01-01;",
        ),
        (
            "{train: 0.5, test: 0.2}",
            "split: the fractions add up to 0.7;",
        ),
        (
            "{train: 0.5, validation: 0.4, test: 0.2}",
            "split: the fractions add up to 1.1;",
        ),
        (
            "{validation: 0.5, test: 0.5}",
            "split: validation and test add up to 1, which leaves no rows to train on",
        ),
    ],
)
def test_split_spec__refuses_parts_that_contradict(refusal: Refusal, split: str, message: str) -> None:
    assert refusal(split=split).startswith(f"x.yaml:4: {message}")


@pytest.mark.parametrize(
    ("units", "flags", "directions"),
    [
        ("[3, 4]", "false", (1, 1)),
        ("[3, 4]", "true", (2, 2)),
        ("[3, 4]", "[true, false]", (2, 1)),
        ("[3]", "[true]", (2,)),
    ],
)
def test_stacked_spec__each_layer_has_one_or_two_directions(
    build: Build, units: str, flags: str, directions: tuple[int, ...]
) -> None:
    model = build(model=f"{{kind: stacked, cell: GRU, units: {units}, bidirectional: {flags}}}").model
    assert model.directions == directions


@pytest.mark.parametrize(
    ("model", "label", "units"),
    [
        ("{kind: stacked, cell: LSTM, units: [3, 4]}", "LSTM 3 + 4", 7),
        ("{kind: stacked, cell: LSTM, units: 5}", "LSTM 5", 5),
        ("{kind: stacked, cell: GRU, units: [3, 4], bidirectional: [true, false]}", "GRU 3 + 4", 10),
        ("{kind: scratch, units: 6, activation: sigmoid}", "NumPy sigmoid 6", 6),
    ],
)
def test_model_spec__has_a_label_and_the_units_of_all_its_layers(
    build: Build, model: str, label: str, units: int
) -> None:
    spec = build(model=model).model
    work = find_family(spec).work(spec, Sizes(length=2, horizon=1, channels=1, targets=1))
    assert (spec.label, work.units) == (label, units)


def test_scratch_spec__has_an_equal_stacked_spec(build: Build) -> None:
    twin = build(model="{kind: scratch, units: 6, activation: sigmoid}").model.as_stacked
    assert twin == build(model="{kind: stacked, cell: SimpleRNN, units: [6], activation: sigmoid}").model


def test_stacked_spec__directions_have_one_entry_per_layer(refusal: Refusal) -> None:
    message = refusal(model="{kind: stacked, cell: GRU, units: [3, 4, 5], bidirectional: [true, false]}")
    assert message.startswith("x.yaml:5: model: bidirectional has 2 entries for 3 layers;")


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "sgd"])
def test_train_spec__weight_decay_needs_adamw(build: Build, refusal: Refusal, optimizer: str) -> None:
    assert build(train="{epochs: 4, optimizer: adamw, weight_decay: 0.1}").train.weight_decay == 0.1
    assert refusal(train=f"{{epochs: 4, optimizer: {optimizer}, weight_decay: 0.1}}").startswith(
        f"x.yaml:6: train: weight_decay acts with adamw only, optimizer is {optimizer};"
    )


def test_train_spec__adamw_has_the_weight_decay_of_keras(build: Build) -> None:
    assert build(train="{epochs: 4, optimizer: adamw, weight_decay: 0}").train.weight_decay == 0
    assert build(train="{epochs: 4, optimizer: adamw}").train.weight_decay == 0.004


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_train_spec__momentum_needs_sgd_or_rmsprop(build: Build, refusal: Refusal, optimizer: str) -> None:
    for accepted in ("sgd", "rmsprop"):
        assert build(train=f"{{epochs: 4, optimizer: {accepted}, momentum: 0.9}}").train.momentum == 0.9
    assert refusal(train=f"{{epochs: 4, optimizer: {optimizer}, momentum: 0.9}}").startswith(
        f"x.yaml:6: train: momentum acts with rmsprop and sgd only, optimizer is {optimizer};"
    )


@pytest.mark.parametrize(
    ("train", "key"),
    [
        ("early_stopping: {patience: 3}", "early_stopping:"),
        ("schedule: {kind: plateau, patience: 3}", "schedule: plateau"),
    ],
)
def test_experiment__validation_loss_needs_a_validation_split(
    build: Build, refusal: Refusal, train: str, key: str
) -> None:
    assert build(train=f"{{epochs: 4, {train}}}").split.validation == 0.1
    assert refusal(train=f"{{epochs: 4, {train}}}", split="{test: 0.2}").startswith(
        f"x.yaml:6: train.{key} needs the validation loss; add split.validation"
    )


@pytest.mark.parametrize(
    ("model", "train", "message"),
    [
        (
            *("{kind: scratch, units: 3}", "optimizer: rmsprop"),
            "train.optimizer: model.kind scratch has adam and sgd, not rmsprop;",
        ),
        (
            *("{kind: scratch, units: 3}", "optimizer: sgd, momentum: 0.9"),
            "train.momentum: model.kind scratch has sgd without momentum;",
        ),
        (
            "{kind: scratch, units: 3}",
            "loss: mae",
            "train.loss: model.kind scratch has mse, not mae;",
        ),
        (
            *("{kind: scratch, units: 3}", "bptt_steps: 6"),
            "train.bptt_steps: 6 is longer than window.length 5, so it has no effect;",
        ),
        (
            *("{kind: stacked, cell: GRU, units: [3], bidirectional: true}", "bptt_steps: 2"),
            "train.bptt_steps: a bidirectional layer also reads the window from its end, so its earlier steps cannot be cut off;",
        ),
        (
            *("{kind: stacked, cell: GRU, units: [3], dropout: 0.1}", "bptt_steps: 2"),
            "train.bptt_steps: dropout draws one mask for the whole window, and truncated backpropagation reads it in two parts;",
        ),
        (
            *("{kind: stacked, cell: GRU, units: [3], recurrent_dropout: 0.1}", "bptt_steps: 2"),
            "train.bptt_steps: dropout draws one mask for the whole window, and truncated backpropagation reads it in two parts;",
        ),
        *(
            (model, "bptt_steps: 2", f"train.bptt_steps: {ONE_STACK}")
            for model in (f"{STACKED}, ensemble: {{seeds: 2}}}}", f"{SEQ2SEQ}, units: 3}}")
        ),
    ],
)
def test_experiment__refuses_training_keys_that_the_network_lacks(
    refusal: Refusal, model: str, train: str, message: str
) -> None:
    assert refusal(model=model, train=f"{{epochs: 4, {train}}}", window="{length: 5}").startswith(
        f"x.yaml:6: {message}"
    )


@pytest.mark.parametrize(
    ("group", "value", "message"),
    [
        (
            "window",
            "{length: 5, normalize: mean_std}",
            "normalize: model.kind scratch has none and last, not mean_std;",
        ),
        (
            "window",
            "{length: 5, normalize: difference}",
            "normalize: model.kind scratch has none and last, not difference;",
        ),
        ("scale", "{transform: log}", "transform: model.kind scratch has none, not log;"),
    ],
)
def test_scratch_spec__refuses_other_scaling_and_normalization(
    refusal: Refusal, group: str, value: str, message: str
) -> None:
    assert f": {group}.{message}" in refusal(**{group: value}, model="{kind: scratch, units: 3}")


@pytest.mark.parametrize(
    ("written", "label"),
    [
        ("none", "none"),
        ("minmax", "minmax"),
        ("{method: standard, by: all}", "standard"),
        ("{method: none, transform: log}", "log"),
        ("{transform: box_cox}", "box_cox, minmax"),
    ],
)
def test_scale_spec__is_one_word_or_a_group(build: Build, written: str, label: str) -> None:
    assert build(scale=written).scale.label == label


def test_scratch_spec__refuses_mask(refusal: Refusal) -> None:
    message = refusal(
        model="{kind: scratch, units: 3}", data="{kind: csv, path: a, target: y, missing: mask}"
    )
    assert message.startswith(
        "x.yaml:2: data.missing: model.kind scratch counts every target in its loss, so mask is not for it;"
    )


@pytest.mark.parametrize("key", ["known: z", "calendar: [hour]"])
def test_scratch_spec__refuses_future_covariates(refusal: Refusal, key: str) -> None:
    message = refusal(
        model="{kind: scratch, units: 3}", data=f"{{kind: csv, path: a, time: t, target: y, {key}}}"
    )
    name = key.partition(":")[0]
    assert message.startswith(
        f"x.yaml:2: data.{name}: model.kind scratch reads the window alone; leave {name} out"
    )


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (
            {"split": "{test: 0.2, rows_from: start}"},
            "4: split: rows_from: start needs train and test as row counts;",
        ),
        (
            {"model": "{kind: stacked, cell: GRU, units: [3], linear: {use: blend}}", "split": "{test: 0.2}"},
            "5: model.linear.use: blend fits the network's share on validation windows; add split.validation",
        ),
        (
            {
                "model": "{kind: stacked, cell: GRU, units: [3], linear: {use: path, length: 9}}",
                "window": "{length: 5}",
            },
            "5: model.linear.length: 9 is longer than window.length 5;",
        ),
        (
            {
                "model": "{kind: stacked, cell: GRU, units: [3], ensemble: {seeds: 2}}",
                "train": "{epochs: 4, clip: {by: global_norm, limit: 1}}",
            },
            "6: train.clip.by: global_norm would clip all networks of the ensemble together;",
        ),
        (
            {
                "model": "{kind: segment, cell: GRU, segment: 2, width: 4}",
                "data": "{kind: csv, path: a, target: y, inputs: z}",
            },
            "2: data.inputs: model.kind segment reads each target by itself and nothing further;",
        ),
        (
            {"model": "{kind: segment, cell: GRU, segment: 6, width: 4}", "window": "{length: 5}"},
            "5: model.segment: 6 is longer than window.length 5;",
        ),
        (
            {
                "model": f"{STACKED}, strategy: recursive}}",
                "data": "{kind: csv, path: a, target: y, inputs: [u, z]}",
            },
            "5: model.strategy: recursive needs the next row of every column, and that of u, z is neither forecast nor known;",
        ),
        (
            {"model": f"{STACKED}, strategy: recursive, levels: [0.5]}}"},
            "5: model.strategy: recursive feeds back medians only, so later steps have no quantiles;",
        ),
        (
            {"model": f"{STACKED}, strategy: recursive, linear: {{use: path}}}}"},
            "5: model.strategy: recursive forecasts one step at a time and the linear map all steps at once;",
        ),
    ],
)
def test_experiment__refuses_keys_that_the_network_lacks(
    refusal: Refusal, groups: dict[str, str], message: str
) -> None:
    assert refusal(**groups).startswith(f"x.yaml:{message}")


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        (
            "[0.9, 0.5, 0.1, 0.5]",
            "5: model: levels [0.9, 0.5, 0.1, 0.5] do not ascend;",
        ),
        ("[0.5, 0.5]", "5: model: levels [0.5, 0.5] do not ascend;"),
        (
            "[0.1, 0.9]",
            "5: model: levels [0.1, 0.9] leave out 0.5, the median, which is the forecast itself;",
        ),
    ],
)
def test_network_spec__levels_ascend_and_include_the_median(
    refusal: Refusal, levels: str, message: str
) -> None:
    assert refusal(model=f"{STACKED}, levels: {levels}}}").startswith(f"x.yaml:{message}")


def test_network_spec__levels_are_also_called_quantiles(build: Build, refusal: Refusal) -> None:
    model = "{{kind: stacked, cell: GRU, units: [2], {}: [0.1, 0.5]}}"
    assert build(model=model.format("quantiles")) == build(model=model.format("levels"))
    both = "{kind: stacked, cell: GRU, units: [2], levels: [0.5], quantiles: [0.5]}"
    assert "two names of one key" in refusal(model=both)


def test_experiment__levels_choose_pinball(build: Build) -> None:
    quantiles, points = build(model=f"{STACKED}, levels: [0.1, 0.5]}}"), build()
    assert (quantiles.levels, quantiles.train.loss, quantiles.model.num_outputs) == ((0.1, 0.5), "pinball", 2)
    assert (points.levels, points.train.loss, points.model.num_outputs) == ((), "mse", 1)


@pytest.mark.parametrize(
    ("split", "rows"),
    [
        ("{test: 0.2}", 7),
        ("{test: 1990-01-01}", 7),
        ("{validation: 4, test: 6}", 17),
        ("{train: 3, test: 2}", 7),
        ("{train: 8, validation: 4, test: 6}", 18),
    ],
)
def test_experiment__min_rows_of_a_series(build: Build, split: str, rows: int) -> None:
    assert build(split=split).min_rows == rows


@pytest.mark.parametrize(
    ("groups", "is_one"),
    [
        ({}, True),
        ({"model": "{kind: scratch, units: 3}"}, True),
        ({"model": f"{STACKED}, linear: {{use: path}}}}"}, False),
        ({"model": f"{STACKED}, ensemble: {{seeds: 2}}}}"}, False),
        ({"model": f"{STACKED}, series_embedding: 2}}"}, False),
        ({"model": f"{STACKED}, strategy: recursive}}"}, False),
        ({"model": f"{SEGMENT}}}"}, False),
        ({"data": "{kind: csv, path: a, time: t, target: y, known: z}"}, False),
        ({"data": "{kind: csv, path: a, time: t, target: y, calendar: [hour]}"}, False),
    ],
)
def test_experiment__is_one_stack_without_other_parts(
    build: Build, groups: dict[str, str], is_one: bool
) -> None:
    assert build(**groups).is_one_stack is is_one


@pytest.mark.parametrize(
    ("model", "label", "members"),
    [
        (
            *(
                "{kind: seq2seq, cell: GRU, units: 3, attention: luong, linear: {use: path}, ensemble: {seeds: 2}}",
            ),
            *("2 x seq2seq GRU 3, luong + linear map", 2),
        ),
        ("{kind: seq2seq, cell: LSTM, units: 3}", "seq2seq LSTM 3", 1),
        ("{kind: segment, cell: GRU, segment: 2, width: 4}", "segment GRU 4 (segments of 2)", 1),
        (f"{STACKED}, strategy: recursive, ensemble: {{seeds: 5}}}}", "5 x GRU 3, recursive", 5),
    ],
)
def test_model_spec__label_names_the_network(build: Build, model: str, label: str, members: int) -> None:
    spec: Any = build(model=model).model
    assert (spec.label, spec.num_members) == (label, members)


@pytest.mark.parametrize(
    ("keys", "share"),
    [
        ("", 1.0),
        (", levels: [0.1, 0.5, 0.9]", 0.0),
        (", levels: [0.1, 0.5, 0.9], teacher_forcing: 0.5", 0.5),
        (", levels: []", 1.0),
        (", teacher_forcing: 0", 0.0),
    ],
)
def test_seq2seq_spec__levels_default_to_no_teacher_forcing(build: Build, keys: str, share: float) -> None:
    train = "{epochs: 4, loss: pinball}" if "0.9" in keys else "{epochs: 4}"
    experiment = build(model=f"{SEQ2SEQ}, units: 3{keys}}}", train=train)
    assert experiment.model.teacher_forcing == share
    assert from_yaml(to_yaml(experiment), source="x.yaml") == experiment


def test_experiment__baselines_are_distinct(build: Build, refusal: Refusal) -> None:
    assert build().baselines == ()
    assert build(baselines="[theta, ets]").baselines == ("theta", "ets")
    assert refusal(baselines="[ets, theta, ets]").startswith("x.yaml:7: baselines: ets is listed twice;")
    assert refusal(baselines="[arima]").startswith("x.yaml:7: baselines.0: got 'arima'; allowed: ets, theta")
    assert refusal(baselines="ets").startswith(
        "x.yaml:7: baselines: got 'ets'; must be a list such as [50] or [a, b]"
    )


def test_columns_spec__missing_seasonal_needs_a_season(refusal: Refusal) -> None:
    assert refusal(data="{kind: csv, path: a, target: y, missing: seasonal}").startswith(
        "x.yaml:2: data: missing: seasonal fills with the value one season earlier; add season, e.g. season: 24, or choose ffill"
    )


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            "calendar: [hour]",
            "data: time_format, frequency and calendar need a time column; add time: COLUMN or remove them",
        ),
        ("time: day, calendar: [hour, hour]", "data.calendar: hour is listed twice;"),
        ("known: y", "data: duplicate column 'y';"),
        (
            "inputs: [size, price], known: price",
            "data: 'price' is in both data.inputs (past covariates) and data.known (future covariates); list it in data.known",
        ),
    ],
)
def test_columns_spec__future_covariates_are_distinct(refusal: Refusal, keys: str, message: str) -> None:
    assert refusal(data=f"{{kind: csv, path: a, target: y, {keys}}}").startswith(f"x.yaml:2: {message}")


@pytest.mark.parametrize(
    "data", ["{kind: csv, path: a, time: t, target: y, inputs: z, missing: ffill}", None]
)
def test_scratch_spec__accepts_its_keys(build: Build, data: str | None) -> None:
    options = "optimizer: sgd, bptt_steps: 5, clip: {by: norm, limit: 1}, early_stopping: {patience: 2}, schedule: {kind: cosine}"
    model = "{kind: scratch, units: 3, activation: sigmoid}"
    groups = {
        "model": model,
        "train": f"{{epochs: 4, {options}}}",
        "window": "{length: 5}",
        **({"data": data} if data else {}),
    }
    experiment = build(**groups)
    assert (experiment.model.label, experiment.train.bptt_steps) == ("NumPy sigmoid 3", 5)


def test_message__keeps_braces_of_a_value(refusal: Refusal) -> None:
    message = refusal(data="{kind: csv, path: a, target: ['{x}', '{x}']}")
    assert message.startswith("x.yaml:2: data: duplicate column '{x}';")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("where: 5", "data.where: got 5; write it as {COLUMN: CELL}"),
        ("where: {a: [1, {b: 2}]}", "data.where.1: must be text or a number"),
        ("missing_values: [true]", "data.missing_values.0: must be text or a number"),
        ("thousands: ';'", "data.thousands: got ';'; allowed in quotes: a comma, a point"),
        ("resample: 5min", "data.resample: got '5min'; write it as {every: 5min, by: mean}"),
        ("time_zone: Madrid", "data.time_zone: got 'Madrid'; did you mean 'Europe/Madrid'?"),
        ("path: [a, 5]", "data.path.1: got 5; must be text"),
    ],
)
def test_file_spec__refuses_a_wrong_value_once(refusal: Refusal, keys: str, message: str) -> None:
    path = "" if keys.startswith("path") else "path: a, "
    told = refusal(data=f"{{kind: csv, {path}target: b, time: t, {keys}}}")
    assert told.startswith(f"x.yaml:2: {message}")
    assert "\n" not in told


@pytest.mark.parametrize(
    ("time", "message"),
    [
        ("{yr: x}", "data.time.yr: unknown key; did you mean 'year'?"),
        ("{year: x, day: d}", "data.time: day needs month"),
        ("{year: x, month: m, week: w}", "data.time: month and week both divide the year"),
        ("{year: x, hour: h}", "data.time: hour needs day"),
        ("[x, x]", "data.time: x is listed twice"),
        ("[x, 5]", "data.time.1: got 5; must be text"),
        ("5", "data.time: got 5; must be text"),
    ],
)
def test_time__is_a_column_a_list_or_parts(refusal: Refusal, time: str, message: str) -> None:
    told = refusal(data=f"{{kind: csv, path: a, target: b, time: {time}}}")
    assert told.startswith(f"x.yaml:2: {message}")
    assert "\n" not in told
