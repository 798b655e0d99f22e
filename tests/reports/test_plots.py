"""Pictures: the promised size, axes that say what they show, legends that name each curve and hide nothing."""

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.cbook import is_math_text
from matplotlib.dates import ConciseDateFormatter
from matplotlib.figure import Figure

from rnnfc.data.frequency import Times
from rnnfc.reports import drawing, plots
from rnnfc.reports.drawing import Line

ROOT = Path(__file__).parents[2]
DAYS = np.arange("2020-01-01", "2020-02-10", dtype="datetime64[D]").astype("datetime64[us]")
VALUES = np.sin(np.arange(40.0))
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#AAAAAA"
FORTY = "forty_characters_make_a_long_experiment_"


@pytest.fixture(autouse=True)
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures behind the pictures, in order."""
    figures: list[Figure] = []
    to_png = plots.to_png

    def keep(figure: Figure) -> bytes:
        figures.append(figure)
        return to_png(figure)

    monkeypatch.setattr(plots, "to_png", keep)
    return figures


def line(label: str, part: slice, *, time: Times = DAYS) -> Line:
    return Line(label=label, time=time[part], value=VALUES[part] + 0.1)


def forecasts(*borders: int, time: Times = DAYS, **changed: Any) -> bytes:
    """The picture of 40 rows whose splits begin at `borders`."""
    names = ("train", "test") if len(borders) == 2 else ("train", "validation", "test")
    parts = [
        line(name, slice(*ends), time=time)
        for name, *ends in zip(names, borders, (*borders[1:], 40), strict=True)
    ]
    words = {"title": "sales: forecasts", "ylabel": "sales (m)", "xlabel": "date (daily)", **changed}
    actual = Line(label="actual", time=time, value=VALUES)
    return plots.draw_forecasts(actual=actual, parts=parts, test_start=time[borders[-1]], **words)


def runs(*labels: str, rows: int = 40, time: Times = DAYS, **changed: Any) -> bytes:
    words = {
        "title": f"{len(labels)} runs on the same test rows",
        "ylabel": "sales (m)",
        "xlabel": "time",
        **changed,
    }
    actual = Line(label="actual", time=time[:rows], value=VALUES[:rows])
    return plots.draw_runs(
        actual=actual, runs=[line(label, slice(rows), time=time) for label in labels], **words
    )


def losses(
    training: list[float],
    validation: list[float | None] | None = None,
    *,
    best_epoch: int = 0,
    **changed: Any,
) -> bytes:
    words = {"title": "sales: loss by epoch", "ylabel": "MSE, scaled", **changed}
    return plots.draw_losses(
        losses=training, validation=validation or [None] * len(training), best_epoch=best_epoch, **words
    )


def legend(figure: Figure) -> list[str]:
    (only,) = figure.legends
    return [text.get_text() for text in only.get_texts()]


def curves(axis: Any) -> dict[str, Any]:
    """The curves of an axis by their label."""
    return {str(curve.get_label()): curve for curve in axis.get_lines()}


def shipped(name: str, column: int) -> Line:
    """A series of configs/data."""
    rows = [row.split(",") for row in (ROOT / "configs/data" / f"{name}.csv").read_text().splitlines()[1:]]
    time = np.array([row[0] for row in rows], dtype="datetime64[us]")
    return Line(label="actual", time=time, value=np.array([float(row[column]) for row in rows]))


def noise(label: str, rows: int, seed: int) -> Line:
    time = np.datetime64("1981-01-01", "us") + np.arange(rows) * np.timedelta64(1, "D")
    return Line(label=label, time=time, value=np.random.default_rng(seed).normal(11.0, 4.0, rows))


def last_values(actual: Line) -> bytes:
    """The picture of the last value as forecast, 12 rows of history, then 7 : 1 : 2."""
    rows = len(actual.time)
    borders = (12, rows * 7 // 10, rows * 8 // 10, rows)
    parts = [
        Line(label=name, time=actual.time[first:end], value=actual.value[first - 1 : end - 1])
        for name, first, end in zip(("train", "validation", "test"), borders, borders[1:], strict=False)
    ]
    start = actual.time[borders[2]]
    return plots.draw_forecasts(
        title="x", actual=actual, parts=parts, test_start=start, ylabel="y (°C)", xlabel="date (daily)"
    )


# White noise is the worst: no two pixels next to each other are alike.
WEIGHT = [
    (lambda: last_values(shipped("airline", 1)), 120_000),
    (lambda: last_values(shipped("stock", 4)), 120_000),
    (
        lambda: losses(
            [10 / epoch for epoch in range(1, 301)], [9 / epoch for epoch in range(1, 301)], best_epoch=250
        ),
        120_000,
    ),
    (lambda: runs("gru: MSE 4.842", "lstm: MSE 5.120"), 120_000),
    (lambda: last_values(noise("actual", 3650, 0)), 150_000),
    (
        lambda: plots.draw_runs(
            title="x",
            actual=noise("actual", 120, 0),  # as many rows and runs as `compare` draws
            runs=[noise("run", 120, seed) for seed in range(1, 6)],
            ylabel="y",
            xlabel="x",
        ),
        250_000,
    ),
]


@pytest.mark.parametrize(("draw", "most_bytes"), WEIGHT)
def test_plots__have_the_promised_size_and_few_bytes(draw: Callable[[], bytes], most_bytes: int) -> None:
    png = draw()
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", png[16:24]) == (900, 440)
    assert len(png) < most_bytes


# --- loss curves


def test_draw_losses__shows_both_losses_and_marks_the_best_epoch(drawn: list[Figure]) -> None:
    losses([0.5, 0.3, 0.2], [0.6, None, 0.4], best_epoch=3)
    (axis,) = drawn[0].axes
    assert legend(drawn[0]) == ["training", "validation", "best epoch: 3"]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("epoch", "MSE, scaled")
    assert drawn[0].get_suptitle() == "sales: loss by epoch"
    shown = curves(axis)
    assert shown["training"].get_xydata().tolist() == [[1, 0.5], [2, 0.3], [3, 0.2]]
    assert shown["training"].get_color() == BLUE
    np.testing.assert_array_equal(shown["validation"].get_ydata(), [0.6, np.nan, 0.4])
    assert shown["best epoch: 3"].get_xdata() == [3, 3]


def test_draw_losses__without_validation_or_best_epoch_has_training_alone(drawn: list[Figure]) -> None:
    losses([0.5, 0.3])
    assert legend(drawn[0]) == ["training"]


@pytest.mark.parametrize(("training", "scale"), [([0.5, 0.3], "log"), ([0.5, 0.0], "linear")])
def test_draw_losses__has_a_log_scale_unless_a_loss_is_zero(
    drawn: list[Figure], training: list[float], scale: str
) -> None:
    losses(training)
    assert drawn[0].axes[0].get_yscale() == scale


@pytest.mark.parametrize(("training", "marker"), [([0.5], "o"), ([0.5, 0.3], "o"), ([0.5, 0.3, 0.2], "None")])
def test_draw_losses__one_or_two_epochs_are_points(
    drawn: list[Figure], training: list[float], marker: str
) -> None:
    losses(training)
    assert curves(drawn[0].axes[0])["training"].get_marker() == marker


@pytest.mark.parametrize(
    "training", [[0.5], [0.45, 0.41, 0.4], [3.0, 0.5, 0.02], [1e3, 1e-9], [2e-7, 1e-7], [0.5, 0.0], [0.0]]
)
def test_draw_losses__has_labelled_ticks_and_whole_epochs(drawn: list[Figure], training: list[float]) -> None:
    losses(training)
    (axis,) = drawn[0].axes
    low, high = axis.get_ylim()
    seen = [label.get_text() for label in axis.get_yticklabels() if low <= label.get_position()[1] <= high]
    assert len([text for text in seen if text]) >= 2
    assert all(place == int(place) for place in axis.get_xticks())


# --- forecasts


@pytest.mark.parametrize(
    ("borders", "names", "colours"),
    [
        ((5, 30), ["actual", "train", "test"], [GREY, BLUE, ORANGE]),
        ((5, 20, 30), ["actual", "train", "validation", "test"], [GREY, BLUE, GREEN, ORANGE]),
    ],
)
def test_draw_forecasts__shows_every_split_in_its_own_colour(
    drawn: list[Figure], borders: tuple[int, ...], names: list[str], colours: list[str]
) -> None:
    forecasts(*borders)
    assert legend(drawn[0]) == names
    assert drawn[0].get_suptitle() == "sales: forecasts"
    whole, close_up = drawn[0].axes
    for axis in (whole, close_up):
        assert list(curves(axis)) == names
        assert [curve.get_color() for curve in axis.get_lines()] == colours
        assert axis.get_ylabel() == "sales (m)"
    assert (whole.get_xlabel(), close_up.get_xlabel()) == ("", "date (daily)")
    np.testing.assert_array_equal(curves(whole)["test"].get_ydata(), VALUES[30:] + 0.1)


def test_draw_series__each_has_its_rows_and_its_name(drawn: list[Figure]) -> None:
    groups = [
        (
            Line(label="actual", time=DAYS[:end], value=VALUES[:end]),
            [line("train", slice(5, 20)), line("test", slice(20, end))],
        )
        for end in (30, 40)
    ]
    plots.draw_series(title="2 of 9 series", series=groups, ylabels=["north", "south"], xlabel="date")
    north, south = drawn[0].axes
    assert (north.get_ylabel(), south.get_ylabel(), north.get_xlabel(), south.get_xlabel()) == (
        "north",
        "south",
        "",
        "date",
    )
    for axis, end in ((north, 30), (south, 40)):
        assert list(curves(axis)) == ["actual", "train", "test"]
        np.testing.assert_array_equal(curves(axis)["test"].get_ydata(), VALUES[20:end] + 0.1)
        assert axis.get_xlim()[1] == axis.xaxis.convert_units(DAYS[end - 1])


NUMBERS = np.arange(40) / 4


@pytest.mark.parametrize(("time", "dated"), [(DAYS, True), (NUMBERS, False), (np.arange(40) * 5, False)])
def test_draw_forecasts__shades_the_test_rows_and_shows_them_close_up(
    drawn: list[Figure], time: Times, dated: bool
) -> None:
    forecasts(5, 30, time=time)
    whole, close_up = drawn[0].axes
    place = whole.xaxis.convert_units
    (shade,) = whole.patches
    assert [shade.get_x(), shade.get_x() + shade.get_width()] == pytest.approx(
        [place(time[30]), place(time[39])]
    )
    assert close_up.get_xlim() == pytest.approx((place(time[30]), place(time[39])))
    low, high = close_up.get_ylim()
    inside = np.concatenate([VALUES[30:], VALUES[30:] + 0.1])
    assert (low, high) == pytest.approx(
        (inside.min() - 0.08 * np.ptp(inside), inside.max() + 0.08 * np.ptp(inside))
    )
    assert isinstance(whole.xaxis.get_major_formatter(), ConciseDateFormatter) is dated
    assert isinstance(close_up.xaxis.get_major_formatter(), ConciseDateFormatter) is dated


def test_draw_forecasts__a_band_is_filled_around_its_line_and_fits_the_close_up(drawn: list[Figure]) -> None:
    test = line("test", slice(30, 40))
    banded = replace(test, band=np.stack([test.value - 3, test.value + 5]), band_label="10 % to 90 %")
    actual = Line(label="actual", time=DAYS, value=VALUES)
    plots.draw_forecasts(
        title="x",
        actual=actual,
        parts=[line("train", slice(5, 30)), banded],
        test_start=DAYS[30],
        ylabel="y",
        xlabel="x",
    )
    assert legend(drawn[0]) == ["actual", "train", "test", "10 % to 90 %"]
    whole, close_up = drawn[0].axes
    for axis in (whole, close_up):
        (band,) = [each for each in axis.collections if each.get_label() == "10 % to 90 %"]
        (path,) = band.get_paths()
        edges = path.vertices[:, 1]
        assert (edges.min(), edges.max()) == pytest.approx((test.value.min() - 3, test.value.max() + 5))
    low, high = close_up.get_ylim()
    assert low < test.value.min() - 3
    assert high > test.value.max() + 5
    picked = banded.select(slice(2, 4))
    assert picked.band is not None
    assert picked.band.tolist() == [(test.value[2:4] - 3).tolist(), (test.value[2:4] + 5).tolist()]
    assert test.select([1]).band is None


def test_draw_forecasts__the_close_up_shows_at_most_the_last_120_rows(drawn: list[Figure]) -> None:
    time, value = np.arange(400), np.arange(400.0)
    test = Line(label="test", time=time[100:], value=value[100:])
    train = Line(label="train", time=time[5:100], value=value[5:100])
    actual = Line(label="actual", time=time, value=value)
    plots.draw_forecasts(
        title="x", actual=actual, parts=[train, test], test_start=100, ylabel="y", xlabel="x"
    )
    close_up = drawn[0].axes[1]
    assert close_up.get_xlim() == (280, 399)
    assert close_up.get_ylim() == pytest.approx((280 - 0.08 * 119, 399 + 0.08 * 119))


def test_format_time_axis__dates_have_ticks_from_months_to_the_year(drawn: list[Figure]) -> None:
    forecasts(5, 30)
    axis = drawn[0].axes[0]
    assert [text.get_text() for text in axis.get_xticklabels()] == ["Jan", "08", "15", "22", "Feb", "08"]
    assert axis.xaxis.get_major_formatter().get_offset() == "2020-Feb"


@pytest.mark.parametrize("time", [DAYS, NUMBERS])
def test_draw_forecasts__a_single_test_row_is_a_point_next_to_the_row_before(
    drawn: list[Figure], time: Times
) -> None:
    forecasts(5, 38, 39, time=time)
    whole, close_up = drawn[0].axes
    assert [curve.get_marker() for curve in whole.get_lines()] == ["None", "None", "o", "o"]
    before, row = map(close_up.xaxis.convert_units, time[[38, 39]])
    assert close_up.get_xlim() == pytest.approx((before, 2 * row - before))


@pytest.mark.filterwarnings("error")
def test_draw_line__breaks_at_gaps_and_a_point_between_two_is_a_dot(drawn: list[Figure]) -> None:
    value = VALUES.copy()
    value[[7, 9, 20, 21, 39]] = np.nan
    value[12] = 1e200  # no axis can be laid over it
    parts = [line("train", slice(5, 30)), Line(label="test", time=DAYS[30:], value=np.full(10, np.nan))]
    plots.draw_forecasts(
        title="x",
        actual=Line(label="actual", time=DAYS, value=value),
        parts=parts,
        test_start=DAYS[30],
        ylabel="y",
        xlabel="x",
    )
    actual = curves(drawn[0].axes[0])["actual"]
    assert np.flatnonzero(np.isnan(actual.get_ydata())).tolist() == [7, 9, 12, 20, 21, 39]
    assert actual.get_markevery() == [8]


def test_draw_forecasts__actual_values_are_visible_under_a_forecast_that_covers_them(
    drawn: list[Figure],
) -> None:
    forecasts(5, 30)
    for axis in drawn[0].axes:
        actual, *others = axis.get_lines()
        assert all(actual.get_linewidth() >= 2 * other.get_linewidth() for other in others)


def test_plots__training_and_validation_have_the_same_colours_everywhere(drawn: list[Figure]) -> None:
    losses([0.5, 0.3], [0.5, 0.3])
    forecasts(5, 20, 30)
    by_loss, by_forecast = (curves(figure.axes[0]) for figure in drawn)
    for name, part in (("training", "train"), ("validation", "validation")):
        assert by_loss[name].get_color() == by_forecast[part].get_color()


def test_draw_forecasts__a_flat_series_has_an_axis(drawn: list[Figure]) -> None:
    flat = Line(label="actual", time=DAYS, value=np.full(40, 7.0))
    parts = [
        Line(label=name, time=DAYS[part], value=np.full(20, 7.0))
        for name, part in (("train", slice(20)), ("test", slice(20, 40)))
    ]
    plots.draw_forecasts(title="flat", actual=flat, parts=parts, test_start=DAYS[20], ylabel="y", xlabel="x")
    assert drawn[0].axes[1].get_ylim() == (6.0, 8.0)


# --- runs side by side


def test_draw_runs__are_named_and_coloured_with_the_actual_values(drawn: list[Figure]) -> None:
    runs("gru: MSE 4.842", "lstm: MSE 5.120")
    axis, errors = drawn[0].axes
    assert legend(drawn[0]) == ["actual", "gru: MSE 4.842", "lstm: MSE 5.120"]
    for each in (axis, errors):
        assert [curve.get_color() for curve in each.get_lines()] == [GREY, ORANGE, BLUE]
        assert isinstance(each.xaxis.get_major_formatter(), ConciseDateFormatter)
    assert (errors.get_xlabel(), axis.get_ylabel(), errors.get_ylabel()) == (
        "time",
        "sales (m)",
        "forecast - actual",
    )
    assert drawn[0].get_suptitle() == "2 runs on the same test rows"
    np.testing.assert_allclose(errors.get_lines()[1].get_ydata(), np.full(40, 0.1))


def test_draw_runs__more_than_the_colours_begin_again_in_another_style(drawn: list[Figure]) -> None:
    runs(*"abcdefg")
    colours = [curve.get_color() for curve in drawn[0].axes[0].get_lines()]
    assert len(set(colours)) == 7
    assert colours[1] == colours[7] == ORANGE
    styles = [curve.get_linestyle() for curve in drawn[0].axes[0].get_lines()]
    assert styles == ["-"] * 7 + ["--"]


def test_draw_runs__one_common_row_is_points(drawn: list[Figure]) -> None:
    runs("a", "b", rows=1)
    assert [curve.get_marker() for curve in drawn[0].axes[0].get_lines()] == ["o", "o", "o"]


# --- gradients by lag


def gradients(*groups: list[str], title: str = "how far back the loss reaches") -> bytes:
    lag, share = np.arange(4), np.array([1.0, 0.1, 0.0, 1e-9])
    return plots.draw_gradients(
        title=title,
        groups=[[Line(label=label, time=lag, value=share) for label in group] for group in groups],
    )


def test_draw_gradients__has_a_colour_a_group_and_a_style_a_line_on_a_log_scale(drawn: list[Figure]) -> None:
    gradients(["a: hidden", "a: cell"], ["b: hidden"])
    (axis,) = drawn[0].axes
    assert axis.get_yscale() == "log"
    assert [(line.get_color(), line.get_linestyle()) for line in axis.get_lines()] == [
        *[(ORANGE, "-"), (ORANGE, "--"), (BLUE, "-")],
    ]
    np.testing.assert_array_equal(
        axis.get_lines()[0].get_ydata(), [1.0, 0.1, np.nan, 1e-9]
    )  # log of 0 is nowhere
    assert legend(drawn[0]) == ["a: hidden", "a: cell", "b: hidden"]
    assert axis.get_xlabel() == "steps back from the end of the window"


# --- words


@pytest.mark.parametrize(("quantity", "unit", "text"), [("sales", "m", "sales (m)"), ("sales", "", "sales")])
def test_axis_label__has_the_unit_if_there_is_one(quantity: str, unit: str, text: str) -> None:
    assert plots.axis_label(quantity, unit) == text


@pytest.mark.parametrize("word", ["a$b", "$a_1$", r"\$x$"])
def test_escape_text__dollars_are_drawn_as_dollars(drawn: list[Figure], word: str) -> None:
    forecasts(5, 30, title=word, ylabel=word, xlabel=word)
    runs(word, word, title=word, ylabel=word, xlabel=word)
    losses([0.5, 0.3], title=word, ylabel=word)
    texts = [figure.get_suptitle() for figure in drawn]
    texts += [
        axis.get_ylabel()
        for figure in drawn
        for axis in figure.axes
        if axis.get_ylabel() != "forecast - actual"
    ]
    texts += [figure.axes[-1].get_xlabel() for figure in drawn[:2]]
    texts += legend(drawn[1])[1:]
    assert len(texts) == 3 + 4 + 2 + 2
    for text in texts:
        assert not is_math_text(text)
        assert text.replace(r"\$", "$") == word  # what matplotlib draws of text that is not mathematics


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("\x1b[2Ja\nb", r"\u001b[2Ja b"),
        ("_hidden", " _hidden"),  # matplotlib leaves a label out of the legend that begins with _
        ("売上", "売上"),  # letters that the font lacks: boxes, and no warning
        ("n" * 201, "n" * 199 + "…"),
        ("n" * 200, "n" * 200),
    ],
)
def test_escape_text__any_name_is_on_one_line_and_in_the_legend(
    drawn: list[Figure], name: str, shown: str
) -> None:
    forecasts(5, 30, title=name, ylabel=name, xlabel=name)
    runs(name, "other", title=name)
    assert [figure.get_suptitle() for figure in drawn] == [shown, shown]
    assert drawn[0].axes[0].get_ylabel() == shown
    assert legend(drawn[1])[1] == shown


@pytest.mark.parametrize(
    "draw",
    [
        lambda: forecasts(5, 20, 30),
        lambda: forecasts(5, 20, 30, title=f"{FORTY}1234: forecasts of 12 steps end to end"),
        lambda: losses(
            [0.5, 0.3], [0.5, 0.3], best_epoch=2, title=f"{FORTY}1234567890_1234567890: loss by epoch"
        ),
        lambda: gradients(
            *([f"{FORTY}{run}: layer {run}, hidden state", f"{FORTY}{run}: cell state"] for run in range(2))
        ),
        lambda: runs("gru: MSE 4.842", "lstm: MSE 5.120"),
        lambda: runs("20261120-141500-airline: MSE 4.842", "20261120-141501-airline: MSE 4.842"),
        lambda: runs(*(f"20261120-14150{run}-{FORTY}: MSE 4.842" for run in range(7))),
        lambda: runs(*(f"run {run}: MSE 4.842" for run in range(12))),
        lambda: runs(*(f"{'m' * 64}{run}: MSE 4.842" for run in range(8))),
        lambda: forecasts(
            5,
            20,
            30,
            title=f"{FORTY}123456789012345678901234: forecasts of 12 steps end to end, sales (1 of 2 targets)",
        ),
    ],
)
def test_legend__covers_neither_title_nor_curves_and_lies_inside(drawn: list[Figure], draw: Any) -> None:
    draw()
    figure = drawn[0]
    box = figure.legends[0].get_window_extent()
    title = next(
        text for text in figure.texts if text.get_text() == figure.get_suptitle()
    ).get_window_extent()
    assert not box.overlaps(title)
    assert title.x1 <= 900
    assert not any(box.overlaps(axis.get_window_extent()) for axis in figure.axes)
    assert box.x0 >= 0
    assert box.x1 <= 900
    assert box.y0 >= 0
    assert box.y1 <= 440


def test_legend__a_tall_one_leaves_the_curves_their_place(drawn: list[Figure]) -> None:
    runs(*(f"20261120-1415{run}-{FORTY}: MSE 4.842" for run in range(10, 34)))
    assert sum(axis.get_window_extent().height for axis in drawn[0].axes) > 300
    assert len(legend(drawn[0])) == 25


def test_subsample_line__keeps_the_lowest_and_highest_point_of_every_pixel_and_gaps() -> None:
    value = np.sin(np.arange(30_000.0))
    value[12_345], value[23_456], value[6_000:9_000] = 7.0, -8.0, np.nan
    thin = drawing.subsample_line(Line(label="y", time=np.arange(30_000), value=value))
    assert len(thin.value) == 900 * 2 + 100  # parts of 30 points; those of the gap have one each
    assert (thin.value[thin.time == 12_345], thin.value[thin.time == 23_456]) == (7.0, -8.0)
    assert np.isnan(thin.value[(thin.time >= 6_000) & (thin.time < 9_000)]).all()
    assert (np.diff(thin.time) > 0).all()
    np.testing.assert_array_equal(thin.value, value[thin.time])


def test_subsample_line__a_line_that_fits_is_unchanged() -> None:
    line = Line(label="y", time=np.arange(20_000), value=np.zeros(20_000))
    assert drawing.subsample_line(line) is line


def test_crop_line__a_long_line_has_two_points_before_the_start() -> None:
    long, short = (
        Line(label="y", time=np.arange(rows) * 2, value=np.arange(float(rows))) for rows in (20_001, 7)
    )
    assert drawing.crop_line(long, 2 * 19_990).value.tolist() == list(range(19_988, 20_001))
    assert drawing.crop_line(short, 10).value.tolist() == short.value.tolist()
