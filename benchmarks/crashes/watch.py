"""Whether what is promoted can be loaded, asked again and again while something goes wrong."""

import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from rewardgate.bundle import load_promoted

SECONDS = 0.25
"""Between two loads."""


class Watch:
    """Loads the champion and lets it score, over and over in a thread, and notes what fails.

    promoted: the folder of promotions; versions: those that may be current
    """

    def __init__(self, promoted: Path, versions: Iterable[str]) -> None:
        self.promoted = promoted
        self.versions = set(versions)
        self.loads = 0
        self.faults: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def check(self) -> bool:
        """Load the champion once; whether that went well."""
        try:
            champion = load_promoted(self.promoted)
            reward = champion.reward("2 + 2?", "4")["reward"]
            if champion.version not in self.versions:
                raise RuntimeError(f"{champion.version} is current and was never promoted")
        except Exception as error:
            self.faults.append(f"{type(error).__name__}: {error}")
            return False
        self.loads += 1
        return isinstance(reward, float)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(SECONDS):
            self.check()
