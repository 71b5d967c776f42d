"""Continues the run's trace in the activity, if the user has OpenTelemetry installed.

The server makes the attempt's span from the journal. Here its ids only become the current span
context, so that spans the activity starts are its children.
"""

from __future__ import annotations

from collections.abc import Callable

from treadle.context import Trace


def span_context_entry() -> Callable[[Trace], None]:
    """A function that makes a trace the current one, inside the attempt's own `contextvars`."""
    try:
        from opentelemetry import context, trace
    except ImportError:
        return lambda of_attempt: None

    def enter(of_attempt: Trace) -> None:
        if not of_attempt.trace_id:
            return
        span_context = trace.SpanContext(
            trace_id=int(of_attempt.trace_id, 16),
            span_id=int(of_attempt.span_id, 16),
            is_remote=True,
            trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED if of_attempt.sampled else 0),
        )
        context.attach(trace.set_span_in_context(trace.NonRecordingSpan(span_context)))

    return enter
