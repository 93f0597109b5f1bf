"""Your own expert in ten lines: the router sends it what is like its examples."""

from shoal import Agent, Context, Outcome, Status, Task, Value


class Backwards:
    name = "backwards"
    examples = ("spell cat backwards", "write the word house in reverse")

    def affordance(self, task: Task, context: Context) -> float:
        return 1.0

    def attempt(self, task: Task, context: Context) -> Outcome:
        word = max(task.text.split(), key=len)
        answer = Value(word[::-1], "tool")
        return Outcome(Status.SOLVED, answer, "reversed", 1.0, evidence={"verified": True})


with Agent(experts=[Backwards()]) as agent:
    run = agent.run("spell strawberry backwards")
    print(f"{run.text}  [{run.status} by {run.expert}]")
