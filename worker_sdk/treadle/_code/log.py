"""The log of workflow code."""

from __future__ import annotations

import logging

from treadle._code.run import Run


class WorkflowLog(logging.LoggerAdapter[logging.Logger]):
    """Says nothing while the code does again what it has done before."""

    def __init__(self, run: Run) -> None:
        info = run.info
        super().__init__(
            logging.getLogger(f"treadle.workflow.{info.workflow}"),
            {"run_id": info.run_id, "workflow": info.workflow, "workflow_id": info.workflow_id},
        )
        self._run = run

    def isEnabledFor(self, level: int) -> bool:
        """Whether a record of this level is written now."""
        return not self._run.replaying and super().isEnabledFor(level)
