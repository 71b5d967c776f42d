"""Workflows that are code: the replayer, a pure machine. Events in, commands out; no IO, no clock.

**The replayer owns** (this package):

- the event loop that the workflow's coroutines run on, and what time it is there (`loop`);
- the numbering of commands, and the comparison with those that the history has (`replayer`,
  `recorded`, `mismatch`);
- what is open, by the number of the command that asked for it, and what becomes of it when an event
  closes it (one file for each kind: `steps`, `timers`, `waits`, `children`, `updates`, …);
- what is to be undone, and how the run ends (`compensation`, `ending`);
- which calls workflow code must not make (`guard`).

**The worker's shell owns** (`treadle._worker`): the session, the tasks and their leases; reading
histories; the cache of replayers; where they are fed (a thread, or the worker's loop if the code is
quick), and what happens if one never comes back; running the functions of steps; reports, and
sending them again.

One rule joins the two: the replayer is fed by the journal alone, one event at a time, and
everything that is ready runs before the next. So the commands are a function of the sequence of
events, never of how they were batched; a step's outcome reaches the code only as the event that its
commit made.
"""
