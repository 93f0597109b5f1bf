"""`shoal train` and `shoal eval`."""

from __future__ import annotations

import json as jsonlib
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from shoal.agents.cli.acting import WHOLE, score_whole
from shoal.agents.cli.options import OUTPUT, ROWS, LabelColumn, Resume, TextColumn, option
from shoal.agents.cli.show import console, errors, print_json, print_saved
from shoal.agents.cli.tasks import Json
from shoal.agents.cli.teach import score_pictures
from shoal.agents.cli.tune import score
from shoal.errors import UsageError

EnvId = Annotated[str, typer.Argument(help="A gymnasium env id, such as CartPole-v1.")]
Pairs = Annotated[
    list[str] | None, typer.Option("--set", help="A hyperparameter, as learning_rate=0.001.")
]
EnvOptions = Annotated[
    list[str] | None, typer.Option("--option", help="Of the env itself, as num_dists=8.")
]


def train(
    env: EnvId,
    observation: Annotated[
        str,
        typer.Option(
            help="native, symbolic, goal, goal_map, goal_mask, pixels, pixel_map or text."
        ),
    ] = "native",
    algo: Annotated[
        str,
        typer.Option(
            help="ppo, maskable, a2c, dqn, sac, td3, ddpg or recurrent; by default what suits."
        ),
    ] = "",
    steps: Annotated[int | None, typer.Option(help="Env steps to train for.")] = None,
    n_envs: Annotated[int | None, typer.Option(help="Envs side by side.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same weights.")] = 0,
    target: Annotated[float | None, typer.Option(help="Stop at this success rate.")] = None,
    target_return: Annotated[
        float | None, typer.Option(help="Stop at this mean return, where success is unknown.")
    ] = None,
    episodes: Annotated[int, typer.Option(help="Episodes of the final evaluation.")] = 500,
    checks: Annotated[int, typer.Option(help="Validations on the way; the best is kept.")] = 10,
    validation: Annotated[int | None, typer.Option(help="Episodes of each of them.")] = None,
    name: Annotated[str, typer.Option(help="What to call the policy.")] = "",
    out: Annotated[Path | None, typer.Option(help="Folder to save to.")] = None,
    set_: Pairs = None,
    option_: EnvOptions = None,
    shaping: Annotated[
        float | None, typer.Option(help="Reward in training for coming nearer (goal_map).")
    ] = None,
    teacher: Annotated[
        str,
        typer.Option(
            help="Learn from a saved policy, by its name, or from the language model: text."
        ),
    ] = "",
    rounds: Annotated[int, typer.Option(help="Times that the teacher is learnt from.")] = 10,
    anneal: Annotated[
        float,
        typer.Option(help="The teacher acts on this share of steps, to the power of the round."),
    ] = 0.6,
    hyperparams: Annotated[
        Path | None, typer.Option(help="A YAML file in rl-zoo3's format; --set comes before it.")
    ] = None,
    workers: Annotated[
        str, typer.Option(help="Where envs run: processes, one, or auto, which measures both.")
    ] = "auto",
    checkpoint_every: Annotated[
        int | None, typer.Option(help="Env steps between checkpoints, where episodes begin anew.")
    ] = None,
    resume: Resume = False,
    pictures: Annotated[bool, typer.Option(help="A learning curve, and a GIF of an episode.")] = (
        True
    ),
    quiet: Annotated[bool, typer.Option(help="No progress bar.")] = False,
    json: Json = False,
) -> None:
    """Train a policy in an env; Ctrl-C saves what was learnt so far, --resume goes on."""
    from shoal.agents.acting import teaching
    from shoal.envs import make, make_vec
    from shoal.envs.vector import has_batch
    from shoal.modalities import policy

    settings = policy.TrainSettings(
        observation=observation, name=name, out=out, algo=algo, steps=steps, n_envs=n_envs,
        seed=seed, target=target, target_return=target_return, episodes=episodes,
        tune=_pairs(set_ or []), quiet=quiet or json,
        workers=workers, checkpoint_every=checkpoint_every, resume=resume, pictures=pictures,
        hyperparams=hyperparams, checks=checks, validation=validation, shaping=shaping,
        env_options=_pairs(option_ or [], "--option"), teacher=teacher, rounds=rounds,
        anneal=anneal,
    )  # fmt: skip
    # A wrong name fails here, not in the workers.
    make(env, observation=observation, **settings.env_options).close()
    batch = make_vec if has_batch(env, observation) else None
    who = teaching(teacher, env) if teacher else None
    path = policy.train(env, make_env=make, make_vec=batch, settings=settings, teaching=who)
    if json:
        told = ("name", "algo", "env", "observation", "sample", "scores", "training", "versions")
        spec = jsonlib.loads((path / "spec.json").read_text(encoding="utf-8"))
        print_json({"folder": str(path), **{key: spec[key] for key in told}})
    else:
        print_saved(path)


