"""The `treadle` command.

| module | owns |
|---|---|
| `main` | the root command, and how every ending becomes an exit code |
| `command`, `options`, `exit_codes` | help pages, options that many commands share, the codes |
| `screen`, `states`, `moments`, `values` | how things look: tables, colours, times, payloads |
| `messages` | API messages as JSON and YAML |
| `events`, `machine_events`, `wording` | a run's events in words |
| `progress`, `machine_progress`, `progress_view` | a run as a tree, live or not |
| `pictures`, `machine_pictures`, `mermaid_text` | graphs and state machines as Mermaid or DOT |
| `documents`, `yaml_text`, `python_objects` | what a FILE or MODULE argument holds, and where |
| `connection` | the client, and its errors as endings of a command |
| `deploy`, `lint`, `definitions`, `versions`, `replay` | commands about definitions and code |
| `start`, `groups`, `runs`, `nodes`, `steering`, `watch`, `tail` | commands about runs |
| `server`, `worker`, `journal` | the other commands |

`server` and `journal` open the server's own parts; `lint` asks them, too. Every other command is a
user of `treadle.client` like any other. gRPC, rich and PyYAML are imported by what needs them,
inside functions, so that `--help` and completion stay fast.
"""
