"""What the standard variables ask for, and what becomes of values that make no sense."""

from __future__ import annotations

import pytest

from treadle_server.telemetry.environment import InvalidEnvironment, Settings, read_environment

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317"}


def settings(**environ: str) -> Settings:
    return read_environment(environ)


def test_nothing_is_exported_unless_somebody_asks() -> None:
    silent = settings()
    assert not silent.traces
    assert not silent.metrics
    assert silent.problems == ()


def test_an_endpoint_asks_for_its_signal() -> None:
    both = settings(**ENDPOINT)
    assert (both.traces, both.metrics) == (True, True)
    traces = settings(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://jaeger:4317")
    assert (traces.traces, traces.metrics) == (True, False)
    metrics = settings(OTEL_EXPORTER_OTLP_METRICS_ENDPOINT="http://collector:4317")
    assert (metrics.traces, metrics.metrics) == (False, True)


def test_an_exporter_may_be_named_without_an_endpoint() -> None:
    assert settings(OTEL_TRACES_EXPORTER="otlp").traces
    assert settings(OTEL_METRICS_EXPORTER="OTLP").metrics


@pytest.mark.parametrize(
    "variable",
    [
        {"OTEL_SDK_DISABLED": "TRUE"},
        {"OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_TRACES_SAMPLER": "always_off"},
        {"OTEL_TRACES_SAMPLER": "parentbased_always_off"},
        {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"},
    ],
    ids=str,
)
def test_traces_can_be_turned_off(variable: dict[str, str]) -> None:
    off = settings(**ENDPOINT, **variable)
    assert not off.traces
    assert off.problems == ()


def test_an_empty_value_is_none() -> None:
    empty = settings(
        OTEL_EXPORTER_OTLP_ENDPOINT="",
        OTEL_TRACES_EXPORTER=" ",
        OTEL_SDK_DISABLED="",
        OTEL_TRACES_SAMPLER="",
        OTEL_BSP_SCHEDULE_DELAY="",
    )
    assert empty == settings()


@pytest.mark.parametrize(
    ("sampler", "argument", "ratio"),
    [
        ("always_on", "0.5", 1.0),
        ("parentbased_always_on", "", 1.0),
        ("traceidratio", "0.25", 0.25),
        ("parentbased_traceidratio", "1e-3", 0.001),
        ("traceidratio", "", 1.0),
    ],
)
def test_samplers(sampler: str, argument: str, ratio: float) -> None:
    chosen = settings(OTEL_TRACES_SAMPLER=sampler, OTEL_TRACES_SAMPLER_ARG=argument)
    assert chosen.sampling_ratio == ratio
    assert chosen.problems == ()


def test_how_long_and_how_much_to_gather() -> None:
    chosen = settings(OTEL_BSP_SCHEDULE_DELAY="250", OTEL_BSP_MAX_EXPORT_BATCH_SIZE="64")
    assert chosen.schedule_delay_seconds == 0.25
    assert chosen.max_export_batch_size == 64


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_BSP_SCHEDULE_DELAY", "-1"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "0"),
    ],
)
def test_what_cannot_be_used_is_reported_and_ignored(variable: str, value: str) -> None:
    chosen = settings(**{**ENDPOINT, "OTEL_METRICS_EXPORTER": "none", variable: value})
    [problem] = chosen.problems
    assert problem.startswith(f"{variable}={value!r}")
    assert chosen.sampling_ratio == 1.0
    assert chosen.schedule_delay_seconds == 1.0
    assert chosen.max_export_batch_size == 512


@pytest.mark.parametrize("argument", ["many", "1.5", "-0.1", "nan"])
def test_a_ratio_that_is_none_keeps_every_trace(argument: str) -> None:
    chosen = settings(OTEL_TRACES_SAMPLER="traceidratio", OTEL_TRACES_SAMPLER_ARG=argument)
    assert chosen.sampling_ratio == 1.0
    assert "OTEL_TRACES_SAMPLER_ARG" in chosen.problems[0]


@pytest.mark.parametrize(
    ("variables", "traces", "metrics"),
    [
        ({}, False, False),
        ({"OTEL_EXPORTER_OTLP_COMPRESSION": "none"}, False, False),
        ({"OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"}, True, True),
        (
            {
                "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
                "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION": "none",
            },
            True,
            False,
        ),
    ],
)
def test_compression(variables: dict[str, str], traces: bool, metrics: bool) -> None:
    chosen = settings(**ENDPOINT, **variables)
    assert (chosen.compress_traces, chosen.compress_metrics) == (traces, metrics)
    assert chosen.problems == ()


@pytest.mark.parametrize("value", ["soon", "-1", "0", "inf", ""])
def test_a_timeout_that_would_break_the_sdk_is_refused(value: str) -> None:
    for name in ("OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"):
        with pytest.raises(InvalidEnvironment, match=f"{name}={value!r} is not a number"):
            settings(**{**ENDPOINT, name: value})
        assert not settings(**{name: value}).traces
