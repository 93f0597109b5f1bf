"""One registry of tools for all experts, and the one place where a tool is called."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

from shoal.errors import ApprovalNeeded, RunError, ShoalError, ToolError, UsageError, unknown
from shoal.types import SideEffects, Step, Value

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

MAX_CHARACTERS = 20_000
"""A longer result is cut, and says so: it has to fit a small model's context."""

Example = tuple[str, Mapping[str, Any]]
"""A request and the arguments the tool should get for it."""


def as_tool(
    function: Callable[..., Any] | BaseTool,
    *,
    side_effects: SideEffects | None = None,
    examples: Sequence[Example] = (),
    needs: Literal["", "image"] = "",
    triggers: Sequence[str] = (),
    pure: bool = False,
) -> BaseTool:
    """Makes a LangChain tool that carries Shoal's declarations in its metadata.

    Args:
        function: A plain typed function with a docstring, or a LangChain tool.
        side_effects: What a call does to the world. Undeclared counts as
            "irreversible": such a tool waits for approval.
        examples: Requests with the arguments they should lead to; the model sees them.
        needs: "image" for a tool that is offered only when the task has an image.
        triggers: Beginnings of a request after which its rest is the one text argument.
        pure: The result follows from the arguments alone: it holds nothing of a stranger's,
            so that answers built from it may be learnt without a person's approval.

    Raises:
        UsageError: No docstring or annotations to build a schema from.
    """
    from langchain_core.tools import BaseTool

    declared = getattr(function, "metadata", None) or {}
    effects = side_effects or declared.get("side_effects", "irreversible")
    if effects not in get_args(SideEffects):
        unknown("side effect", str(effects), get_args(SideEffects))
    try:
        tool = function.model_copy() if isinstance(function, BaseTool) else _structured(function)
    except (ValueError, TypeError) as error:
        name = getattr(function, "__name__", repr(function))
        raise UsageError(
            f"{name} cannot become a tool",
            str(error),
            "Give it type annotations and a Google-style docstring",
        ) from error
    shown = [list(example) for example in examples] or declared.get("examples", [])
    needed = needs or declared.get("needs", "")
    declared = {**declared, "side_effects": effects, "examples": shown, "needs": needed}
    declared["pure"] = pure or declared.get("pure", False)
    tool.metadata = {**declared, "triggers": list(triggers) or declared.get("triggers", [])}
    return tool


def _structured(function: Callable[..., Any]) -> BaseTool:
    from langchain_core.tools import StructuredTool

    if inspect.iscoroutinefunction(function):
        return StructuredTool.from_function(coroutine=function, parse_docstring=True)
    return StructuredTool.from_function(function, parse_docstring=True)


class Toolbox(Mapping[str, "BaseTool"]):
    """Tools by name. `call` validates, limits, times and marks what comes back.

    Args:
        tools: The tools to start with.
        seconds: Limit of one call. A tool that does not return in time is left behind
            in its own daemon thread and the call fails.
        approve: Whether a call with irreversible side effects may go ahead.
    """

    def __init__(
        self,
        tools: Sequence[Callable[..., Any] | BaseTool] = (),
        *,
        seconds: float = 30.0,
        approve: Callable[[str, Mapping[str, Any]], bool] = lambda name, arguments: False,
    ) -> None:
        self.seconds, self.approve = seconds, approve
        self._tools: dict[str, BaseTool] = {}
        for tool in tools:
            self.add(tool)

    def __getitem__(self, name: str) -> BaseTool:
        if name not in self._tools:
            unknown("tool", name, self._tools)
        return self._tools[name]

    def __contains__(self, name: object) -> bool:
        return name in self._tools

    def __iter__(self) -> Iterator[str]:
        return iter(self._tools)

    def __len__(self) -> int:
        return len(self._tools)

    def add(self, tool: Callable[..., Any] | BaseTool, **declared: Any) -> BaseTool:
        """Registers a tool; `declared` goes to `as_tool`. The latest of a name wins."""
        made = as_tool(tool, **declared)
        self._tools[made.name] = made
        return made

    def call(self, name: str, arguments: Mapping[str, Any]) -> Step:
        """Runs one tool.

        Returns:
            A step of kind "tool". `ok` is False when the tool raised, was called with
            wrong arguments or took too long; `result` then says why, for the model.

        Raises:
            UnknownNameError: No tool of that name.
            ApprovalNeeded: The tool is irreversible and nobody approved this call.
            RunError: A tool with side effects took too long: it may still act, so the
                call must not be repeated.
        """
        tool, start = self[name], time.perf_counter()
        effects = (tool.metadata or {})["side_effects"]
        if effects == "irreversible" and not self.approve(name, arguments):
            raise ApprovalNeeded.for_tool(name, dict(arguments))
        result = _run_limited(lambda: _invoke(tool, dict(arguments)), self.seconds)
        if result is None and effects != "none":
            raise RunError(
                f"{name} did not return within {self.seconds:g} s",
                "it may still be running, so it is not called again",
                "Look at what it did before you try once more",
            )
        ok, text = result or (False, f"the tool did not return within {self.seconds:g} s")
        return Step(
            kind="tool",
            name=name,
            arguments=dict(arguments),
            result=Value(_shorten(text), "tool"),
            ok=ok,
            seconds=time.perf_counter() - start,
            pure=bool((tool.metadata or {}).get("pure")),
        )


def _invoke(tool: BaseTool, arguments: dict[str, Any]) -> Any:
    unknown_names = sorted(set(arguments) - set(tool.args))
    if unknown_names:  # pydantic would drop them without a word
        raise ToolError(
            f"{tool.name} takes no {', '.join(unknown_names)}", f"it takes {', '.join(tool.args)}"
        )
    if getattr(tool, "func", True) is None:
        return asyncio.run(tool.ainvoke(arguments))
    return tool.invoke(arguments)


def _run_limited(work: Callable[[], Any], seconds: float) -> tuple[bool, str] | None:
    # A daemon thread, not an executor: an executor would wait for the tool at exit.
    result: list[tuple[bool, str]] = []
    context = contextvars.copy_context()
    thread = threading.Thread(
        target=lambda: result.append(context.run(_attempt, work)), daemon=True
    )
    thread.start()
    thread.join(seconds)
    return result[0] if result else None


def _attempt(work: Callable[[], Any]) -> tuple[bool, str]:
    from pydantic import ValidationError

    try:
        return True, _as_text(work())
    except ValidationError as error:
        parts = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        return False, "wrong arguments: " + "; ".join(parts)
    except ShoalError as error:
        return False, str(error)
    except BaseException as error:  # a tool is foreign code: even sys.exit is a failed step
        return False, f"{type(error).__name__}: {error}"


def _as_text(result: Any) -> str:
    if isinstance(result, str):
        return result
    return json.dumps(result, ensure_ascii=False, default=str)


def _shorten(text: str) -> str:
    if len(text) <= MAX_CHARACTERS:
        return text
    return f"{text[:MAX_CHARACTERS]} … ({len(text) - MAX_CHARACTERS:,} more characters cut)"
