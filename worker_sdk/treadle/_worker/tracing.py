"""Continues the run's trace in the activity, if the user's code has loaded OpenTelemetry.

The server makes the attempt's span from the journal. Here its ids only become the current span
context, so that spans the activity starts are its children. Where nobody has loaded OpenTelemetry
yet, nobody can ask for the current span, and it costs an attempt nothing; only an attempt that is
itself the first in its process to load it is not found by what it traces.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable

from treadle.context import Context, Trace


def enter(context: Context) -> None:
    """Makes the attempt's trace the current one; to be called inside its own `contextvars`."""
    if "opentelemetry.trace" in sys.modules:
        _entry()(context.trace)


@functools.cache
def _entry() -> Callable[[Trace], None]:
    from opentelemetry import context, trace  # waits for a thread that is just loading it

    def enter_trace(of_attempt: Trace) -> None:
        if not of_attempt.trace_id:
            return
        span_context = trace.SpanContext(
            trace_id=int(of_attempt.trace_id, 16),
            span_id=int(of_attempt.span_id, 16),
            is_remote=True,
            trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED if of_attempt.sampled else 0),
        )
        context.attach(trace.set_span_in_context(trace.NonRecordingSpan(span_context)))

    return enter_trace
