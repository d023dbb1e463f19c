"""The command line: init, run, report, status, score, weights, costs, drift, serve, verify, ...

The commands on promoted versions are in registry_commands.py.
"""

import json
import os
import subprocess
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from rewardgate import registry_commands
from rewardgate.errors import BLOCKED, RewardGateError, run_or_explain
from rewardgate.files import read_json
from rewardgate.manifest import REPORTS
from rewardgate.project import PROMOTED, REPORT, VERDICT, configured_key, enter_project
from rewardgate.quiet import silence
from rewardgate.verdict_table import print_verdict

if TYPE_CHECKING:
    from rewardgate.verification import Finding

app = typer.Typer(
    help="From rankings to a promoted, or blocked, reward model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="The new project, or one to bring up to date.")],
) -> None:
    """Make a folder a project: settings, stress cases, schedules, pipeline, git and DVC.

    In a project it writes dvc.yaml and code.yaml anew, for the installed version, and what is
    missing; your settings stay as they are.
    """
    from rewardgate.new_project import init_project

    for name in init_project(folder):
        typer.echo(f"written: {folder / name}")


@app.command()
def run(
    set_: Annotated[
        list[str],
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change a setting in params.yaml first, e.g. --set preset=biased "
            "--set ingest.inputs=data/rankings. May be given several times.",
        ),
    ] = [],  # noqa: B006
) -> None:
    """Run the pipeline: only stale stages run; ends in the verdict.

    Exit code 0: promoted, 3: blocked by the gate, 2: input or settings to mend.
    """
    from rewardgate.costs_report import PAGE, print_stages, read_costs
    from rewardgate.params import change_params
    from rewardgate.stage_run import RUN, run_name

    enter_project()
    if set_:
        change_params("params.yaml", set_)
    name = run_name()
    environment = {**os.environ, RUN: name}
    code = subprocess.run(
        [sys.executable, "-m", "flows.retrain"], env=environment, check=False
    ).returncode
    for cost in read_costs(Path()):
        if cost.run == name:
            print_stages(cost, Console())
            typer.echo(f"costs: {PAGE}")
    if code in (0, BLOCKED):
        print_verdict(read_json(VERDICT), Console())
        typer.echo(f"report: {REPORT}")
    raise typer.Exit(code)


@app.command()
def report(
    open_: Annotated[bool, typer.Option("--open", help="Open the report in a browser.")] = False,
) -> None:
    """Show the verdict on the newest candidate, where its report is, what the newest run cost."""
    from rewardgate.costs_report import PAGE, print_stages, write_costs

    enter_project()
    print_verdict(read_json(VERDICT), Console())
    typer.echo(f"report: {REPORT}")
    if costs := write_costs(Path()):
        print_stages(costs[-1], Console())
        typer.echo(f"costs: {PAGE}")
    if open_:
        webbrowser.open(REPORT.resolve().as_uri())


@app.command()
def status() -> None:
    """Show what is promoted, the verdict on the newest candidate, and which stages are stale."""
    from dvc.repo import Repo

    from rewardgate.promotion import current_version, is_current
    from rewardgate.stage_order import ALWAYS_ASKED
    from rewardgate.verification import signature_words

    enter_project()
    promoted = current_version(PROMOTED)
    if promoted is None:
        typer.echo("promoted:  nothing yet")
    else:
        folder, manifest = promoted
        metrics = read_json(folder / REPORTS / "verdict.json")["metrics"]
        try:
            signed = signature_words(folder, configured_key())
        except RewardGateError as error:
            signed = str(error)
        typer.echo(
            f"promoted:  {folder.name} (accuracy {metrics['accuracy']:.3f}, mean margin "
            f"{metrics['mean_margin_bt_logits']:.3f}, model {manifest.model_sha256[:12]})\n"
            f"           {signed}"
        )
        if override := manifest.override:
            typer.echo(f"           against the gate, by {override.by}: {override.reason}")
    if VERDICT.is_file():
        verdict = read_json(VERDICT)
        typer.echo(f"candidate: {verdict['verdict']} (model {verdict['model_sha256'][:12]})")
        for line in verdict["failures"]:
            typer.echo(f"           {line}")
    else:
        typer.echo("candidate: none judged yet")
    with Repo() as repo:
        stale = set(repo.status(targets=["promote"], with_deps=True)) - ALWAYS_ASKED
    if is_current(VERDICT, PROMOTED):
        stale.discard("promote")
    typer.echo(f"stale:     {', '.join(sorted(stale)) or 'nothing'}")


