"""Where the parts of a stage are worked on: in this process, or by Ray on the nodes of a cluster.

The environment says where, not params.yaml: the output is the same, so nothing that is hashed or
locked may depend on it. Ray Data hands out the parts, moves the results and keeps their order; a
part that was on a lost node is worked on again.
"""

import logging
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from typing import Any

from rewardgate.canonical import Chunks, Part
from rewardgate.errors import RewardGateError, in_a_line
from rewardgate.quiet import SETTINGS

VARIABLE = "REWARDGATE_ENGINE"
LOCAL, RAY = "local", "ray"

SECONDS = 20
"""To wait for a cluster to answer."""

NUMBER, ERROR = "number of the item", "error"

Row = dict[str, Any]
"""Numbers, texts, arrays and lists of texts by name."""


def on_ray() -> bool:
    """Whether the engine is Ray. Raises RewardGateError if the variable names no engine."""
    engine = os.environ.get(VARIABLE) or LOCAL
    if engine not in (LOCAL, RAY):
        raise RewardGateError(f"{VARIABLE}: no engine {engine}; set it to {LOCAL} or {RAY}")
    return engine == RAY


def in_order(
    work: Callable[..., Any], items: Iterable[Any], *using: Any, cpus: int = 1, gpu: bool = False
) -> Iterator[Row]:
    """What `work` makes of each item, in their order.

    work: a pure function that makes a row of an item. Or a class of such functions, and `using`
        what one is made of: that is done once in each process
    items: numbers, texts or paths. Or `Chunks`, of which each process reads its own
    cpus, gpu: what Ray reserves for each process; a GPU only where the cluster has one
    Raises what `work` raises, from a node a RewardGateError in place of an OSError; and
    RewardGateError if Ray is not installed or not reached.
    """
    if on_ray():
        yield from _by_ray(work, items, using, cpus, gpu)
    else:
        yield from map(work(*using) if isinstance(work, type) else work, items)


class _Remote:
    """`work` as Ray Data calls it on a node, with the number of an item.

    What it raises for the user becomes a row, since Ray wraps an error in its own.
    """

    def __init__(self, folder: str, work: Callable[..., Any], items: Sequence[Any], using: Any):
        self._folder, self._items = folder, items
        self._make = partial(work, *using) if isinstance(work, type) else lambda: work

    def __call__(self, row: Row) -> Row:
        try:
            self._enter()
            item = self._items[row[NUMBER]]
            return self._work(item.read() if isinstance(item, Part) else item)
        except (RewardGateError, OSError) as error:
            return {ERROR: in_a_line(error)}

    @cached_property
    def _work(self) -> Callable[[Any], Row]:
        return self._make()

    def _enter(self) -> None:
        """Let relative paths mean what they mean where the stage runs."""
        try:
            os.chdir(self._folder)
        except FileNotFoundError:
            raise RewardGateError(
                f"{self._folder}: not there on node {socket.gethostname()}; keep the project on "
                "storage that all nodes share, at the same path"
            ) from None


def _by_ray(
    work: Callable[..., Any], items: Iterable[Any], using: tuple[Any, ...], cpus: int, gpu: bool
) -> Iterator[Row]:
    ray = _connected()
    parts = items.parts() if isinstance(items, Chunks) else list(items)
    if not parts:
        return
    resources: dict[str, float] = {"num_cpus": min(cpus, _most_cpus(ray))}
    if gpu and "GPU" in ray.cluster_resources():
        resources["num_gpus"] = 1
    settings = ray.data.DataContext.get_current()
    settings.execution_options.preserve_order = True
    settings.enable_progress_bars = False
    numbers = [{NUMBER: number} for number in range(len(parts))]
    data = ray.data.from_items(numbers, override_num_blocks=len(parts))
    remote = (os.getcwd(), work, parts, using)
    if isinstance(work, type):
        data = data.map(_Remote, fn_constructor_args=remote, **resources)
    else:
        data = data.map(lambda row: _Remote(*remote)(row), **resources)
    for row in data.iter_rows():
        if ERROR in row:
            raise RewardGateError(row[ERROR])
        yield row


def _connected() -> Any:
    try:
        import ray
        import ray.data
    except ModuleNotFoundError as error:
        raise RewardGateError(
            f"{VARIABLE}: {error.name} is not installed; pip install 'rewardgate[ray]'"
        ) from None
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    logging.getLogger("ray.data._internal.progress").setLevel(logging.ERROR)
    if not ray.is_initialized():
        address = os.environ.get("RAY_ADDRESS", "")
        try:
            _reach(address)
            ray.init(
                runtime_env={"env_vars": SETTINGS},
                logging_level=logging.WARNING,
                log_to_driver=False,
            )
        except OSError as error:
            raise RewardGateError(
                f"RAY_ADDRESS: no cluster at {address} ({error.strerror or error}); start it, or "
                "unset this to use this machine alone"
            ) from None
    return ray


def _reach(address: str) -> None:
    """Raises OSError if nothing listens there, which Ray would try for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdecimal():
        socket.create_connection((host, int(port)), SECONDS).close()


def _most_cpus(ray: Any) -> float:
    """CPUs of the largest node; what asks for more would wait for ever."""
    return max(node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"])
