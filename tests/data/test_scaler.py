import json
from dataclasses import replace

import numpy as np
import pytest
from factories import make_panel
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from rnnfc.data import scaler as scale_module
from rnnfc.data.panel import Floats
from rnnfc.data.scaler import Scaler
from rnnfc.errors import DataError

METHODS = ("none", "minmax", "standard")


TWO_SERIES = make_panel([[1, 10], [3, 40], [2, 30], [9, 90], [5, 5], [7, 1], [20, 2]], bounds=(0, 4, 7))
TRAIN_ROWS = np.array([[0, 3], [4, 6]])


@pytest.mark.parametrize(
    ("method", "center", "scale"),
    [
        ("none", [[0, 0], [0, 0]], [[1, 1], [1, 1]]),
        ("minmax", [[1, 10], [5, 1]], [[2, 30], [2, 4]]),
        ("standard", [[2, 80 / 3], [6, 3]], [[(2 / 3) ** 0.5, (1400 / 9) ** 0.5], [1, 2]]),
    ],
)
def test_scaler__fits_each_series_and_channel_on_training_rows(
    method: str, center: list[list[float]], scale: list[list[float]]
) -> None:
    scaler = Scaler.fit(TWO_SERIES, TRAIN_ROWS, method=method)
    assert scaler.center == pytest.approx(np.array(center), rel=1e-15)
    assert scaler.scale == pytest.approx(np.array(scale), rel=1e-15)
    assert scaler.low.tolist() == [[1, 10], [5, 1]]
    assert scaler.high.tolist() == [[3, 40], [7, 5]]
    assert scaler.method == method


def test_scaler__minmax_exceeds_one_after_the_training_rows() -> None:
    scaled = Scaler.fit(TWO_SERIES, TRAIN_ROWS, method="minmax").transform(TWO_SERIES)
    assert scaled.values[:, 0].tolist() == [0, 1, 0.5, 4, 0, 1, 7.5]
    assert scaled.bounds is TWO_SERIES.bounds


@pytest.mark.parametrize(
    ("method", "sklearn_scaler"), [("minmax", MinMaxScaler), ("standard", StandardScaler)]
)
def test_scaler__agrees_with_scikit_learn(method: str, sklearn_scaler: type) -> None:
    panel = make_panel(np.random.default_rng(3).normal(5.0, 2.0, (11, 3)) * [1, 1e-3, 1e6])
    ours = Scaler.fit(panel, np.array([[0, 7]]), method=method).transform(panel).values
    theirs = sklearn_scaler().fit(panel.values[:7]).transform(panel.values)
    assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("method", METHODS)
def test_scaler__ignores_rows_outside_the_training_part(method: str) -> None:
    other = TWO_SERIES.values.copy()
    other[[3, 6]] = [[-1e6, 1e6], [77, 78]]
    before = Scaler.fit(TWO_SERIES, TRAIN_ROWS, method=method).to_json()
    assert Scaler.fit(TWO_SERIES.with_values(other), TRAIN_ROWS, method=method).to_json() == before


@pytest.mark.parametrize("method", METHODS)
def test_scaler__ignores_filled_values(method: str) -> None:
    # Rows 2 and 3 were interpolated up to 100 in row 4, which is no training row.
    values, filled = [[1, 0], [4, 8], [36, 4], [68, 2], [100, 1]], [[0, 0], [0, 0], [1, 0], [1, 0], [0, 0]]
    scaler = Scaler.fit(make_panel(values, filled=np.argwhere(filled)), np.array([[0, 4]]), method=method)
    assert (scaler.low.tolist(), scaler.high.tolist()) == ([[1, 0]], [[4, 8]])
    expected = {
        "none": ([[0, 0]], [[1, 1]]),
        "minmax": ([[1, 0]], [[3, 8]]),
        "standard": ([[2.5, 3.5]], [[1.5, 8.75**0.5]]),
    }
    center, scale = expected[method]
    assert scaler.center.tolist() == center
    assert scaler.scale == pytest.approx(np.array(scale), rel=1e-15)