@app.command()
def score(
    prompt: Annotated[
        str | None, typer.Argument(help="The prompt x; '-' reads it from standard input.")
    ] = None,
    response: Annotated[str | None, typer.Argument(help="The response y.")] = None,
    reference: Annotated[
        str | None, typer.Option(help="What the rules compare the response with.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
    input_: Annotated[
        Path | None,
        typer.Option("--input", help="Parquet with columns prompt and text, perhaps reference."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="Parquet: the input and its scores.")
    ] = None,
) -> None:
    """Score a response, or a Parquet file of them, with the promoted reward model.

    Gives the raw score, the score normalised by the calibration set, and the mixed reward that
    PPO would receive; for a single response also its parts.
    """
    from rewardgate.bundle import load_promoted
    from rewardgate.processes import processes
    from rewardgate.rewards import NO_REFERENCES
    from rewardgate.score_file import score_file

    match prompt, response, input_, output:
        case str(x), str(y), None, None:
            enter_project()
            result = load_promoted(PROMOTED, configured_key()).reward(
                sys.stdin.read() if x == "-" else x,
                y,
                NO_REFERENCES if reference is None else reference,
            )
            if as_json:
                typer.echo(json.dumps(result))
            else:
                for name, value in result.items():
                    shown = f"{value:.4f}" if isinstance(value, float) else value
                    typer.echo(f"{name:20} {shown}")
        case None, None, Path() as source, Path() as target:
            source, target = source.resolve(), target.resolve()
            enter_project()
            rows = score_file(load_promoted(PROMOTED, configured_key()), source, target)
            processes().print(f"{rows} responses scored: {target}")
        case _:
            raise RewardGateError("score: give a prompt and a response, or --input and --output")


@app.command()
def weights() -> None:
    """Show what each weight of the mixed reward costs in accuracy and buys against hacks.

    On the eval split and the probes of the newest candidate; the process model takes part where
    models/process is there. Writes reports/weights.csv and reports/weights.png, and changes
    nothing else.
    """
    from dataclasses import asdict
    from functools import partial

    import pandas as pd

    from rewardgate.files import read_table, write_text
    from rewardgate.process.combined import least_probabilities
    from rewardgate.report.weights_plot import plot_weights
    from rewardgate.reward_model import RewardModel
    from rewardgate.settings import load_settings
    from rewardgate.verdict_table import print_weights
    from rewardgate.weights import advised, trade_offs

    enter_project()
    settings = load_settings()
    scores = read_table("reports/scores.parquet")
    folder = Path("models/process")
    process = partial(least_probabilities, RewardModel.load(folder)) if folder.is_dir() else None
    if process is None and settings.rewards.process_weight > 0:
        raise RewardGateError(f"{folder}: no process model; run `dvc repro evaluate_process`")
    found = trade_offs(
        scores[scores["split"] == "eval"],
        read_table("reports/probes.parquet"),
        RewardModel.load("models/candidate").encoder.count_tokens,
        read_json("reports/calibration.json"),
        settings.rewards,
        settings.gate.resamples,
        settings.seed,
        process,
    )
    if not found:
        raise RewardGateError("params.yaml: rewards: declares no penalty and no rule to weigh")
    rows = pd.json_normalize([asdict(one) for one in found])
    write_text("reports/weights.csv", rows.to_csv(index=False, lineterminator="\n"))
    plot_weights(found, Path("reports/weights.png"))
    print_weights(found, advised(found), Console())
    typer.echo("written: reports/weights.csv, reports/weights.png")


@app.command()
def costs() -> None:
    """Show what the newest run cost stage by stage, and what each run cost.

    Seconds, processor seconds, peak memory and cache hits, from logs/stages.jsonl; writes
    logs/costs.html and logs/costs.png.
    """
    from rewardgate.costs_report import PAGE, PLOT, print_runs, print_stages, write_costs
    from rewardgate.report.costs_page import plot_costs
    from rewardgate.stage_log import LOG

    enter_project()
    found = write_costs(Path())
    if not found:
        raise RewardGateError(f"{LOG}: no stage was run here yet; run `rewardgate run`")
    plot_costs(found, PLOT)
    print_stages(found[-1], Console())
    print_runs(found, Console())
    typer.echo(f"written: {PAGE}, {PLOT}")


@app.command()
def drift(
    scored: Annotated[
        Path, typer.Argument(help="Parquet with a column score, as `rewardgate score` writes it.")
    ],
    psi: Annotated[
        float | None, typer.Option(help="Most population stability index, by default 0.25.")
    ] = None,
    ks: Annotated[
        float | None, typer.Option(help="Most Kolmogorov-Smirnov distance, by default 0.2.")
    ] = None,
) -> None:
    """Compare live scores with those of the promoted model's calibration set.

    Nothing is updated. Exit code 0: no drift, 3: they drifted, 2: it cannot be told.
    """
    from rewardgate.drift import KS_LIMIT, PSI_LIMIT
    from rewardgate.live_scores import drift_of

    scored = scored.resolve()
    enter_project()
    found = drift_of(scored, PROMOTED)
    drifted = found.drifted(PSI_LIMIT if psi is None else psi, KS_LIMIT if ks is None else ks)
    typer.echo(f"{found.words()}: {'drifted' if drifted else 'no drift'}")
    raise typer.Exit(BLOCKED if drifted else 0)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 5000,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="REWARDGATE_TOKEN",
            help="What clients must send as Authorization: Bearer TOKEN. An argument can be read "
            "by other users of the machine; better set the variable.",
        ),
    ] = None,
    prompt_template: Annotated[
        str, typer.Option(help="What OpenRLHF's policy wraps a prompt in, {} for the prompt.")
    ] = "{}",
    set_: Annotated[
        list[str],
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change a limit, e.g. --set queue_tokens=200000; see "
            "rewardgate/server/settings.py. May be given several times.",
        ),
    ] = [],  # noqa: B006
) -> None:
    """Serve the promoted reward over HTTP: POST /score, OpenRLHF's POST /get_reward, /docs.

    What is promoted next takes over without a restart. SIGTERM and Ctrl-C stop it once all that it
    accepted is answered.
    """
    try:
        from rewardgate.server.run import serve as serve_promoted
        from rewardgate.server.settings import server_settings
    except ModuleNotFoundError as error:
        raise RewardGateError(
            f"serve: {error.name} is not installed; pip install 'rewardgate[serve]'"
        ) from None

    enter_project()
    limits = {key: value for key, _, value in (one.partition("=") for one in set_)}
    given = {"host": host, "port": port, "token": token, "prompt_template": prompt_template}
    settings = server_settings(**{**limits, **given})
    serve_promoted(PROMOTED, settings, configured_key())


