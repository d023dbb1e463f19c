"""Where training starts, what it refuses to start from, and what starting there is worth."""

import json
import random
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scoring_project import CALIBRATION, make_scoring_project, publish_bundle, save_fresh
from tables import responses_table
from test_training import settings_with

from rewardgate.checkpoints import Checkpoints
from rewardgate.errors import RewardGateError
from rewardgate.files import read_json, read_table, sha256_folder, write_json, write_table
from rewardgate.manifest import MANIFEST
from rewardgate.metrics import Scored, accuracy
from rewardgate.normalise import matching_form
from rewardgate.reward_model import RewardModel
from rewardgate.scoring import score_table
from rewardgate.signing import make_keys
from rewardgate.start import INGESTED, open_start, start_of
from rewardgate.trained_on import TRAINED_ON, read_record, record_of
from rewardgate.training import train
from stages import calibrate, evaluate

PROMOTED = Path("models/promoted")


@pytest.fixture
def project(tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    save_fresh(tiny_encoder, Path("models/candidate"))
    return tmp_path


def promote(data: str, start: dict[str, str] | None = None, **changes: object) -> Path:
    """Promote the candidate as one that was trained on rankings with the hash `data`."""
    record = record_of(rankings(range(4)), rankings(range(4, 6)), None)
    write_table("reports/trained_on.parquet", record)
    reports = {
        "calibration": CALIBRATION,
        "verdict": {"champion": None},
        "train": {"base": "tiny", "start": start},
    }
    extra = {TRAINED_ON: Path(TRAINED_ON)}
    changes = {"data": {INGESTED: data}, **changes}
    return publish_bundle(Path("models/candidate"), reports, PROMOTED, extra=extra, **changes)


LETTERS = "abcdefghijklmnopqrstuvwxyz"


def rankings(numbers: range) -> pd.DataFrame:
    """The earlier letter of the alphabet wins: a rule that few rankings do not tell."""
    drawn = [sorted(random.Random(n).sample(LETTERS, 2)) for n in numbers]
    return responses_table(
        [
            (f"what is {n} {LETTERS[n % 26]} ?", [(f"it is {first}", 1), (f"it is {last}", 2)])
            for n, (first, last) in zip(numbers, drawn, strict=True)
        ]
    ).assign(prompt_id=lambda t: "q" + t["prompt"].str.extract(r"(\d+)")[0])


def found(data: str, setting: str = "current") -> tuple[dict[str, str] | None, str]:
    return start_of(setting, PROMOTED, data, None)


def test_a_first_run_starts_from_the_base(project: Path) -> None:
    assert found("d0") == (None, "the base, for there is no champion yet")


def test_new_rankings_start_from_the_champion_and_old_ones_from_its_own_start(
    project: Path,
) -> None:
    first = promote("d0")
    assert found("d0")[0] is None
    start, words = found("d1")
    assert words == f"the champion {first.name}"
    assert start == {
        "bundle": f"models/promoted/{first.name}",
        "version": first.name,
        "model_sha256": sha256_folder("models/candidate"),
    }
    second = promote("d1", start)
    assert second.name != first.name
    again, words = found("d1")
    assert again == start
    assert words == f"{first.name}, as the champion {second.name} did, which knows these rankings"
    third = found("d2")[0]
    assert third is not None
    assert third["version"] == second.name


def test_a_named_champion_is_the_start_whatever_the_rankings(project: Path) -> None:
    first = promote("d0")
    shutil.copytree(first, Path("kept") / first.name)
    start = found("d0", f"kept/{first.name}")[0]
    assert start is not None
    assert start["bundle"] == f"kept/{first.name}"
    assert open_start(start, None) == Path("kept") / first.name


def test_a_start_that_cannot_be_trusted_is_one_line_with_the_mend(project: Path) -> None:
    start = {"bundle": "models/promoted/gone", "version": "gone", "model_sha256": "a"}
    second = promote("d1", start)
    with pytest.raises(RewardGateError, match=r"gone: no promoted bundle .*; or restore it, or se"):
        found("d1")
    known = found("d2")[0]
    _, public = make_keys(project / "keys")
    with pytest.raises(RewardGateError, match="unsigned"):
        open_start(known, public)
    with pytest.raises(RewardGateError, match=r"another model than models/start.json names"):
        open_start({**(known or {}), "model_sha256": "b"}, None)
    (second / "model.safetensors").write_bytes(b"")
    with pytest.raises(RewardGateError, match=r"model.safetensors: altered.* set train.start to"):
        open_start(known, None)


def test_a_champion_of_an_older_version_does_not_say_what_it_knows(project: Path) -> None:
    reports = {"verdict": {"champion": None}, "train": {}}
    publish_bundle(Path("models/candidate"), reports, PROMOTED, data={INGESTED: "d0"})
    with pytest.raises(RewardGateError, match="does not record what it was trained on"):
        found("d1")


def test_the_weights_are_the_champion_s_and_another_base_is_refused(
    tiny_encoder: Path, tiny_decoder: Path, tmp_path: Path
) -> None:
    save_fresh(tiny_encoder, tmp_path / "champion")
    champion = RewardModel.load(tmp_path / "champion")
    started = RewardModel.from_base(str(tiny_encoder), 64, seed=5, start=tmp_path / "champion")
    own, theirs = started.model.state_dict(), champion.model.state_dict()
    assert own.keys() == theirs.keys()
    assert all(torch.equal(own[name], theirs[name]) for name in own)
    started.save(tmp_path / "again")
    assert sha256_folder(tmp_path / "again") == sha256_folder(tmp_path / "champion")
    with pytest.raises(RewardGateError, match=r"another architecture \(BertForSeq.* set train.ba"):
        RewardModel.from_base(str(tiny_decoder), 64, seed=0, start=tmp_path / "champion")


@pytest.mark.parametrize(
    ("file", "key", "value", "fault"),
    [
        ("config.json", "layer_norm_eps", 0.1, "another configuration .layer_norm_eps 0.1, not"),
        ("config.json", "intermediate_size", 32, "another configuration .intermediate_size 32"),
        ("tokenizer_config.json", "unk_token", "[PAD]", "other special tokens"),
    ],
)
def test_a_champion_on_another_base_of_its_kind_is_refused(
    tiny_encoder: Path, tmp_path: Path, file: str, key: str, value: object, fault: str
) -> None:
    base = shutil.copytree(tiny_encoder, tmp_path / "base")
    if key == "intermediate_size":
        from transformers import AutoConfig, AutoModel

        config = AutoConfig.from_pretrained(tiny_encoder, intermediate_size=value)
        AutoModel.from_config(config).save_pretrained(base)
    else:
        write_json(base / file, {**json.loads((base / file).read_text()), key: value})
    save_fresh(base, tmp_path / "champion")
    with pytest.raises(RewardGateError, match=f"training cannot start from it: {fault}"):
        RewardModel.from_base(str(tiny_encoder), 64, seed=0, start=tmp_path / "champion")


def trained(
    base: Path, numbers: range, out: Path, start: Path | None = None, epochs: int = 1
) -> RewardModel:
    settings = settings_with(base, epochs=epochs)
    model = RewardModel.from_base(str(base), 64, seed=0, start=start)
    checkpoints = Checkpoints(out / "checkpoints", {})
    train(model, rankings(numbers), rankings(range(200, 204)), settings, 0, checkpoints)
    model.save(out / "model")
    return model


def test_few_steps_from_the_champion_beat_as_many_from_the_base(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    trained(tiny_encoder, range(100), tmp_path / "champion", epochs=4)
    from_base = trained(tiny_encoder, range(100, 116), tmp_path / "base")
    start = tmp_path / "champion/model"
    from_champion = trained(tiny_encoder, range(100, 116), tmp_path / "one", start)
    trained(tiny_encoder, range(100, 116), tmp_path / "two", start)
    assert sha256_folder(tmp_path / "one/model") == sha256_folder(tmp_path / "two/model")
    assert sha256_folder(tmp_path / "one/model") != sha256_folder(start)
    held_out = rankings(range(300, 400))
    base, champion = (
        accuracy(Scored.of(score_table(model, held_out, "held out")).pairs["margin"])
        for model in (from_base, from_champion)
    )
    assert champion > 0.9
    assert champion > base + 0.1


def test_the_record_holds_what_the_champion_had_seen_too(tmp_path: Path) -> None:
    first = record_of(rankings(range(2)), rankings(range(2, 3)), None)
    again = record_of(rankings(range(1, 3)), rankings(range(3, 4)), first)
    by_split = {
        split: sorted(set(rows["prompt"])) for split, rows in again.groupby("split", sort=True)
    }
    forms = [matching_form(prompt) for prompt in rankings(range(4))["prompt"].unique()]
    assert by_split == {"train": sorted(forms[:3]), "eval": sorted(forms[2:])}
    assert len(again) == 3 * 2 + 2 * 2
    assert again["text"].dtype == np.uint64
    write_table(tmp_path / TRAINED_ON, again)
    pd.testing.assert_frame_equal(read_record(tmp_path), read_table(tmp_path / TRAINED_ON))
    with pytest.raises(RewardGateError, match=r"promote once with train\.start: base"):
        read_record(tmp_path / "other")


def test_a_bundle_binds_its_record(project: Path) -> None:
    bundle = promote("d0")
    assert TRAINED_ON in read_json(bundle / MANIFEST)["files"]
    write_table(bundle / TRAINED_ON, read_record(bundle).iloc[:1])
    with pytest.raises(RewardGateError, match=r"reports/trained_on.parquet: altered"):
        found("d1")


def test_a_leak_is_counted_for_the_gate_to_block(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(make_scoring_project(tiny_encoder, tiny_encoder, tmp_path / "p"))
    calibrate.main()
    evaluate.main()
    before = read_json("reports/evaluation.json")["leaked_prompts"]
    test, train_set = (read_table(f"data/split/{name}.parquet") for name in ("test", "train"))
    fresh = test.assign(prompt="entirely new " + test["prompt"])
    write_table("data/split/test.parquet", fresh)
    evaluate.main()
    assert read_json("reports/evaluation.json")["leaked_prompts"] == 0 < before
    write_table(TRAINED_ON, record_of(train_set, fresh[fresh["prompt_id"] == "p1"], None))
    evaluate.main()
    assert read_json("reports/evaluation.json")["leaked_prompts"] == 1