@pytest.mark.parametrize("method", METHODS)
def test_scaler__transforms_points_like_the_rows_of_their_series(method: str) -> None:
    scaler = Scaler.fit(TWO_SERIES, TRAIN_ROWS, method=method)
    scaled = scaler.transform(TWO_SERIES).values
    rows = np.array([[1, 2], [4, 5], [0, 1]])  # [window, horizon]
    series = np.array([0, 1, 0])
    points = TWO_SERIES.values[rows, :1]
    assert scaler.transform_points(points, series).tolist() == scaled[rows, :1].tolist()
    assert scaler.inverse_transform(scaled[rows, :1], series) == pytest.approx(points, rel=1e-15)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(
    points=arrays.arrays(np.float64, (2, 3, 1), elements=st.floats(-1e6, 1e6)),
    low=st.floats(-1e6, 1e6),
    spread=st.floats(1e-3, 1e6),
    method=st.sampled_from(METHODS),
)
def test_scaler__inverse_transform_undoes_transform_points(
    points: Floats, low: float, spread: float, method: str
) -> None:
    panel = make_panel([[low], [low + spread], [low + spread / 3]])
    scaler = Scaler.fit(panel, np.array([[0, 3]]), method=method)
    series = np.array([0, 0])
    back = scaler.inverse_transform(scaler.transform_points(points, series), series)
    assert back == pytest.approx(points, rel=1e-12, abs=1e-9)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(
    values=arrays.arrays(np.float64, (4, 2), elements=st.floats(-1e9, 1e9), unique=True),
    method=st.sampled_from(METHODS),
)
def test_scaler__json_keeps_every_bit(values: Floats, method: str) -> None:
    try:
        scaler = Scaler.fit(make_panel(values), np.array([[0, 4]]), method=method)
    except DataError:  # almost constant
        assume(False)
    back = Scaler.from_json(json.loads(json.dumps(scaler.to_json())))
    assert back.method == method
    for name in ("center", "scale", "low", "high"):
        kept, read = getattr(scaler, name), getattr(back, name)
        assert read.dtype == np.float64
        assert read.tobytes() == kept.tobytes()


@pytest.mark.parametrize("method", ["minmax", "standard"])
def test_scaler__keeps_the_shape_of_a_sine_far_from_zero(method: str) -> None:
    wave = np.sin(np.linspace(0, 100, 1000))[:, None]
    rows = np.array([[0, 800]])
    plain, lifted = (
        Scaler.fit(make_panel(values), rows, method=method).transform(make_panel(values)).values
        for values in (wave, wave + 1e9)
    )
    assert lifted.astype(np.float32) == pytest.approx(plain, abs=1e-6)
    assert len(np.unique(lifted.astype(np.float32))) > 990


@pytest.mark.parametrize("method", ["minmax", "standard"])
@pytest.mark.parametrize(
    ("values", "bounds", "begins"),
    [
        ([[1, 5], [2, 5], [3, 7]], None, "north: price is constant on the training rows (about 5)"),
        ([[0, 5], [0, 6], [3, 7]], None, "north: sold is constant on the training rows (about 0)"),
        (
            [[-1e9, 5], [-1e9 - 1e-4, 6], [3, 7]],
            None,
            "north: sold is constant on the training rows (about -1e+09)",
        ),
        (
            [[4, 5], [4, 6], [3, 7], [5, 8], [5, 9]],
            (0, 3, 5),
            "every series: sold is constant on the training rows,",
        ),
        ([[1, 5], [1, 5], [3, 7]], None, "north: sold is constant on the training rows (about 1)"),
    ],
)
def test_scaler__refuses_a_constant_channel(
    method: str, values: list[list[float]], bounds: tuple[int, ...] | None, begins: str
) -> None:
    panel = make_panel(values, bounds=bounds)
    train_rows = panel.bounds[:-1, None] + [0, 2]
    with pytest.raises(DataError) as caught:
        Scaler.fit(panel, train_rows, method=method)
    assert str(caught.value).startswith(begins)
    assert "set scale: none" in str(caught.value)


@pytest.mark.parametrize(
    ("method", "by", "values", "text"),
    [
        (
            "minmax",
            "series",
            [-1e300, 1e300],
            "north: price ranges from -1e+300 to 1e+300 on the training rows, and scale: minmax",
        ),
        (
            "minmax",
            "series",
            [0, 1e-301],
            "north: price ranges from 0 to 1e-301 on the training rows, and scale: minmax",
        ),
        (
            "standard",
            "series",
            [0, 2e150],
            "north: price ranges from 0 to 2e+150 on the training rows, and scale: standard",
        ),
        (
            "standard",
            "all",
            [0, 1e-151],
            "all series: price ranges from 0 to 1e-151 on the training rows, and scale: standard",
        ),
    ],
)
def test_scaler__refuses_a_range_too_small_or_too_large(
    method: str, by: str, values: list[float], text: str
) -> None:
    panel = make_panel([[1, values[0]], [2, values[1]], [1, values[0]], [2, values[1]]], bounds=(0, 2, 4))
    with pytest.raises(DataError) as caught:
        Scaler.fit(panel, np.array([[0, 2], [2, 4]]), method=method, by=by)
    ranges = {"minmax": "1e-300 to 1e+300", "standard": "1e-150 to 1e+150"}[method]
    assert str(caught.value).startswith(f"{text} needs a range from {ranges};")