@app.command()
def verify(
    bundle: Annotated[
        str, typer.Argument(help="A version under models/promoted, or the folder of a bundle.")
    ] = "current",
    public_key: Annotated[
        Path | None,
        typer.Option(help="Ed25519 public key (PEM), in the place of promote.public_key."),
    ] = None,
    rederive: Annotated[
        bool,
        typer.Option("--rederive", help="Also make it again from git and DVC in a clean clone."),
    ] = False,
) -> None:
    """Check a promoted bundle: every file's hash, the signature, and the verdict judged again.

    Prints one line a thing. Exit code 0: all hold, 3: something does not, 2: it cannot be checked.
    Outside a project, give a folder and --public-key.
    """
    from rewardgate.registry import find_version
    from rewardgate.verification import verify

    folder = Path(bundle).resolve() if Path(bundle).is_dir() else None
    key = public_key.resolve() if public_key else None
    if folder is None or key is None or rederive:
        enter_project()
        folder, key = folder or find_version(PROMOTED, bundle), key or configured_key()
    findings = verify(folder, key)
    show_findings(findings)
    if rederive and all(finding.passed for finding in findings):
        from rewardgate.manifest import read_manifest
        from rewardgate.rederive import rederive as make_again

        again = make_again(folder, read_manifest(folder))
        show_findings(again)
        findings += again
    raise typer.Exit(0 if all(finding.passed for finding in findings) else BLOCKED)


@app.command()
def sign(
    bundle: Annotated[str, typer.Argument(help="A version under models/promoted.")] = "current",
) -> None:
    """Sign a bundle that was promoted without a key. Its files are checked first."""
    from rewardgate import signing
    from rewardgate.promotion import require_intact
    from rewardgate.registry import find_version
    from rewardgate.settings import load_settings

    enter_project()
    folder = find_version(PROMOTED, bundle)
    key = signing.signing_key(load_settings().promote)
    if key is None:
        raise RewardGateError(f"sign: set promote.signing_key or {signing.VARIABLE} to a key")
    require_intact(folder, None)
    signing.sign(folder, key)
    typer.echo(f"signed: {folder / signing.SIGNATURE}")


@app.command()
def push() -> None:
    """Send what the pipeline made to DVC's default remote: `dvc push`."""
    from rewardgate.remotes import transfer

    enter_project()
    transfer(["push"])


@app.command()
def pull() -> None:
    """Get what the last promotion rests on from DVC's default remote, so that no stage runs."""
    from rewardgate.remotes import transfer

    enter_project()
    transfer(["pull", "--with-deps", "promote"])


@app.command()
def key(
    folder: Annotated[Path, typer.Argument(help="Where to write the pair, outside the project.")],
) -> None:
    """Make a pair of Ed25519 keys for signed promotions."""
    from rewardgate.signing import PUBLIC_KEY, VARIABLE, make_keys

    for parent in (folder.resolve(), *folder.resolve().parents):
        if (parent / ".git").exists():
            raise RewardGateError(
                f"{folder}: lies in the git repository {parent}, and a private key must not be "
                "committed; name a folder outside"
            )
    private, public = make_keys(folder)
    typer.echo(
        f"private key: {private} (mode 0600; keep it secret and outside the repository)\n"
        f"public key:  {public}\n"
        f"next: commit a copy of {PUBLIC_KEY} in the project, set promote.public_key to it, and "
        f"export {VARIABLE}={private.resolve()}"
    )


def show_findings(findings: "list[Finding]") -> None:
    for finding in findings:
        typer.echo(f"{'pass' if finding.passed else 'FAIL'}  {finding.what:14} {finding.words}")


registry_commands.register(app)


def main() -> None:
    """Entry point of the command `rewardgate`."""
    silence()
    sys.exit(run_or_explain(app))