def evaluate(
    name: Annotated[
        str, typer.Argument(help="Name or folder of a policy or classifier; agent; text.")
    ] = "",
    policy_: Annotated[str, typer.Option("--policy", help="The same, by its name.")] = "",
    env: Annotated[str | None, typer.Option(help="An env; otherwise the trained one.")] = None,
    episodes: Annotated[int, typer.Option(min=1, help="One seed each.")] = 100,
    seed: Annotated[int | None, typer.Option(help="First seed; by default unseen ones.")] = None,
    option_: EnvOptions = None,
    on: Annotated[
        Path | None,
        option(ROWS, "Score a classifier on this file, or on a folder of class folders."),
    ] = None,
    oos: Annotated[
        Path | None, option(ROWS, "A file of out-of-scope texts, or a folder of such images.")
    ] = None,
    text_column: TextColumn = "",
    label_column: LabelColumn = "",
    out: Annotated[
        Path | None,
        option(OUTPUT, "Of images: a folder for the confusion matrix and the wrong ones."),
    ] = None,
    json: Json = False,
) -> None:
    """Play a policy on unseen seeds, or score a classifier, with a 95 % interval.

    "agent" plays the whole graph, "text" the language model alone, constrained to the
    legal actions.
    """
    name = name or policy_
    if not name:
        raise UsageError("nothing to evaluate", "no policy is named", "Type: shoal eval goto")
    from shoal.modalities.policy.evaluation import TEST_SEED

    first, options = TEST_SEED if seed is None else seed, _pairs(option_ or [], "--option")
    if name in WHOLE:
        score_whole(name, env, episodes, first, json, options)
        return
    from shoal.modalities.vision.teach import is_pictures, is_taught

    if on is not None and is_pictures(on):
        score_pictures(name, on, oos, out, json)
        return
    if is_taught(name):
        raise UsageError(
            f"{name} is a classifier of images",
            "there are no images to score it on" if on is None else f"{on} holds none",
            f"Type: shoal eval {name} --on FOLDER",
        )
    if on is not None:
        score(name, on, oos, text_column, label_column, json)
        return
    from shoal.envs import make
    from shoal.modalities import policy
    from shoal.modalities.policy.card import scores_line

    chosen = policy.Policy.load(name)
    with Progress(console=errors, transient=True) as bar:
        task = bar.add_task("playing", total=episodes)
        scores = policy.evaluate(
            chosen, env or chosen.spec.env, partial(make, **options), episodes, first,
            done=lambda: bar.advance(task),
        )  # fmt: skip
    if json:
        print_json(scores.model_dump())
    else:
        console.print(scores_line(scores), highlight=False)


def _pairs(texts: list[str], typed: str = "--set") -> dict[str, Any]:
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"{typed} {text} has no value", fix=f"For example: {typed} {text}=1")
        try:
            pairs[name] = jsonlib.loads(value)
        except ValueError:
            pairs[name] = value
    return pairs
