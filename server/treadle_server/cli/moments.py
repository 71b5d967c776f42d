"""Times and lengths of time, as people read them."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp


def seconds_of(timestamp: Timestamp) -> float:
    """Seconds since the Unix epoch."""
    return timestamp.seconds + timestamp.nanos / 1_000_000_000


def now_seconds() -> float:
    """This machine's time; the server's may differ by a little."""
    return time.time()


def _at(seconds: float, utc: bool) -> datetime:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment if utc else moment.astimezone()


def long_time(timestamp: Timestamp, *, utc: bool) -> str:
    """Such as `2026-11-20 22:14:03.123 +01:00`."""
    moment = _at(seconds_of(timestamp), utc)
    zone = "UTC" if utc else moment.isoformat()[-6:]
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d} {zone}"


def short_time(timestamp: Timestamp, *, utc: bool, now: float) -> str:
    """Such as `22:14:03` for today, `11-19 22:14` for this year, else `2025-12-24`."""
    moment, today = _at(seconds_of(timestamp), utc), _at(now, utc)
    if moment.date() == today.date():
        return f"{moment:%H:%M:%S}"
    return f"{moment:%m-%d %H:%M}" if moment.year == today.year else f"{moment:%Y-%m-%d}"


def clock_time(timestamp: Timestamp, *, utc: bool) -> str:
    """Such as `22:14:03.123`."""
    moment = _at(seconds_of(timestamp), utc)
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"


def day(timestamp: Timestamp, *, utc: bool) -> str:
    """Such as `2026-11-20`."""
    return f"{_at(seconds_of(timestamp), utc):%Y-%m-%d}"


def length(seconds: float) -> str:
    """Such as `12ms`, `3.2s`, `1m 05s`, `2h 03m`, `3d 04h`; nothing is shorter than 0."""
    seconds = max(0.0, seconds)
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d {whole % 86400 // 3600:02d}h"