@pytest.mark.parametrize(
    ("method", "edge"), [("minmax", 1e-300), ("minmax", 1e300), ("standard", 1e-150), ("standard", 1e150)]
)
def test_scaler__scales_a_range_at_the_limit(method: str, edge: float) -> None:
    scaled = Scaler.fit(make_panel([[0], [edge]]), np.array([[0, 2]]), method=method).transform(
        make_panel([[0], [edge]])
    )
    assert scaled.values.ravel().tolist() == pytest.approx([0, 1] if method == "minmax" else [-1, 1])


def test_scaler__without_scaling_accepts_a_constant_channel() -> None:
    scaler = Scaler.fit(make_panel([[5], [5]]), np.array([[0, 2]]), method="none")
    assert scaler.transform(make_panel([[5], [5]])).values.tolist() == [[5], [5]]


@pytest.mark.parametrize("method", METHODS)
def test_scaler__refuses_a_channel_without_training_values(method: str) -> None:
    panel = make_panel([[1, 5], [2, 6], [3, 7]], filled=np.argwhere([[0, 0], [0, 1], [1, 1]]))
    with pytest.raises(DataError, match=r"^north: price has no value on the training rows.*missing values"):
        Scaler.fit(panel, np.array([[1, 3]]), method=method)


def test_scaler__names_the_first_channel_without_training_values() -> None:
    filled = [[1, 0, 0], [0, 1, 1], [0, 1, 1], [0, 0, 0]]
    panel = make_panel([[1, 5, 6], [2, 6, 3], [3, 7, 8], [4, 8, 1]], filled=np.argwhere(filled))
    with pytest.raises(DataError, match=r"^north: price has no value on the training rows"):
        Scaler.fit(panel, np.array([[1, 3]]), method="none")


def test_scaler__fits_training_rows_with_gaps_as_a_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    panel = make_panel([[1.0], [2.0], [3.0], [4.0], [6.0]], filled=np.argwhere([[0], [0], [1], [1], [0]]))
    monkeypatch.setattr(scale_module, "_PART_ROWS", 2)
    scaler = Scaler.fit(panel, np.array([[0, 5]]), method="standard")
    assert scaler.center.tolist() == [[3.0]]  # (1 + 2 + 6) / 3
    assert scaler.scale.tolist() == [[(14 / 3) ** 0.5]]  # (4 + 1 + 9) / 3


def test_scaler__parts_of_rows_give_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Scaler.fit(TWO_SERIES, TRAIN_ROWS, method="standard")
    scaled = whole.transform(TWO_SERIES).values
    monkeypatch.setattr(scale_module, "_PART_ROWS", 2)
    parted = Scaler.fit(TWO_SERIES, TRAIN_ROWS, method="standard")
    assert parted.scale == pytest.approx(whole.scale, rel=1e-15)
    assert whole.transform(TWO_SERIES).values.tolist() == scaled.tolist()


# --- several series, transforms


def test_scaler__centers_a_constant_series_among_others() -> None:
    panel = make_panel([[1, 5], [2, 7], [4, 8], [4, 9]], bounds=(0, 2, 4))
    for method, center in (("minmax", [[1, 5], [4, 8]]), ("standard", [[1.5, 6], [4, 8.5]])):
        scaler = Scaler.fit(panel, np.array([[0, 2], [2, 4]]), method=method)
        assert scaler.center.tolist() == center
        assert scaler.scale[1, 0] == 1
        assert scaler.transform(panel).values[2:, 0].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("method", "center", "scale"),
    [
        ("minmax", [1, 1], [6, 39]),
        ("standard", [18 / 5, 86 / 5], [(88 / 5 - (18 / 5) ** 2) ** 0.5, (2626 / 5 - (86 / 5) ** 2) ** 0.5]),
    ],
)
def test_scaler__by_all_has_one_center_and_scale(
    method: str, center: list[float], scale: list[float]
) -> None:
    scaler = Scaler.fit(TWO_SERIES, TRAIN_ROWS, method=method, by="all")
    assert scaler.center == pytest.approx(np.array([center, center]), rel=1e-15)
    assert scaler.scale == pytest.approx(np.array([scale, scale]), rel=1e-14)
    assert scaler.low.tolist() == [[1, 10], [5, 1]]  # of each series all the same
    assert not scaler.by_series
    assert Scaler.fit(TWO_SERIES, TRAIN_ROWS, method=method).by_series


