"""The parts that the async and the blocking client share.

| module | owns |
|---|---|
| `channel` | the address and the options of a channel |
| `requests` | Python arguments → request messages |
| `values` | response messages → Python values |
| `statuses` | gRPC statuses → errors of `treadle.errors` |
| `retry` | which failures are tried again, and when |
| `asynchronous`, `blocking` | the calls themselves, one module each |

Nothing here is public; `treadle.client` is.
"""
