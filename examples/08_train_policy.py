"""Trains a small policy for real (about half a minute), saves it and runs it."""

from shoal.envs import make
from shoal.modalities.policy import Policy, TrainSettings, evaluate, train

settings = TrainSettings(name="cartpole", steps=12_000, episodes=20, checks=2, quiet=True)
folder = train("CartPole-v1", make_env=make, settings=settings)
policy = Policy.load(folder)
scores = evaluate(policy, "CartPole-v1", make, episodes=20)
print(f"mean return {scores.mean_return:.0f} of 500 over {scores.episodes} unseen episodes")
print((folder / "card.md").read_text())
