"""Your own expert in ten lines: it replaces the built-in one of its name."""

from shoal import Agent, Context, Outcome, Status, Task, Value


class Parrot:
    name = "text"

    def affordance(self, task: Task, context: Context) -> float:
        return 1.0

    def attempt(self, task: Task, context: Context) -> Outcome:
        answer = Value(f"You said: {task.text}", "model")
        return Outcome(Status.SOLVED, answer, "it was repeated", confidence=1.0)


with Agent(experts=[Parrot()]) as agent:
    run = agent.run("tell me a joke")
    print(run.text)
    print(f"{run.status}: {run.reason}")  # a claim without evidence is never "solved"
