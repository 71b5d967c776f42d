"""The worker below `treadle.worker`: what takes tasks, runs them and reports their results.

Who owns what (everything on the event loop's thread unless it says otherwise):

| module | owns |
|---|---|
| `session` | what the session holds: attempts, results that nobody has acknowledged, slots |
| `connection` | the channel, and calls whose errors are those of `treadle.errors` |
| `poller` | the one parked PollTasks call; it alone says SessionResume |
| `reporter` | results on their way: CompleteTasks calls, few at a time |
| `heartbeats` | when heartbeats go out, and what their answers say |
| `runner` | one attempt from its task to its result; calls the activity |
| `outcomes` | what an activity returned or raised → `TaskResult` |
| `threads` | the threads of plain functions |
| `tracing` | the OpenTelemetry context of an attempt |
| `watchdog` | a thread of its own that notices when the event loop stands still |
| `parts` | a session and who works for it: one for activities, one for the code of workflows |
| `decisions`, `runs`, `pieces` | decisions of code: runs in memory, and what is reported of them |
| `steps` | the steps that run under a decision |
| `foresight` | after which steps code ends |
| `deciders` | where code runs: `decider_thread`, or `loop_feeds` if it is quick (`quickness`) |
| `feeds` | how feeding code with events can go wrong |
| `resources` | what activities share: opened before the first task, closed after the last |
| `settings` | the numbers that a worker runs by |
| `lifecycle` | the order in which all of this starts, drains and stops |

Tasks come in by a poll or by the answer to a report; both hand them to the runner by
`Session.receive`, which knows duplicates. Results go out by the reporter alone.
"""
