"""Your own tool: a typed function, what it does to the world, and an example or two."""

from shoal import Agent
from shoal.agents import as_tool

STOCK = {"apples": 12, "pears": 0}


def count_stock(item: str) -> str:
    """Tells how many pieces of an item are in stock.

    Args:
        item: The item's name, such as "apples".
    """
    return f"{STOCK.get(item, 0)} {item} in stock"


def order(item: str) -> str:
    """Orders an item from the supplier.

    Args:
        item: The item's name.
    """
    return f"ordered {item}"


TOOLS = [
    as_tool(
        count_stock,
        side_effects="none",
        examples=[("how many plums are in stock?", {"item": "plums"})],
    ),
    as_tool(order, side_effects="irreversible", examples=[("order plums", {"item": "plums"})]),
]

with Agent(tools=TOOLS) as agent:
    print(agent.run("how many apples are in stock?").text)
