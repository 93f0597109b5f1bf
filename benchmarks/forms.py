"""Forms drawn for measuring: authored layouts, drawn values, what each field holds or lacks.

`LAYOUTS["develop"]` is what the extraction was developed on, `LAYOUTS["apart"]` is other
layouts with other labels, drawn with other seeds, that figures are reported on.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from PIL import Image, ImageDraw
from pages import FONTS, font, turned, worn

PEOPLE = (
    "Nadia Osei,Liam Berg,Priya Raman,Tomas Novak,Ingrid Falk,Mateo Ruiz,Hana Sato,Owen Clarke,"
    "Leila Haddad,Viktor Petrov,Chloe Martin,Samuel Adeyemi,Elsa Lindqvist,Marco Bianchi"
).split(",")
FIRMS = (
    "Harbour Tools Ltd,North Paper Co,Bakery Lehmann,Alpine Optics,Cedar & Sons,Blue Kite Cafe,"
    "Orchard Books,Ferro Metalworks,Lumen Lighting,Tidewater Supplies"
).split(",")
GOODS = (
    "Cordless drill,Drill bits set,Paper A4 500 sheets,Desk lamp,Work gloves,Rye bread,"
    "Espresso,Apple juice,Notebook,Wall clock,Garden hose,Light bulb E27,Oak shelf,Tea towel"
).split(",")
CITIES = "Lisbon,Osaka,Bergen,Toronto,Vienna,Leeds,Porto,Ghent,Turin,Malmo".split(",")
STREETS = "12 Mill Lane,7 Quay Street,240 Station Road,31 Linden Avenue,5 Castle Hill".split(",")
ROLES = "Engineer,Designer,Journalist,Sales manager,Researcher,Photographer".split(",")
EVENTS = "Jazz Night,Robotics Fair,Chess Open,Book Festival,Ocean Talks".split(",")


@dataclass
class Form:
    """A drawn form, the schema to fill from it, and the truth.

    `truth` holds what stands on it; fields of the schema that are not there are absent.
    `questions` maps a question to the answer that must be in the reply, or None.
    """

    layout: str
    image: Image.Image
    schema: dict[str, Any]
    truth: dict[str, Any]
    questions: dict[str, str | None] = field(default_factory=dict)


class Pen:
    """Draws words in one font on a white sheet."""

    def __init__(self, size: tuple[int, int], face: str, points: int) -> None:
        self.sheet = Image.new("RGB", size, "white")
        self.draw, self.face, self.points = ImageDraw.Draw(self.sheet), face, points

    def text(self, x: int, y: int, words: str, scale: float = 1.0, right: bool = False) -> None:
        face = font(self.face, round(self.points * scale))
        x -= round(self.draw.textlength(words, face)) if right else 0
        self.draw.text((x, y), words, "black", face)

    def grid(self, xs: list[int], y: int, step: int, rows: list[list[str]], right: int = 99) -> int:
        """A ruled table; columns from `right` on are right-aligned. Returns its lower end."""
        for r, row in enumerate(rows):
            self.cells(xs, y + r * step + 8, row, right)
        for r in range(len(rows) + 1):
            self.draw.line((xs[0], y + r * step, xs[-1], y + r * step), "black", 2)
        for x in xs:
            self.draw.line((x, y, x, y + len(rows) * step), "black", 2)
        return y + len(rows) * step

    def cells(self, xs: list[int], y: int, row: list[str], right: int = 99) -> None:
        for c, words in enumerate(row):
            at_right = c >= right
            self.text(xs[c + 1] - 12 if at_right else xs[c] + 12, y, words, right=at_right)


def props(**kinds: str) -> dict[str, Any]:
    """A schema of fields by kind: "s" text, "n" number, "i" integer, "d" date, "b" yes or no."""
    made: dict[str, Any] = {
        "s": {"type": "string"}, "n": {"type": "number"}, "i": {"type": "integer"},
        "d": {"type": "string", "format": "date"}, "b": {"type": "boolean"},
        "t": {"type": "string", "format": "time"},
    }  # fmt: skip
    return {"type": "object", "properties": {name: made[kind] for name, kind in kinds.items()}}


def items(**kinds: str) -> dict[str, Any]:
    """A schema of a list of records."""
    return {"type": "array", "items": props(**kinds)}


def _day(draw: random.Random) -> date:
    return date(draw.randrange(2023, 2028), draw.randrange(1, 13), draw.randrange(1, 29))


def _long(day: date) -> str:
    return f"{day.day} {day:%B} {day.year}"


def _basket(draw: random.Random, least: int = 2) -> list[tuple[str, int, float]]:
    chosen = draw.sample(GOODS, draw.randrange(least, 5))
    return [(g, draw.randrange(1, 9), draw.randrange(150, 9000) / 100) for g in chosen]


def invoice(draw: random.Random, face: str) -> Form:
    pen, day, basket = Pen((1000, 900), face, 22), _day(draw), _basket(draw)
    firm, who, number = draw.choice(FIRMS), draw.choice(PEOPLE), f"INV-{draw.randrange(1000, 9999)}"
    total = sum(n * p for _, n, p in basket)
    pen.text(60, 40, firm, 1.6)
    for row, words in enumerate(
        [f"Invoice No: {number}", f"Date: {_long(day)}", f"Customer: {who}"]
    ):
        pen.text(60, 110 + 38 * row, words)
    rows = [["Item", "Qty", "Unit price", "Amount"]]
    rows += [[g, str(n), f"{p:.2f}", f"{n * p:.2f}"] for g, n, p in basket]
    end = pen.grid([60, 420, 520, 700, 900], 260, 42, rows, 1)
    pen.text(520, end + 30, "Total due:")
    pen.text(888, end + 30, f"{total:.2f} EUR", right=True)
    schema = props(invoice_number="s", date="d", customer="s", vendor="s", total="n",
                   due_date="d", purchase_order="s")  # fmt: skip
    schema["properties"]["items"] = items(item="s", quantity="i", unit_price="n")
    told = [{"item": g, "quantity": n, "unit_price": p} for g, n, p in basket]
    truth = {"invoice_number": number, "date": day.isoformat(), "customer": who, "vendor": firm,
             "total": round(total, 2), "items": told}  # fmt: skip
    asked = {"what is the total on this invoice?": f"{total:.2f}", "who is the customer?": who,
             "what is the IBAN?": None, "what is the invoice number?": number}  # fmt: skip
    return Form("invoice", pen.sheet, schema, truth, asked)


def receipt(draw: random.Random, face: str) -> Form:
    basket, day, pen = _basket(draw), _day(draw), Pen((560, 900), "DejaVuSansMono", 20)
    firm, till = draw.choice(FIRMS), draw.randrange(1, 9)
    total = round(sum(p for _, _, p in basket), 2)
    tax = round(total * 0.07, 2)
    clock = f"{draw.randrange(8, 20):02}:{draw.randrange(60):02}"
    pen.text(40, 40, firm.upper(), 1.4)
    pen.text(40, 90, draw.choice(STREETS))
    pen.text(40, 140, f"{day.isoformat()}   {clock}   Till {till}")
    y = 190
    for goods, _, price in basket:
        pen.text(40, y, goods)
        pen.text(520, y, f"{price:.2f}", right=True)
        y += 32
    for words, value in (("Subtotal", total - tax), ("Tax 7%", tax), ("TOTAL", total)):
        pen.text(40, y + 20, words)
        pen.text(520, y + 20, f"{value:.2f}", right=True)
        y += 32
    pen.text(40, y + 50, "Thank you for your visit")
    schema = props(store="s", date="d", subtotal="n", tax="n", total="n", tip="n", cashier="s")
    truth = {"store": firm.upper(), "date": day.isoformat(), "subtotal": round(total - tax, 2),
             "tax": tax, "total": total}  # fmt: skip
    goods, _, price = basket[0]
    asked = {"what is the total?": f"{total:.2f}", f"how much is the {goods}?": f"{price:.2f}",
             "who was the cashier?": None}  # fmt: skip
    return Form("receipt", pen.sheet, schema, truth, asked)


def badge(draw: random.Random, face: str) -> Form:
    pen, who, firm = Pen((640, 420), face, 24), draw.choice(PEOPLE), draw.choice(FIRMS)
    host = draw.choice([p for p in PEOPLE if p != who])
    day, code = _day(draw), f"B{draw.randrange(100, 999)}"
    pen.text(60, 40, "VISITOR")
    pen.text(60, 90, who, 1.9)
    for row, words in enumerate(
        [f"Company: {firm}", f"Host: {host}", f"Valid until: {_long(day)}", f"Badge no. {code}"]
    ):
        pen.text(60, 180 + 44 * row, words)
    schema = props(visitor_name="s", company="s", host="s", valid_until="d", badge_number="s",
                   phone="s", email="s")  # fmt: skip
    truth = {"visitor_name": who, "company": firm, "host": host, "valid_until": day.isoformat(),
             "badge_number": code}  # fmt: skip
    asked = {"who is the host?": host, "which company is the visitor from?": firm,
             "what is the phone number?": None}  # fmt: skip
    return Form("badge", pen.sheet, schema, truth, asked)


def flight(draw: random.Random, face: str) -> Form:
    pen, day, who = Pen((1000, 460), face, 22), _day(draw), draw.choice(PEOPLE)
    number, gate = (
        f"KL {draw.randrange(100, 1999)}",
        f"{draw.choice('ABCD')}{draw.randrange(1, 60)}",
    )
    seat, clock = f"{draw.randrange(1, 40)}{draw.choice('ABCDEF')}", f"{draw.randrange(5, 23):02}:{draw.randrange(0, 60, 5):02}"  # fmt: skip
    start, end = draw.sample(CITIES, 2)
    pen.text(60, 30, "BOARDING PASS", 1.5)
    pen.text(60, 100, "Passenger")
    pen.text(60, 132, who)
    xs = [60, 300, 500, 700]
    for x, label, words in zip(
        xs, ["Flight", "Gate", "Seat", "Boarding time"], [number, gate, seat, clock], strict=True
    ):
        pen.text(x, 200, label, 0.9)
        pen.text(x, 232, words)
    for x, label, words in zip(xs, ["From", "To", "Date"], [start, end, _long(day)], strict=False):
        pen.text(x, 310, label, 0.9)
        pen.text(x, 342, words)
    schema = props(passenger="s", flight="s", gate="s", seat="s", boarding_time="t", origin="s",
                   destination="s", date="d", baggage_allowance="s", frequent_flyer_number="s")  # fmt: skip
    truth = {"passenger": who, "flight": number, "gate": gate, "seat": seat,
             "boarding_time": f"{clock}:00", "origin": start, "destination": end,
             "date": day.isoformat()}  # fmt: skip
    asked = {"which seat does the passenger have?": seat, "what is the gate?": gate,
             "what is the baggage allowance?": None}  # fmt: skip
    return Form("flight", pen.sheet, schema, truth, asked)


def order(draw: random.Random, face: str) -> Form:
    pen, day, who = Pen((1000, 700), face, 20), _day(draw), draw.choice(PEOPLE)
    number, phone = str(draw.randrange(10000, 99999)), f"+44 20 7946 {draw.randrange(1000, 9999)}"
    city, paid = draw.choice(CITIES), draw.random() < 0.5
    priority = draw.choice(["low", "normal", "high"])
    pen.text(60, 40, "Service order", 1.5)
    left = [
        ("Order number", number),
        ("Name", who),
        ("City", city),
        ("Paid", "Yes" if paid else "No"),
    ]
    right = [("Received", day.strftime("%d.%m.%Y")), ("Phone", phone), ("Priority", priority)]
    for x, column in ((60, left), (520, right)):
        for row, (label, words) in enumerate(column):
            pen.text(x, 130 + 50 * row, label)
            pen.text(x + 230, 130 + 50 * row, words)
    pen.text(60, 380, "Notes")
    pen.text(60, 416, "The lamp in the hall flickers and hums in the evening")
    schema = props(order_number="s", name="s", city="s", paid="b", received="d", phone="s",
                   email="s", technician="s")  # fmt: skip
    schema["properties"]["priority"] = {"enum": ["low", "normal", "high"]}
    truth = {"order_number": number, "name": who, "city": city, "paid": paid,
             "received": day.isoformat(), "phone": phone, "priority": priority}  # fmt: skip
    asked = {"what is the phone number?": phone, "when was the order received?": str(day.year),
             "who is the technician?": None}  # fmt: skip
    return Form("order", pen.sheet, schema, truth, asked)


def statement(draw: random.Random, face: str) -> Form:
    pen, day, firm = Pen((1000, 800), face, 22), _day(draw), draw.choice(FIRMS)
    due, who = _day(draw), draw.choice(PEOPLE)
    street, city = draw.choice(STREETS), draw.choice(CITIES)
    number, total = f"{draw.randrange(100, 999)}/{day.year}", draw.randrange(5000, 400000) / 100
    pen.text(60, 40, "INVOICE", 1.7)
    pen.text(940, 50, firm, right=True)
    pen.text(60, 130, "Bill to")
    for row, words in enumerate([who, street, city]):
        pen.text(60, 165 + 30 * row, words)
    for row, (label, words) in enumerate(
        [
            ("No.", number),
            ("Issued", day.strftime("%b %d, %Y")),
            ("Due date", due.strftime("%b %d, %Y")),
        ]
    ):
        pen.text(560, 130 + 36 * row, label)
        pen.text(940, 130 + 36 * row, words, right=True)
    pen.text(560, 330, "Grand total")
    pen.text(940, 330, f"${total:,.2f}", right=True)
    schema = props(invoice_number="s", issue_date="d", due_date="d", customer="s", total="n",
                   customer_address="s", iban="s", discount="n")  # fmt: skip
    truth = {"invoice_number": number, "issue_date": day.isoformat(), "due_date": due.isoformat(),
             "customer": who, "total": total}  # fmt: skip
    del schema["properties"]["customer_address"]
    asked = {"when is the invoice due?": str(due.day), "what is the grand total?": f"{total:,.2f}",
             "what is the discount?": None}  # fmt: skip
    return Form("statement", pen.sheet, schema, truth, asked)


def bill_apart(draw: random.Random, face: str) -> Form:
    """An invoice with labels over values, an unruled table and sums under it."""
    pen, day, due, basket = Pen((1100, 1000), face, 21), _day(draw), _day(draw), _basket(draw)
    firm, who, number = draw.choice(FIRMS), draw.choice(PEOPLE), f"{draw.randrange(20000, 99999)}"
    net = round(sum(n * p for _, n, p in basket), 2)
    vat = round(net * 0.2, 2)
    pen.text(1040, 40, "Tax invoice", 1.6, right=True)
    pen.text(60, 50, firm, 1.2)
    for x, label, words in (
        (60, "Invoice number", number), (360, "Invoice date", day.strftime("%d/%m/%Y")),
        (640, "Payment due", due.strftime("%d/%m/%Y")), (900, "Account", f"C-{draw.randrange(100, 999)}"),
    ):  # fmt: skip
        pen.text(x, 150, label, 0.85)
        pen.text(x, 182, words)
    pen.text(60, 250, "Billed to:")
    pen.text(60, 284, who)
    xs = [60, 480, 640, 840, 1040]
    pen.cells(xs, 370, ["Description", "Quantity", "Price", "Line total"], 1)
    y = 412
    for goods, n, price in basket:
        pen.cells(xs, y, [goods, str(n), f"{price:,.2f}", f"{n * price:,.2f}"], 1)
        y += 36
    for label, value in (("Net", net), ("VAT 20%", vat), ("Amount payable", net + vat)):
        pen.text(840, y + 30, label, right=True)
        pen.text(1028, y + 30, f"{value:,.2f}", right=True)
        y += 36
    schema = props(invoice_number="s", invoice_date="d", due_date="d", customer="s", subtotal="n",
                   vat="n", total="n", shipping="n", delivery_date="d")  # fmt: skip
    schema["properties"]["lines"] = items(description="s", quantity="i", price="n")
    told = [{"description": g, "quantity": n, "price": p} for g, n, p in basket]
    truth = {"invoice_number": number, "invoice_date": day.isoformat(), "due_date": due.isoformat(),
             "customer": who, "subtotal": net, "vat": vat, "total": round(net + vat, 2),
             "lines": told}  # fmt: skip
    asked = {"how much has to be paid?": f"{net + vat:,.2f}", "what is the invoice number?": number,
             "what is the delivery date?": None}  # fmt: skip
    return Form("bill", pen.sheet, schema, truth, asked)


def slip_apart(draw: random.Random, face: str) -> Form:
    """A receipt in continental figures, with leaders."""
    pen, day, basket = Pen((620, 900), face, 21), _day(draw), _basket(draw)
    firm, server = draw.choice(FIRMS), draw.choice(PEOPLE).split()[0]
    total, table = round(sum(p for _, _, p in basket), 2), draw.randrange(1, 30)
    pen.text(60, 40, firm, 1.5)
    pen.text(60, 100, f"Table {table}    Served by {server}")
    pen.text(
        60, 136, f"Date: {day:%d.%m.%Y}    Time: {draw.randrange(10, 22)}:{draw.randrange(10, 59)}"
    )
    y = 200
    for goods, n, price in basket:
        pen.text(60, y, f"{n} x {goods}")
        pen.text(560, y, f"{price:.2f}".replace(".", ","), right=True)
        y += 34
    cash = 10 * (int(total) // 10 + 1)
    for label, value in (("Sum", total), ("Cash", cash), ("Change", cash - total)):
        pen.text(60, y + 24, f"{label} ............")
        pen.text(560, y + 24, f"EUR {value:.2f}".replace(".", ","), right=True)
        y += 34
    schema = props(restaurant="s", table="i", date="d", cash="n", change="n", server="s", tip="n",
                   card_number="s", phone="s")  # fmt: skip
    truth = {"restaurant": firm, "table": table, "date": day.isoformat(), "cash": float(cash),
             "change": round(cash - total, 2), "server": server}  # fmt: skip
    asked = {"how much change was given?": f"{cash - total:.2f}".replace(".", ","),
             "which table was it?": str(table), "what is the card number?": None}  # fmt: skip
    return Form("slip", pen.sheet, schema, truth, asked)


def pass_apart(draw: random.Random, face: str) -> Form:
    """A staff card with labels over values and a name among them."""
    pen, who, firm = Pen((700, 460), face, 22), draw.choice(PEOPLE), draw.choice(FIRMS)
    role, day = draw.choice(ROLES), _day(draw)
    number, level = f"{draw.randrange(1000, 9999)}-{draw.choice('XYZ')}", draw.randrange(1, 5)
    pen.text(50, 30, firm, 1.3)
    for n, (label, words) in enumerate(
        [("Name", who), ("Job title", role), ("Employee ID", number),
         ("Access level", str(level)), ("Expires", f"{day:%d %b %Y}")]
    ):  # fmt: skip
        x, y = 50 + 330 * (n % 2), 110 + 100 * (n // 2)
        pen.text(x, y, label, 0.8)
        pen.text(x, y + 28, words)
    schema = props(name="s", job_title="s", employee_id="s", access_level="i", expiry_date="d",
                   department="s", blood_group="s", supervisor="s")  # fmt: skip
    truth = {"name": who, "job_title": role, "employee_id": number, "access_level": level,
             "expiry_date": day.isoformat()}  # fmt: skip
    asked = {"what is the employee ID?": number, "when does the card expire?": str(day.year),
             "who is the supervisor?": None}  # fmt: skip
    return Form("pass", pen.sheet, schema, truth, asked)


def train_apart(draw: random.Random, face: str) -> Form:
    """A railway ticket, labels left of values without colons."""
    pen, day, who = Pen((900, 520), face, 22), _day(draw), draw.choice(PEOPLE)
    start, end = draw.sample(CITIES, 2)
    leaves, arrives = f"{draw.randrange(5, 12):02}:{draw.randrange(10, 59)}", f"{draw.randrange(13, 23)}:{draw.randrange(10, 59)}"  # fmt: skip
    coach, seat, price = (
        draw.randrange(1, 14),
        draw.randrange(1, 90),
        draw.randrange(900, 19000) / 100,
    )
    pen.text(60, 30, "RAIL TICKET", 1.5)
    for n, (label, words) in enumerate(
        [("From", start), ("To", end), ("Departure", leaves), ("Arrival", arrives),
         ("Travel date", f"{day:%A}, {_long(day)}"), ("Traveller", who)]
    ):  # fmt: skip
        pen.text(60, 110 + 46 * n, label)
        pen.text(260, 110 + 46 * n, words)
    for n, (label, words) in enumerate(
        [("Coach", str(coach)), ("Seat", str(seat)), ("Price", f"£{price:.2f}")]
    ):
        pen.text(640, 110 + 46 * n, label)
        pen.text(760, 110 + 46 * n, words)
    schema = props(origin="s", destination="s", departure_time="t", arrival_time="t",
                   travel_date="d", passenger="s", coach="i", seat="i", price="n",
                   platform="s", booking_reference="s")  # fmt: skip
    truth = {"origin": start, "destination": end, "departure_time": f"{leaves}:00",
             "arrival_time": f"{arrives}:00", "travel_date": day.isoformat(), "passenger": who,
             "coach": coach, "seat": seat, "price": price}  # fmt: skip
    asked = {"when does the train leave?": leaves, "where does the train go to?": end,
             "what is the platform?": None}  # fmt: skip
    return Form("train", pen.sheet, schema, truth, asked)


def entry_apart(draw: random.Random, face: str) -> Form:
    """An event's ticket in a frame, values behind dashes of space on the right."""
    pen, day, event = Pen((900, 480), face, 22), _day(draw), draw.choice(EVENTS)
    row, seat = draw.choice("ABCDEFGHK"), draw.randrange(1, 60)
    price, doors = draw.randrange(10, 90), f"{draw.randrange(17, 21)}:{draw.choice(['00', '30'])}"
    number = f"T{draw.randrange(100000, 999999)}"
    pen.draw.rectangle((20, 20, 880, 460), outline="black", width=3)
    pen.text(60, 60, event, 1.8)
    pen.text(60, 130, f"{day:%A}, {_long(day)}")
    for n, words in enumerate([f"Doors open: {doors}", f"Venue: {draw.choice(CITIES)} Hall"]):
        pen.text(60, 180 + 40 * n, words)
    for n, (label, words) in enumerate(
        [("Row", row), ("Seat", str(seat)), ("Price", f"{price} EUR")]
    ):
        pen.text(620, 180 + 60 * n, label)
        pen.text(840, 180 + 60 * n, words, right=True)
    pen.text(60, 400, f"Ticket # {number}")
    schema = props(event="s", date="d", doors_open="t", row="s", seat="i", price="n",
                   ticket_number="s", holder="s", organiser="s", age_limit="i")  # fmt: skip
    truth = {"event": event, "date": day.isoformat(), "doors_open": f"{doors}:00", "row": row,
             "seat": seat, "price": float(price), "ticket_number": number}  # fmt: skip
    asked = {"when do the doors open?": doors, "what does it cost?": str(price),
             "who is the organiser?": None}  # fmt: skip
    return Form("entry", pen.sheet, schema, truth, asked)


