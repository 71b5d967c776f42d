"""What `TREADLE_COMPILED=1` means to whoever builds the wheel: see `compile_server`."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompiledServer(BuildHookInterface[Any]):
    """Adds the extension modules to the wheel."""

    def dependencies(self) -> list[str]:
        """What the build needs beside hatchling."""
        return ["mypy>=2.0", "setuptools>=80"] if self._wanted else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the files of the wheel are gathered."""
        if not self._wanted or version == "editable":
            return
        root = Path(self.root)
        sys.path.insert(0, self.root)
        from tools.compile_server import PACKAGE, compile_package

        self._folder = tempfile.TemporaryDirectory(prefix="treadle-compiled-")
        folder = Path(self._folder.name)
        modules = compile_package(root / "server" / PACKAGE, folder, root / "worker_sdk")
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["force_include"].update({str(folder / path): str(path) for path in modules})

    @property
    def _wanted(self) -> bool:
        return os.environ.get("TREADLE_COMPILED") == "1"
