"""Python named on the command line: `orders.py`, `package.module`, `package.module:name`."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

import click

from treadle._importing import importing
from treadle_server.cli.exit_codes import CommandFailed, ExitCode


def load(name: str) -> tuple[ModuleType, str]:
    """Imports what is named; gives the module and the attribute after the colon, if any.

    Raises `CommandFailed` if there is no such module, or importing it fails.
    """
    with importing():
        return _load(name)


def imported(file: str) -> ModuleType | None:
    """The module of a Python file that was loaded; None if it was not."""
    return sys.modules.get(_place(Path(file))[1])


def _load(name: str) -> tuple[ModuleType, str]:
    module_name, _, attribute = name.partition(":")
    if not module_name:
        raise CommandFailed(f"{name!r} names no file and no module", ExitCode.USAGE)
    path = Path(module_name)
    is_file = module_name.endswith(".py")
    if is_file and not path.is_file():
        raise CommandFailed(f"there is no file {module_name}", ExitCode.USAGE)
    root, dotted = _place(path) if is_file else (Path.cwd(), module_name)
    # As `python FILE` and `python -m MODULE` do: what stands beside it can be imported.
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    return (_import_file(path, dotted) if is_file else _import_name(dotted)), attribute


def _place(path: Path) -> tuple[Path, str]:
    """The folder a file is imported from, and its name from there, within its package if any."""
    path = path.resolve()
    parts, folder = [path.stem], path.parent
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    return folder, ".".join(parts)


def _import_file(path: Path, dotted: str) -> ModuleType:
    if "." in dotted:
        return _import_name(dotted)
    # Not by its name: `queue.py` must not be the standard library's module.
    spec = importlib.util.spec_from_file_location(dotted, path)
    if spec is None or spec.loader is None:
        raise CommandFailed(f"{path} cannot be imported", ExitCode.USAGE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[dotted] = module
    try:
        spec.loader.exec_module(module)
    # The user's module may raise anything, and end as scripts do.
    except (Exception, SystemExit) as error:
        raise _import_failed(str(path), error) from error
    return module


def _import_name(dotted: str) -> ModuleType:
    try:
        return importlib.import_module(dotted)
    except ModuleNotFoundError as error:
        # Only a missing module that was named here is a wrong argument.
        if error.name and f"{dotted}.".startswith(f"{error.name}."):
            raise CommandFailed(
                f"there is no module {error.name!r} here; give a file ending in .py, or run this "
                "in the folder that holds the module",
                ExitCode.USAGE,
            ) from error
        raise _import_failed(dotted, error) from error
    # The user's module may raise anything, and end as scripts do.
    except (Exception, SystemExit) as error:
        raise _import_failed(dotted, error) from error


def _import_failed(name: str, error: BaseException) -> CommandFailed:
    from treadle.errors import DefinitionError

    if isinstance(error, DefinitionError):
        return CommandFailed(f"{name}: {error}", ExitCode.USAGE)
    click.echo("".join(_own_traceback(error)), err=True, nl=False)
    return CommandFailed(f"importing {name} failed; see above")


def _own_traceback(error: BaseException) -> list[str]:
    """The traceback from the user's first line on, without the import machinery above it."""
    frames = traceback.extract_tb(error.__traceback__)
    machinery = (__file__, importlib.__file__, "<frozen importlib")
    first = next(
        (index for index, frame in enumerate(frames) if not frame.filename.startswith(machinery)),
        len(frames),
    )
    lines = traceback.format_list(frames[first:])
    return [*lines, *traceback.format_exception_only(error)]
