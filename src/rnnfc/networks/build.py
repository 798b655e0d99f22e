"""Build a network: a family's model, the parts around it, and the members of an ensemble."""

from dataclasses import replace

from rnnfc.config.experiment import Experiment
from rnnfc.config.network_spec import NetSpec
from rnnfc.data.panel import Panel
from rnnfc.networks.backend import keras
from rnnfc.networks.family import Sizes, find_family
from rnnfc.networks.inputs import call_model, input_tensors, make_model, new_inputs
from rnnfc.networks.net import Member, Net
from rnnfc.networks.parts.autoregressive import with_autoregressive_loop, without_true_targets
from rnnfc.networks.parts.embedding import with_series_embedding
from rnnfc.networks.parts.linear_skip import with_linear_skip
from rnnfc.networks.parts.window_normalization import with_window_normalization
from rnnfc.networks.seeds import derive_seed
from rnnfc.networks.tensors import TARGET


def build(
    experiment: Experiment,
    *,
    channels: int,
    targets: int,
    known: int = 0,
    series: int = 1,
    unroll_for_export: bool = False,
) -> Net:
    """The network of an experiment with its starting weights.

    Args:
        channels, targets, known, series: see `family.Sizes`.
        unroll_for_export: write autoregressive steps out one after another, as plain layers, for files that are read without this
            package. Such a network forecasts and cannot be trained; its weights are the same, in the same order.
    """
    spec = experiment.net
    assert spec is not None  # noqa: S101  every other spec has an engine without Keras
    sizes = Sizes(
        length=experiment.window.length,
        horizon=experiment.window.horizon,
        channels=channels,
        targets=targets,
        known=known,
        series=series,
    )
    seeds = [
        experiment.seed,
        *(derive_seed(experiment.seed, member, 4) for member in range(1, spec.num_members)),
    ]
    members = [
        _build_member(experiment, spec, sizes, seed=seed, unroll_for_export=unroll_for_export)
        for seed in seeds
    ]
    inference_models = [member.inference_model for member in members]
    model = inference_models[0] if spec.ensemble is None else _combine(inference_models, by=spec.ensemble.by)
    return Net.from_members(members, inference_model=model, sizes=sizes)


def build_for(experiment: Experiment, panel: Panel) -> Net:
    """`build` for the data of `panel`."""
    channels, targets = len(panel.channels), panel.num_targets
    return build(
        experiment, channels=channels, targets=targets, known=panel.num_known, series=len(panel.series)
    )


def inference_copy(experiment: Experiment, net: Net, *, unroll_for_export: bool = False) -> Net:
    """A copy of `net` for exporters, with the same weights and no random state, e.g. of dropout."""
    spec, sizes = experiment.net and experiment.net.without_draws(), net.sizes
    copy = build(
        experiment.model_copy(update={"model": spec}),
        channels=sizes.channels,
        targets=sizes.targets,
        known=sizes.known,
        series=sizes.series,
        unroll_for_export=unroll_for_export,
    )
    trained = net.inference_model.weights
    for variable, value in zip(copy.inference_model.weights, trained, strict=True):
        variable.assign(value)
    return copy


def with_plain_layers(experiment: Experiment, net: Net) -> keras.Model:
    """The Keras model of `net` without layers of this package, except for cells that Keras does not have."""
    if not net.autoregressive_loops:
        return net.inference_model
    return inference_copy(experiment, net, unroll_for_export=True).inference_model


def _build_member(
    experiment: Experiment, spec: NetSpec, sizes: Sizes, *, seed: int, unroll_for_export: bool
) -> Member:
    window, embedding_size = experiment.window, spec.series_embedding or 0
    core_sizes = replace(
        sizes,
        horizon=1 if spec.is_recursive else sizes.horizon,
        channels=sizes.channels + embedding_size,
    )
    build_core = find_family(spec).build
    assert build_core is not None  # noqa: S101  a family of the Keras engine
    core = build_core(spec, core_sizes, seed=seed, unroll_for_export=unroll_for_export)
    model, linear_skip = core, None
    if embedding_size:
        model = with_series_embedding(
            model, channels=sizes.channels, series=sizes.series, size=embedding_size, seed=seed
        )
    if spec.linear:
        model, linear_skip = with_linear_skip(model, spec.linear, targets=sizes.targets, levels=spec.levels)
    model = with_window_normalization(
        model, window.normalize, channels=sizes.channels, targets=sizes.targets, known=sizes.known
    )
    training_model = model
    if spec.is_recursive:
        model = with_autoregressive_loop(
            training_model, horizon=window.horizon, unroll_for_export=unroll_for_export
        )
    elif TARGET in input_tensors(model):
        model = without_true_targets(training_model, targets=sizes.targets)
    return Member(core=core, inference_model=model, training_model=training_model, linear_skip=linear_skip)


def _combine(models: list[keras.Model], *, by: str) -> keras.Model:
    """The mean or median of several networks' forecasts."""
    inputs = new_inputs(models[0])
    for number, model in enumerate(models, 1):
        model.name = f"member_{number}"
    forecasts = keras.ops.stack([call_model(model, inputs) for model in models])
    if by == "median":  # the mean of the middle one or two: every exported format can sort
        middle = (len(models) - 1) // 2
        forecasts = keras.ops.sort(forecasts, axis=0)[middle : len(models) - middle, ...]
    return make_model(inputs, keras.ops.mean(forecasts, axis=0), name="ensemble")
