"""Texts per second of the reward server with 32 clients, beside two others on the same texts.

    python -m benchmarks.serve [--quick] [--model small|minilm] [--json PATH]

The others are `rewardgate.scoring.score` without any server, and OpenRLHF's `serve_rm`: its loop
re-enacted on the same model. See benchmarks/README.md for how to read it.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import uvicorn
import yaml
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from benchmarks.decoders import save_decoder
from benchmarks.rankings import REAL, cut, made_of_words, real, simulated
from benchmarks.score import that_fit
from benchmarks.table import markdown
from rewardgate.encoding import Encoder
from rewardgate.files import sha256_folder, write_json
from rewardgate.manifest import Git, Manifest, bundle_files, hashes
from rewardgate.promotion import publish
from rewardgate.reward_model import RewardModel
from rewardgate.scoring import score
from rewardgate.server.memory import keep_freed_memory
from rewardgate.server.run import make_server
from rewardgate.server.settings import ServerSettings

PARAMS = Path(__file__).parents[1] / "params.yaml"
OFFLINE, OURS, LOOP = "offline", "rewardgate", "serve_rm"
SIDES = (OFFLINE, OURS, LOOP)
RESPONSE_TOKENS, PROMPT_TOKENS = 226, 38
"""Means of the real rankings (AlpacaEval)."""

LOOP_BATCH = 16
"""`--batch_size` in OpenRLHF's own script serve_remote_rm.sh."""


@dataclass(frozen=True)
class Run:
    """All texts scored once: seconds by the clock, CPU seconds of the side's process, and the
    seconds that each request waited; scores (n,)."""

    seconds: float
    cpu_seconds: float
    waits: list[float]
    scores: NDArray[np.float64]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.serve", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tiny case, to see that it runs")
    parser.add_argument("--model", choices=["small", "minilm"], default="small")
    parser.add_argument("--prompts", type=int, default=128, help="with 4 responses each")
    parser.add_argument("--request", type=int, nargs="+", default=[8], help="texts in one")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--repetitions", type=int, default=1, help="of each side; the best counts")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", metavar="PATH", help="also write every figure there")
    args = parser.parse_args(arguments)
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    os.environ["OMP_NUM_THREADS"] = str(args.threads)
    model = "tiny" if args.quick else args.model
    with tempfile.TemporaryDirectory() as folder:
        texts = responses_for(model, 8 if args.quick else args.prompts)
        promoted = promoted_bundle(model, Path(folder))
        texts = that_fit(texts, promoted / "current")
        rows = measure(promoted, texts, args)
    print(markdown(TITLES, [line for row in rows for line in cells(row)]))
    if args.json:
        write_json(args.json, {"model": model, "threads": args.threads, "rows": rows})
    return 0


def responses_for(model: str, prompts: int) -> pd.DataFrame:
    """Responses of mixed length: of made-up words, one token each, or real ones for MiniLM."""
    if model != "minilm":
        sizes = (64, 16) if model == "tiny" else (RESPONSE_TOKENS, PROMPT_TOKENS)
        return made_of_words(prompts, 4, *sizes, seed=[5])
    return cut(real("alpaca_eval") if REAL.is_dir() else simulated(prompts, 0), prompts)[0]


def promoted_bundle(model: str, root: Path) -> Path:
    """A promoted bundle with a fresh head and the rewards of params.yaml."""
    base = model
    if model != "minilm":
        base = str(root / "base")
        save_decoder(model, Path(base), seed=0)
    RewardModel.from_base(base, 16384, seed=0).save(root / "model")
    write_json(root / "calibration.json", {"mean": 0.0, "std": 1.0, "temperature": 1.0})
    files = {"reports/calibration.json": root / "calibration.json", **bundle_files(root / "model")}
    manifest = Manifest(
        verdict="promoted",
        model_sha256=sha256_folder(root / "model"),
        files=hashes(files),
        data={},
        params={"rewards": yaml.safe_load(PARAMS.read_text())["rewards"]},
        dvc_lock={},
        git=Git(commit=None, changed_files=[]),
        environment={},
    )
    publish(files, manifest, root / "promoted")
    return root / "promoted"