def test_scaler__by_all_refuses_a_constant_channel() -> None:
    panel = make_panel([[4, 5], [4, 7], [4, 8], [4, 9]], bounds=(0, 2, 4))
    with pytest.raises(
        DataError, match=r"^every series: sold is constant on the training rows \(about 4\), there is nothing"
    ):
        Scaler.fit(panel, np.array([[0, 2], [2, 4]]), method="standard", by="all")


@pytest.mark.parametrize("by", ["series", "all"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("transform", ["log", "box_cox"])
def test_scaler__transform_changes_targets_only_and_is_inverted(transform: str, method: str, by: str) -> None:
    scaler = Scaler.fit(TWO_SERIES, TRAIN_ROWS, method=method, by=by, transform=transform)
    plain = Scaler.fit(TWO_SERIES, TRAIN_ROWS, method=method, by=by)
    scaled, series = scaler.transform(TWO_SERIES).values, np.array([0, 1])
    assert scaled[:, 1].tolist() == plain.transform(TWO_SERIES).values[:, 1].tolist()
    windows = TWO_SERIES.values[[[0, 1], [4, 5]]]
    assert scaler.transform_points(windows, series).tolist() == scaled[[[0, 1], [4, 5]]].tolist()
    back = scaler.inverse_transform(scaler.transform_points(windows[..., :1], series), series)
    assert back == pytest.approx(windows[..., :1], rel=1e-12)
    assert Scaler.from_json(json.loads(json.dumps(scaler.to_json()))).power.tolist() == scaler.power.tolist()


def test_scaler__log_ignores_filled_values() -> None:
    panel = make_panel(
        [[1, 3], [-2, 4], [4, 5]], filled=np.argwhere([[False, False], [True, False], [False, False]])
    )
    assert Scaler.fit(panel, np.array([[0, 3]]), method="none", transform="log").low.tolist() == [[1, 3]]


@pytest.mark.parametrize("method", METHODS)
def test_scaler__keeps_time_features(method: str) -> None:
    rows = np.array([[1, 2, 0.1, 0.2, 0.3, 0.4], [3, 7, 0.5, 0.5, 0.5, 0.5]])
    panel = replace(
        make_panel(rows), channels=("sold", "price", *"abcd"), num_known=4, calendar=("hour", "month")
    )
    scaler = Scaler.fit(panel, np.array([[0, 2]]), method=method)
    assert (scaler.low.tolist(), scaler.high.tolist()) == ([[1, 2, -1, -1, -1, -1]], [[3, 7, 1, 1, 1, 1]])
    assert scaler.transform(panel).values[:, 2:].tolist() == rows[:, 2:].tolist()
    own = Scaler.fit(make_panel(rows[:, :2]), np.array([[0, 2]]), method=method)
    assert (
        scaler.transform(panel).values[:, :2].tolist()
        == own.transform(make_panel(rows[:, :2])).values.tolist()
    )


def test_scaler__box_cox_fits_a_power_of_two_decimals_per_target() -> None:
    drawn = np.random.default_rng(2).normal(5, 1.0, size=(4000, 2))
    panel = replace(make_panel(drawn ** [1.0, 2.0]), num_targets=2)  # powers 1 and 1/2 make them normal
    power = Scaler.fit(panel, np.array([[0, 4000]]), method="none", transform="box_cox").power
    assert power is not None
    alone = [
        Scaler.fit(
            make_panel(panel.values[:, [at]]), np.array([[0, 4000]]), method="none", transform="box_cox"
        ).power.item()
        for at in range(2)
    ]
    assert power.tolist() == [alone]
    assert power == pytest.approx(np.array([[1.0, 0.5]]), abs=0.2)
    assert power.tolist() == power.round(2).tolist()


def test_scaler__log_by_hand() -> None:
    panel = make_panel([[1, -1], [np.e**2, -2], [np.e, 0]])
    scaler = Scaler.fit(panel, np.array([[0, 2]]), method="minmax", transform="log")
    assert scaler.power.tolist() == [[0]]
    assert scaler.transform(panel).values[:, 0] == pytest.approx(np.array([0, 1, 0.5]), rel=1e-15)
    assert scaler.high[0, 0] == np.e**2  # in data units


def test_scaler__box_cox_power_agrees_with_scipy() -> None:
    normal = 4 + np.random.default_rng(5).normal(size=400)
    for made, power in ((normal**2, 0.5), (np.exp(normal), 0.0), (normal, 1.0)):
        scaler = Scaler.fit(
            make_panel(made[:, None]), np.array([[0, 4000]]), method="none", transform="box_cox"
        )
        assert scaler.power[0, 0] == pytest.approx(
            max(0, stats.boxcox_normmax(made, method="mle")), abs=0.006
        )
        assert scaler.power[0, 0] == pytest.approx(power, abs=0.15)
    both = make_panel(np.concatenate([normal**2, 5 * normal**2])[:, None], bounds=(0, 400, 800))
    rows = np.array([[0, 400], [400, 800]])
    each, shared = (
        Scaler.fit(both, rows, method="none", transform="box_cox", by=by).power for by in ("series", "all")
    )
    assert each[0] == each[1] != shared[0] == shared[1]


def test_inverse_box_cox__clips_below_its_range_to_zero() -> None:
    numbers = {
        name: np.array([[value]])
        for name, value in (("center", 0.0), ("scale", 1.0), ("low", 1.0), ("high", 9.0))
    }
    scaler = Scaler(method="none", **numbers, power=np.array([[0.5]]))
    points = np.array([[[4.0], [-2.0], [-3.0]]])  # (3 ** 2, 0 at -1 / power, below it)
    assert scaler.inverse_transform(points, np.array([0])).tolist() == [[[9], [0], [0]]]


def test_scaler__names_a_series_that_its_transform_does_not_keep() -> None:
    """Its power is 2, and the square of 1e200 is infinite."""
    small, huge = np.array([1.0, 7, 8, 8, 9, 9, 9]), np.array([1.0, 7, 8, 8, 9, 9, 9]) * 1e200
    panel = make_panel(small, huge)
    with pytest.raises(DataError, match=r"^south: sold ranges from 1e\+200 to 9e\+200 .* scale\.transform"):
        Scaler.fit(panel, np.array([[0, 7], [7, 14]]), method="none", transform="box_cox")


def test_scaler__keeps_a_quiet_series_under_a_logarithm() -> None:
    panel = make_panel([4000.0, 4000.02, 3999.98, 4000.01])
    scaler = Scaler.fit(panel, np.array([[0, 4]]), method="minmax", transform="log")
    points = scaler.transform(panel).values[None]
    back = scaler.inverse_transform(points, np.array([0]))
    assert back[0] == pytest.approx(panel.values, abs=1e-7 * 0.04)


def test_scaler__names_a_target_without_a_logarithm() -> None:
    panel = make_panel([[1, 0], [2, 7], [4, 8], [-0.5, 9]], bounds=(0, 2, 4), time=np.arange(4))
    words = r"^south: sold is -0\.5 at 3, scale\.transform: log needs values above 0;"
    with pytest.raises(DataError, match=words):
        Scaler.fit(panel, np.array([[0, 2], [2, 3]]), method="none", transform="log")


@pytest.mark.parametrize("unknown", [0, 1])
def test_scaler__by_all_ignores_a_series_without_values(unknown: int) -> None:
    panel = make_panel([[1], [3], [1], [3]], bounds=(0, 2, 4))
    panel.filled[2 * unknown : 2 * unknown + 2] = True
    scaler = Scaler.fit(panel, np.array([[0, 2], [2, 4]]), method="standard", by="all")
    assert (scaler.center.tolist(), scaler.scale.tolist()) == ([[2.0], [2.0]], [[1.0], [1.0]])


def test_scaler__refuses_a_series_without_training_rows() -> None:
    panel = make_panel([[1], [3], [1], [3]], bounds=(0, 2, 4))
    with pytest.raises(DataError, match=r"no training rows.*scale: \{by: all\}"):
        Scaler.fit(panel, np.array([[0, 2], [2, 2]]), method="minmax")
