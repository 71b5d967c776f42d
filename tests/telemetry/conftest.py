"""Fixtures of the telemetry tests."""

from __future__ import annotations

from tests.jaeger import jaeger

__all__ = ["jaeger"]
