"""Forms kept apart for the figures: other layouts and labels than those developed on."""

from __future__ import annotations

import random

from forms import (
    CITIES,
    EVENTS,
    FIRMS,
    PEOPLE,
    ROLES,
    Form,
    Pen,
    basket_of,
    day_of,
    in_words,
    items,
    props,
)


def bill(draw: random.Random, face: str) -> Form:
    """An invoice with labels over values, an unruled table and sums under it."""
    pen, day, due, basket = Pen((1100, 1000), face, 21), day_of(draw), day_of(draw), basket_of(draw)
    firm, who, number = draw.choice(FIRMS), draw.choice(PEOPLE), f"{draw.randrange(20000, 99999)}"
    net = round(sum(n * p for _, n, p in basket), 2)
    vat = round(net * 0.2, 2)
    pen.text(1040, 40, "Tax invoice", 1.6, right=True)
    pen.text(60, 50, firm, 1.2)
    for x, label, words in (
        (60, "Invoice number", number), (360, "Invoice date", day.strftime("%d/%m/%Y")),
        (640, "Payment due", due.strftime("%d/%m/%Y")),
        (900, "Account", f"C-{draw.randrange(100, 999)}"),
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


def slip(draw: random.Random, face: str) -> Form:
    """A receipt in continental figures, with leaders."""
    pen, day, basket = Pen((620, 900), face, 21), day_of(draw), basket_of(draw)
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


def card(draw: random.Random, face: str) -> Form:
    """A staff card with labels over values and a name among them."""
    pen, who, firm = Pen((700, 460), face, 22), draw.choice(PEOPLE), draw.choice(FIRMS)
    role, day = draw.choice(ROLES), day_of(draw)
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


def train(draw: random.Random, face: str) -> Form:
    """A railway ticket, labels left of values without colons."""
    pen, day, who = Pen((900, 520), face, 22), day_of(draw), draw.choice(PEOPLE)
    start, end = draw.sample(CITIES, 2)
    leaves = f"{draw.randrange(5, 12):02}:{draw.randrange(10, 59)}"
    arrives = f"{draw.randrange(13, 23)}:{draw.randrange(10, 59)}"
    coach, seat, price = (
        draw.randrange(1, 14),
        draw.randrange(1, 90),
        draw.randrange(900, 19000) / 100,
    )
    pen.text(60, 30, "RAIL TICKET", 1.5)
    for n, (label, words) in enumerate(
        [("From", start), ("To", end), ("Departure", leaves), ("Arrival", arrives),
         ("Travel date", f"{day:%A}, {in_words(day)}"), ("Traveller", who)]
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


def entry(draw: random.Random, face: str) -> Form:
    """An event's ticket in a frame, values behind dashes of space on the right."""
    pen, day, event = Pen((900, 480), face, 22), day_of(draw), draw.choice(EVENTS)
    row, seat = draw.choice("ABCDEFGHK"), draw.randrange(1, 60)
    price, doors = draw.randrange(10, 90), f"{draw.randrange(17, 21)}:{draw.choice(['00', '30'])}"
    number = f"T{draw.randrange(100000, 999999)}"
    pen.draw.rectangle((20, 20, 880, 460), outline="black", width=3)
    pen.text(60, 60, event, 1.8)
    pen.text(60, 130, f"{day:%A}, {in_words(day)}")
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


def sheet(draw: random.Random, face: str) -> Form:
    """A registration form: a ruled table of labels and values."""
    pen, born = Pen((900, 620), face, 22), day_of(draw).replace(year=draw.randrange(1950, 2005))
    who = draw.choice(PEOPLE)
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


LAYOUTS = (bill, slip, card, train, entry, sheet)
