"""Orders: validate, reserve, charge, then label, mail and CRM side by side; undo and notice.

    make demo        or        python -m examples.order_processing --help

| module | |
|---|---|
| `workflow.yaml`, `workflow.py` | the same graph twice: as a document, and built in Python |
| `activities` | what workers run |
| `services` | small fakes of outside services, which keep what they did |
| `orders`, `orders.jsonl` | what an order is, and 500 of them; `generate` makes the file |
| `expected` | how each order must end, and how often each activity must run |
| `outcome` | how each order did end, read from its history |
| `__main__`, `display` | the demo |
"""
