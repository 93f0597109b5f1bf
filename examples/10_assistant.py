"""An assistant with a calendar of its own and a memory that outlives it."""

import re
from datetime import date, datetime

from shoal import Agent
from shoal.agents import as_tool
from shoal.errors import ToolError

CALENDAR: dict[date, list[str]] = {
    date(2027, 3, 12): ["09:00 team meeting", "18:30 choir"],
    date(2027, 3, 15): ["08:15 train to Bonn"],
}
ENTRY = re.compile(r"(?:an? )?(?P<title>.+?) (?:on|for) (?P<day>\d+ \w+) at (?P<time>\d\d:\d\d)")


def day_of(text: str) -> date:
    """Reads "12 March" as a day of 2027."""
    try:
        return datetime.strptime(f"{text} 2027", "%d %B %Y").date()
    except ValueError as error:
        raise ToolError(f"{text!r} is no day", "say it as in 12 March") from error


def show_day(day: str) -> str:
    """Lists the appointments of one day in the calendar.

    Args:
        day: The day, such as "12 March".
    """
    return "; ".join(CALENDAR.get(day_of(day), [])) or f"nothing on {day}"


def schedule(entry: str) -> str:
    """Schedules a new appointment.

    Args:
        entry: What, when: "dentist on 12 March at 15:30".
    """
    said = ENTRY.fullmatch(entry.strip())
    if said is None:
        raise ToolError(f"{entry!r} is no entry", "say it as in: dentist on 12 March at 15:30")
    entries = CALENDAR.setdefault(day_of(said["day"]), [])
    taken = [other for other in entries if other.startswith(said["time"])]
    if taken:
        return f"{said['day']} is taken at that time: {taken[0]}"
    entries.append(f"{said['time']} {said['title']}")
    entries.sort()
    return f"{said['title']} is in the calendar: {said['day']}, {said['time']}"


TOOLS = [
    as_tool(show_day, side_effects="none", examples=[
        ("what is in my calendar on 3 May?", {"day": "3 May"}),
        ("do I have any appointments on 21 June?", {"day": "21 June"}),
    ]),
    # A request that begins with a trigger needs no model: its rest is the argument.
    as_tool(schedule, side_effects="reversible", triggers=("schedule", "new appointment:")),
]  # fmt: skip

REQUESTS = [
    "what is in my calendar on 12 March?",
    "schedule a dentist visit on 12 March at 15:30",
    "what is in my calendar on 12 March?",
    "schedule yoga on 15 March at 08:15",
    "what is 15 % of 240?",
    "remember that Nadia is allergic to peanuts",
]

with Agent(tools=TOOLS) as assistant:
    for request in REQUESTS:
        run = assistant.run(request)
        print(f"{request}\n   {run.text}  [{run.status}]")

with Agent(tools=TOOLS) as later:
    print(f"the next day: {later.run('what is Nadia allergic to?').text}")