def sheet_apart(draw: random.Random, face: str) -> Form:
    """A registration form: a ruled table of labels and values."""
    pen, born, who = Pen((900, 620), face, 22), _day(draw).replace(year=draw.randrange(1950, 2005)), draw.choice(PEOPLE)  # fmt: skip
    mail = f"{who.split()[0].lower()}@{draw.choice(['mail', 'post'])}.example"
    phone, member = (
        f"0{draw.randrange(20, 99)} {draw.randrange(100000, 999999)}",
        draw.random() < 0.5,
    )
    plan, guests = draw.choice(["basic", "family", "premium"]), draw.randrange(1, 6)
    pen.text(60, 30, "Registration", 1.6)
    rows = [["Full name", who], ["Date of birth", born.strftime("%d %B %Y")], ["Email", mail],
            ["Telephone", phone], ["Plan", plan.capitalize()], ["Number of guests", str(guests)],
            ["Newsletter", "yes" if member else "no"]]  # fmt: skip
    pen.grid([60, 340, 820], 120, 50, rows)
    schema = props(full_name="s", date_of_birth="d", email="s", phone="s", guests="i",
                   newsletter="b", nationality="s", passport_number="s")  # fmt: skip
    schema["properties"]["plan"] = {"enum": ["basic", "family", "premium"]}
    truth = {"full_name": who, "date_of_birth": born.isoformat(), "email": mail, "phone": phone,
             "plan": plan, "guests": guests, "newsletter": member}  # fmt: skip
    asked = {"what is the email address?": mail, "how many guests are there?": str(guests),
             "what is the passport number?": None}  # fmt: skip
    return Form("sheet", pen.sheet, schema, truth, asked)


LAYOUTS: dict[str, tuple[Callable[[random.Random, str], Form], ...]] = {
    "develop": (invoice, receipt, badge, flight, order, statement),
    "apart": (bill_apart, slip_apart, pass_apart, train_apart, entry_apart, sheet_apart),
}


def forms(split: str, count: int, seed: int) -> list[Form]:
    """Draws forms of a split; every fourth is worn, every fifth a little askew."""
    draw = random.Random(f"{split} {seed}")
    made = []
    for n in range(count):
        form = LAYOUTS[split][n % len(LAYOUTS[split])](draw, draw.choice(FONTS))
        if n % 4 == 3:
            form.image = worn(form.image, n)
        if n % 5 == 4:
            form.image = turned(form.image, draw.uniform(-3, 3))
        made.append(form)
    return made
