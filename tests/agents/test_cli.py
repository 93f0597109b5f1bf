"""The command line in real processes: output, exit codes, JSON."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.commands import shoal, typed

ASSETS = Path(__file__).parents[2] / "agents" / "demo" / "assets"


def test_run_solves_and_exits_0() -> None:
    done = shoal("run", "what is 17.5 % of 240?")
    assert done.returncode == 0, done.stderr
    assert "42" in done.stdout
    assert "solved" in done.stdout
    assert "calculate" in done.stdout


def test_json_is_one_document() -> None:
    done = shoal("run", "what is 12 * 12?", "--json")
    run = json.loads(done.stdout)
    assert run["status"] == "solved"
    assert "144" in run["answer"]["text"]
    assert run["answer"]["provenance"] == "tool"
    assert 0 <= run["confidence"] <= 1


def test_the_task_can_come_from_standard_input() -> None:
    done = shoal("run", "-", "--json", input="what is 9 * 9?")
    assert "81" in json.loads(done.stdout)["answer"]["text"]


def test_unsure_exits_1_and_wrong_use_exits_2(tmp_path: Path) -> None:
    assert shoal("run", "asdf qwer").returncode == 1
    assert shoal("run", "").returncode == 2
    assert shoal("run").returncode == 2
    missing = shoal("run", "what is this?", "--image", str(tmp_path / "no.png"))
    assert missing.returncode == 2
    assert "no.png" in missing.stderr
    env = shoal("run", "go to the red ball", "--env", "BabyAI-GoToLocl-v0")
    assert env.returncode == 2
    assert "did you mean" in env.stderr
    wrong = shoal("run", "what is 2 + 2?", "--model", "smollm")
    assert wrong.returncode == 2
    assert "did you mean 'smollm2-135m'" in wrong.stderr
    model = shoal("models", "verify", "smolm2")
    assert model.returncode == 2
    assert "smollm2-135m" in model.stderr


def test_models() -> None:
    listed = json.loads(shoal("models", "--json").stdout)
    assert {row["name"] for row in listed} >= {"smollm2-135m", "minilm-l6", "efficientnet-lite0"}
    assert all(row["path"] for row in listed if not row["optional"])
    assert "matches" in shoal("models", "verify").stdout
    assert shoal("models", "where", "efficientnet-lite0").stdout.strip().endswith(".pth")


def test_memory_list_search_forget_export(tmp_path: Path) -> None:
    assert shoal("run", "remember that my bike is blue").returncode == 0
    found = json.loads(shoal("memory", "search", "bicycle", "--json").stdout)
    assert "bike is blue" in found[0]["text"]
    assert found[0]["provenance"] == "user"
    target = tmp_path / "all.jsonl"
    assert shoal("memory", "export", "--to", str(target)).returncode == 0
    kinds = [json.loads(line)["kind"] for line in target.read_text().splitlines()]
    assert kinds == ["text", "run"]
    assert shoal("memory", "forget", found[0]["key"]).returncode == 0
    assert json.loads(shoal("memory", "list", "--json").stdout) == []
    assert shoal("memory", "forget", "nothing").returncode == 2


def test_doctor_finds_everything() -> None:
    done = shoal("doctor", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0, report["missing"]
    assert report["missing"] == []
    assert report["models"]["smollm2-135m"].endswith(".gguf")


def test_doctor_names_what_is_missing(home: Path) -> None:
    (home / "data").mkdir(exist_ok=True)
    (home / "data" / "models.toml").write_text('[gone]\nrole = "text"\npath = "/nowhere"\n')
    done = shoal("doctor")
    assert done.returncode == 1
    assert "shoal models pull gone" in done.stdout


def test_draw(tmp_path: Path) -> None:
    assert "route" in shoal("draw").stdout
    assert shoal("draw", "--to", str(tmp_path / "g.png")).returncode == 0
    assert (tmp_path / "g.png").read_bytes().startswith(b"\x89PNG")


def test_eval_plays_the_shipped_policy() -> None:
    done = shoal("eval", "goto", "--episodes", "20", "--json")
    scores = json.loads(done.stdout)
    assert scores["episodes"] == 20
    assert scores["successes"] >= 17


def test_eval_hands_options_to_the_env() -> None:
    """In a room of 5 x 5 cells it takes fewer steps than in the one of 8 x 8."""
    steps = [
        json.loads(typed(f"shoal eval goto --episodes 20 --json {more}").stdout)["mean_steps"]
        for more in ("", "--option room_size=5 --option num_dists=2")
    ]
    assert steps[1] < steps[0]
    wrong = typed("shoal eval goto --episodes 1 --option nosuch=1")
    assert "cannot be made with ['nosuch']" in str(wrong.exception)
    whole = typed("shoal eval text --env shoal/ToolUse-v0 --option nosuch=1")
    assert "cannot be made with ['nosuch']" in str(whole.exception)


def test_envs_tells_what_can_be_made() -> None:
    told = {each["id"]: each for each in json.loads(typed("shoal envs --json").stdout)}
    assert told["CartPole-v1"]["observations"] == ["native"]
    assert {"goal_map", "pixels"} <= set(told["BabyAI-GoToLocal-v0"]["observations"])
    assert told["shoal/ToolUse-v0"]["package"] == "shoal"
    assert not told["HalfCheetah-v3"]["installed"]
    assert "gymnasium-robotics" in told["HalfCheetah-v3"]["missing"]
    listed = typed("shoal envs HalfCheetah-v").stdout
    assert "2 more can't be: The mujoco v2 and v3" in " ".join(listed.split())
    (one,) = json.loads(typed("shoal envs CartPole-v1 --json").stdout)
    assert (one["max_steps"], one["action_space"]) == (500, "Discrete(2)")
    assert "did you mean" in str(typed("shoal envs CartPoel-v1").exception)


def test_route_tells_commands_from_tasks() -> None:
    assert "Type: shoal report" in str(typed("shoal route report").exception)
    assert "did you mean 'train'" in str(typed("shoal route trian").exception)
    unquoted = str(typed("shoal route go to the ball").exception)
    assert "shoal route show 'go to the ball'" in unquoted
    told = [
        json.loads(typed(f"shoal route {words}").stdout)["expert"]
        for words in ("--json 'what is 2 + 2?'", "'what is 2 + 2?' --json", "show --json hello")
    ]
    assert told[:2] == ["text", "text"]


def test_train_saves_what_it_learnt_when_interrupted(home: Path) -> None:
    command = [sys.executable, "-m", "shoal.agents.cli", "train", "CartPole-v1"]
    command += ["--name", "short", "--steps", "5000000", "--n-envs", "1"]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while psutil.Process(worker.pid).cpu_times().user < 10 and time.monotonic() < deadline:
        time.sleep(0.1)  # its imports take about 5 s of that, then it trains
    worker.send_signal(signal.SIGINT)
    out, error = worker.communicate(timeout=120)
    assert (home / "data" / "policies" / "short" / "policy.safetensors").exists(), out + error


def test_chat_answers_and_ends_with_the_input() -> None:
    done = shoal("chat", input="what is 3 * 4?\n\n")
    assert done.returncode == 0
    assert "12" in done.stdout


def test_the_tour_solves_every_stop_and_leaves_nothing_elsewhere(tmp_path: Path) -> None:
    user = tmp_path / "user"
    user.mkdir()
    done = shoal("demo", "--json", env={**os.environ, "HOME": str(user)})
    runs = json.loads(done.stdout)
    assert [run["status"] for run in runs] == ["solved"] * 6, done.stdout
    experts = [run["expert"] for run in runs]
    assert experts == ["text", "text", "vision", "vision", "policy", "text"]
    assert "cat" in runs[-1]["answer"]["text"]
    assert "red ball" in runs[-1]["answer"]["text"]
    assert done.returncode == 0
    assert list(user.rglob("*")) == []


@pytest.mark.parametrize("command", ["run", "chat", "demo", "train", "eval", "models", "draw"])
def test_every_command_explains_itself(command: str) -> None:
    done = shoal(command, "--help", env={**os.environ, "COLUMNS": "100"})
    assert done.returncode == 0
    assert "Usage" in done.stdout
