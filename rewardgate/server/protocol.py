"""HTTP connections that do not wait for ever on a client."""

from asyncio import TimerHandle, Transport

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


def within(seconds: float) -> type[H11Protocol]:
    """uvicorn's protocol, but a connection is closed whose request has no whole head in time.

    uvicorn itself closes only connections that send nothing at all after an answer.
    """

    class Timed(H11Protocol):
        timer: TimerHandle | None = None

        def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self.arm()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.conn.their_state is not h11.IDLE:
                self.disarm()
            elif self.timer is None:
                self.arm()

        def connection_lost(self, exc: Exception | None) -> None:
            self.disarm()
            super().connection_lost(exc)

        def arm(self) -> None:
            self.timer = self.loop.call_later(seconds, self.transport.close)

        def disarm(self) -> None:
            if self.timer is not None:
                self.timer.cancel()
                self.timer = None

    return Timed