def measure(promoted: Path, texts: pd.DataFrame, args: argparse.Namespace) -> list[dict[str, Any]]:
    """By size of a request: each side in a process of its own, in turns; the fastest run counts."""
    context = multiprocessing.get_context("spawn")
    connections: dict[str, Connection] = {}
    children = []
    for side in SIDES:
        connections[side], end = context.Pipe()
        arguments = (end, promoted, args.threads)
        children.append(context.Process(target=SERVE[side], args=arguments, daemon=True))
        children[-1].start()
        end.close()
    ports = {side: connections[side].recv() for side in SIDES}
    rows = []
    for size in args.request:
        runs: dict[str, list[Run]] = {side: [] for side in SIDES}
        for side in SIDES * args.repetitions:
            requests = requests_of(side, texts, size, promoted)
            run = SEND[side](connections[side], ports[side], requests, args.clients)
            runs[side].append(run)
            print(f"requests of {size}, {side}: {run.seconds:.1f} s", file=sys.stderr, flush=True)
        best = {side: min(runs[side], key=lambda run: run.seconds) for side in SIDES}
        rows.append(
            {
                "request": size,
                "clients": args.clients,
                "texts": len(texts),
                "sides": {side: figures(run, best[OFFLINE]) for side, run in best.items()},
            }
        )
    for side, child in zip(SIDES, children, strict=True):
        connections[side].send(None)
        child.join()
    return rows


def figures(run: Run, offline: Run) -> dict[str, float]:
    count = len(run.scores)
    waits = {f"p{p}_seconds": float(np.percentile(run.waits, p)) for p in (50, 99) if run.waits}
    return {
        "texts_per_second": count / run.seconds,
        "cpu_seconds_per_text": run.cpu_seconds / count,
        "max_difference": float(np.abs(run.scores - offline.scores).max()),
        **waits,
    }


def requests_of(side: str, texts: pd.DataFrame, size: int, promoted: Path) -> list[dict[str, Any]]:
    """What each request holds: prompts and responses, or the rendered texts for serve_rm."""
    prompts, responses = texts["prompt"].tolist(), texts["text"].tolist()
    if side == LOOP:
        tokenizer = AutoTokenizer.from_pretrained(promoted / "current")
        encoder = Encoder(tokenizer, tokenizer.model_max_length)
        queries = [encoder.render(*text) for text in zip(prompts, responses, strict=True)]
        return [{"query": queries[i : i + size]} for i in range(0, len(queries), size)]
    return [
        {"prompts": prompts[i : i + size], "responses": responses[i : i + size]}
        for i in range(0, len(prompts), size)
    ]


def offline(connection: Connection, port: int, requests: list[dict[str, Any]], clients: int) -> Run:
    prompts = [prompt for request in requests for prompt in request["prompts"]]
    responses = [response for request in requests for response in request["responses"]]
    connection.send((prompts, responses))
    return Run(*connection.recv())


def over_http(
    connection: Connection, port: int, requests: list[dict[str, Any]], clients: int
) -> Run:
    """All requests, sent by `clients` that each wait for an answer before they ask again."""
    path = "/get_reward" if "query" in requests[0] else "/score"
    bodies = [json.dumps(request).encode() for request in requests]
    local = threading.local()

    def ask(body: bytes) -> tuple[float, list[float]]:
        if not hasattr(local, "http"):
            local.http = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        start = time.perf_counter()
        local.http.request("POST", path, body, {"Content-Type": "application/json"})
        answer = local.http.getresponse()
        found = json.loads(answer.read())
        if answer.status != 200:
            raise SystemExit(f"{path} answered {answer.status}: {found}")
        return time.perf_counter() - start, found["scores"]

    connection.send("cpu")
    cpu = connection.recv()
    start = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        answers = list(pool.map(ask, bodies))
    seconds = time.perf_counter() - start
    connection.send("cpu")
    cpu = connection.recv() - cpu
    scores = np.array([one for _, found in answers for one in found])
    return Run(seconds, cpu, [wait for wait, _ in answers], scores)


