"""Processes that take turns, so that what is compared runs on the same machine at the same time."""

import multiprocessing
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

RUN, READY = "run", "ready"


def take_turns(
    serve: Callable[..., None], names: Sequence[str], repetitions: int, *arguments: Any
) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """Run every name once, then every name again, and so on, each in a process of its own.

    serve: is called there as serve(connection, name, *arguments), says READY once it has set up,
    answers each RUN with a result when it is idle again, and the first other message with its last
    word
    Returns the results and the last word of each name.
    """
    context = multiprocessing.get_context("spawn")
    children = {}
    connections: dict[str, Connection] = {}
    for name in names:
        connections[name], end = context.Pipe()
        children[name] = context.Process(target=serve, args=(end, name, *arguments), daemon=True)
        children[name].start()
        end.close()
    results: dict[str, list[Any]] = {name: [] for name in names}
    try:
        for name in names:
            connections[name].recv()
        for _ in range(repetitions):
            for name in names:
                connections[name].send(RUN)
                results[name].append(connections[name].recv())
        last_words = {}
        for name in names:
            connections[name].send("end")
            last_words[name] = connections[name].recv()
            children[name].join()
    except (EOFError, BrokenPipeError):
        raise SystemExit(f"{name} failed; its error stands above") from None
    return results, last_words
