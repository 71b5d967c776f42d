"""The parts that the async and the blocking client share.

| module | owns |
|---|---|
| `channel` | the address and the options of a channel |
| `requests` | Python arguments → request messages |
| `values` | response messages → Python values |
| `statuses` | gRPC statuses → errors of `treadle.errors` |
| `retry` | which failures are tried again, and when |
| `asynchronous`, `asynchronous_…` | the calls themselves, for asyncio |
| `blocking`, `blocking_…` | the same, for programs without it |
| `groups` | what is asked of run groups, and answered |
| `conversation`, `local_socket` | calls of the asyncio client that share one open call or socket |

Nothing here is public; `treadle.client` is.
"""
