"""A trained policy acts in a gymnasium env: the goal comes from the text."""

from shoal import Agent

with Agent() as agent:
    run = agent.run("go to the red ball", env="BabyAI-GoToLocal-v0", seed=3)
    print(f"{run.text}  [{run.status}, {run.cost.env_steps} env steps]")
    print(f"the episode: {run.artifacts['gif']}")
