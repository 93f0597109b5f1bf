"""A question that needs a tool: a 135M language model fills in the call, exactly."""

from shoal import Agent

with Agent() as agent:
    for question in ("what is 17.5 % of 240?", "how many days until 24 December?"):
        run = agent.run(question)
        print(f"{run.text}  [{run.status}, {run.expert}, {run.cost.seconds:.2f} s]")
        for step in run.steps:
            print(f"   {step.kind} {step.name} {dict(step.arguments)}")
