"""A server that is told to stop answers all that it took; its exit and its log say so."""

import re
import signal
import threading
from pathlib import Path

import httpx
from served import FIRST, PATIENCE, Process, promote, wait_for


def test_a_stop_under_load_loses_nothing_accepted(tiny_encoder: Path, tmp_path: Path) -> None:
    """Every request that the server let into its queue has its answer at a client."""
    server = Process(promote(tiny_encoder, tmp_path, FIRST))
    url = server.address()
    body = {"prompts": ["what ?"] * 40, "responses": ["good answer " * 20] * 40}
    statuses: list[int] = []
    refused: list[httpx.TransportError] = []

    def ask() -> None:
        try:
            with httpx.Client(base_url=url, timeout=PATIENCE) as client:
                while True:
                    statuses.append(client.post("/score", json=body).status_code)
        except httpx.TransportError as error:
            refused.append(error)

    clients = [threading.Thread(target=ask) for _ in range(16)]
    for client in clients:
        client.start()
    wait_for(lambda: len(statuses) >= 40)
    server.child.send_signal(signal.SIGTERM)
    assert server.wait() == 0
    for client in clients:
        client.join()
    assert set(statuses) == {200}
    assert len(refused) == 16
    last = server.log[-1]
    accepted, answered = re.search(r"stopped: (\d+) .*accepted, (\d+) answered", last).groups()
    assert int(accepted) == int(answered) == len(statuses)


def test_a_killed_server_starts_again_on_its_port(tiny_encoder: Path, tmp_path: Path) -> None:
    promoted = promote(tiny_encoder, tmp_path, FIRST)
    server = Process(promoted)
    url = server.address()
    server.child.kill()
    server.wait()
    again = Process(promoted, httpx.URL(url).port)
    assert again.address() == url
    body = {"prompts": ["what ?"], "responses": ["paris"]}
    assert httpx.post(f"{url}/score", json=body, timeout=PATIENCE).status_code == 200
    again.child.terminate()
    assert again.wait() == 0
