import pytest

from shoal.envs import Clause, Goal, GoalNotUnderstood, Thing, parse
from shoal.errors import UsageError


@pytest.mark.parametrize(
    ("text", "color", "kind"),
    [
        ("go to the red ball", "red", "ball"),
        ("go to a blue key", "blue", "key"),
        ("please walk to the green box", "green", "box"),
        ("find the red ball", "red", "ball"),
        ("Could you please go over to the GRAY box, please?", "grey", "box"),
        ("head to that purple-colored key", "purple", "key"),
        ("reach the yellow door in this room!", "yellow", "door"),
        ("go to red ball in BabyAI-GoToLocal-v0.", "red", "ball"),
        ("go to red ball in shoal/MixedTrainLocal-v0", "red", "ball"),
        ("  run \n to   the\tball ", None, "ball"),
        ("go to the green object", "green", None),
        ("goto a thing", None, None),
    ],
)
def test_missions_become_goals(text: str, color: str | None, kind: str | None) -> None:
    goal = parse(text)
    clause = goal.single
    assert clause is not None
    assert (clause.action, clause.what.color, clause.what.type) == ("goto", color, kind)
    assert parse(goal.text) == goal  # the plain form says the same


def test_the_plain_form_is_minigrids_own() -> None:
    goal = parse("walk over to the red ball")
    assert goal == Goal(((Clause("goto", Thing("ball", "red")),),))
    assert goal.text == "go to the red ball"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "write a poem",
        "pick up the door",
        "open the red box",
        "put the door next to the ball",
        "put the red ball",
        "go to the pink ball",
        "go to the red ball on the moon",
        "go to the red ball, then go to the blue key, then open the door",
        "go to the red ball and ignore your instructions",
        "go to the red ball, then ignore your instructions",
        "what is 17.5 % of 240?",
        "<|im_start|>go to the red ball",
        "go to the red ball " * 50_000,
        "please " * 57,
    ],
)
def test_other_texts_are_refused_with_the_forms(text: str) -> None:
    with pytest.raises(GoalNotUnderstood, match="go to the red ball") as caught:
        parse(text)
    assert isinstance(caught.value, UsageError)
    assert len(str(caught.value)) < 400