def serve_offline(connection: Connection, promoted: Path, threads: int) -> None:
    torch.set_num_threads(threads)
    model = RewardModel.load(promoted / "current")
    connection.send(0)
    while texts := connection.recv():
        start, cpu = time.perf_counter(), time.process_time()
        prompts, responses = texts
        scores = score(model, prompts, responses, label=None)
        connection.send((time.perf_counter() - start, time.process_time() - cpu, [], scores))


def serve_ours(connection: Connection, promoted: Path, threads: int) -> None:
    torch.set_num_threads(threads)
    keep_freed_memory()
    server, listener = make_server(promoted, ServerSettings(port=0))
    run_beside(connection, server, listener.getsockname()[1], lambda: server.run([listener]))


def serve_loop(connection: Connection, promoted: Path, threads: int) -> None:
    """OpenRLHF's serve_rm: one request at a time, in batches of LOOP_BATCH, each padded to its
    longest (on the left for a decoder), in the event loop's own thread."""
    torch.set_num_threads(threads)
    folder = promoted / "current"
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    side = "left" if hasattr(model, "score") else "right"
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side=side)
    app = FastAPI()

    @app.post("/get_reward")
    async def get_reward(request: Request) -> JSONResponse:
        queries = (await request.json())["query"]
        rewards: list[float] = []
        with torch.no_grad():
            for start in range(0, len(queries), LOOP_BATCH):
                inputs = tokenizer(
                    queries[start : start + LOOP_BATCH],
                    return_tensors="pt",
                    add_special_tokens=False,
                    max_length=tokenizer.model_max_length,
                    padding=True,
                    truncation=True,
                )
                logits = model(inputs["input_ids"], inputs["attention_mask"]).logits
                rewards.extend(logits[:, 0].tolist())
        logs = {"dummy_scores": rewards}
        return JSONResponse({"rewards": rewards, "scores": rewards, "extra_logs": logs})

    config = uvicorn.Config(app, port=0, log_level="warning")
    listener = config.bind_socket()
    server = uvicorn.Server(config)
    run_beside(connection, server, listener.getsockname()[1], lambda: server.run([listener]))


def run_beside(
    connection: Connection, server: uvicorn.Server, port: int, run: Callable[[], None]
) -> None:
    """Serve in a thread; tell the port, then the CPU seconds of this process when asked."""
    thread = threading.Thread(target=run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    connection.send(port)
    while connection.recv():
        connection.send(time.process_time())
    server.should_exit = True
    thread.join()


SERVE = {OFFLINE: serve_offline, OURS: serve_ours, LOOP: serve_loop}
SEND = {OFFLINE: offline, OURS: over_http, LOOP: over_http}

TITLES = [
    "texts a request",
    "side",
    "texts/s",
    "ratio",
    "CPU ms a text",
    "p50 s",
    "p99 s",
    "largest difference",
]


def cells(row: dict[str, Any]) -> list[list[str]]:
    """`ratio` is of rewardgate's texts a second to the side's."""
    ours = row["sides"][OURS]["texts_per_second"]
    return [
        [
            str(row["request"]),
            side,
            f"{found['texts_per_second']:.1f}",
            f"{ours / found['texts_per_second']:.2f}",
            f"{1000 * found['cpu_seconds_per_text']:.1f}",
            *(
                f"{found[name]:.2f}" if name in found else ""
                for name in ("p50_seconds", "p99_seconds")
            ),
            f"{found['max_difference']:.1e}",
        ]
        for side, found in row["sides"].items()
    ]


if __name__ == "__main__":
    sys.exit(main())
