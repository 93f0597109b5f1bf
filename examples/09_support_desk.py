"""A support desk: a classifier tuned here says what is wanted, a tool does it, a reply says so."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from shoal.modalities.text import ChatShoal
from shoal.modalities.text.tune import Classifier, TuneSettings, read_rows, tune_classifier

REQUESTS = Path(__file__).parent / "data" / "support_requests.csv"
ORDERS = {5093: "on its way, due on Tuesday", 7311: "being packed", 2648: "delivered on Friday"}


def track_order(order: int) -> str:
    """Tells where an order is.

    Args:
        order: The order's number.
    """
    return f"Your order {order} is {ORDERS[order]}."


def refund_order(order: int) -> str:
    """Pays an order back.

    Args:
        order: The order's number.
    """
    if "delivered" not in ORDERS[order]:
        return f"Order {order} is {ORDERS[order]}; we pay back as soon as it has been returned."
    return f"We have sent you the money for order {order}; it takes three days."


def cancel_order(order: int) -> str:
    """Cancels an order that has not left yet.

    Args:
        order: The order's number.
    """
    if ORDERS[order] != "being packed":
        return f"Order {order} is {ORDERS[order]}; it is too late to cancel it."
    return f"Order {order} is cancelled, and nothing will be charged."


TOOLS: dict[str, Callable[[int], str]] = {
    "order status": track_order, "refund": refund_order, "cancel": cancel_order,
}  # fmt: skip
INBOX = [
    "Hello, could you tell me where order 5093 is?",
    "Order 2648 came in pieces. I'd like my money back.",
    "Please cancel order 7311, I found it cheaper elsewhere.",
    "What time do you close on Sundays?",
    "Can you cancel order 4000 for me?",
    "Who was the first person on the moon?",
]


def reply(message: str, classifier: Classifier, chat: ChatShoal) -> str:
    """Answers one message; what it cannot do, it hands to a person."""
    said = classifier.predict([message])[0]
    print(f"  wants: {said.label or 'none of what it knows'}")
    if said.label == "opening hours":
        return "We are open from 9:00 to 18:00, Monday to Saturday."
    if said.label is None:
        return "I pass this on to a colleague."
    tool = TOOLS[said.label]
    called = chat.bind_tools([tool], tool_choice=tool.__name__).invoke(message).tool_calls
    order = called[0]["args"].get("order") if called else None
    print(f"  calls: {tool.__name__}(order={order})")
    return tool(order) if order in ORDERS else f"I find no order {order}. Is the number right?"


with tempfile.TemporaryDirectory() as folder:
    # A quarter of the few rows is held out: they decide what is none of the four.
    settings = TuneSettings("support", "frozen", held_out=0.25, quiet=True, out=Path(folder) / "s")
    desk = Classifier.load(tune_classifier(read_rows(REQUESTS), settings))
    for mail in INBOX:
        print(mail)
        print(f"  reply: {reply(mail, desk, ChatShoal())}\n")
