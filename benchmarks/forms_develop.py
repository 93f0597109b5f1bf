"""Forms that the extraction was developed on."""

from __future__ import annotations

import random

from forms import (
    CITIES,
    FIRMS,
    PEOPLE,
    STREETS,
    Form,
    Pen,
    basket_of,
    day_of,
    in_words,
    items,
    props,
)


def invoice(draw: random.Random, face: str) -> Form:
    """Labels with colons over a ruled table, the sum under it."""
    pen, day, basket = Pen((1000, 900), face, 22), day_of(draw), basket_of(draw)
    firm, who, number = draw.choice(FIRMS), draw.choice(PEOPLE), f"INV-{draw.randrange(1000, 9999)}"
    total = sum(n * p for _, n, p in basket)
    pen.text(60, 40, firm, 1.6)
    for row, words in enumerate(
        [f"Invoice No: {number}", f"Date: {in_words(day)}", f"Customer: {who}"]
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
    """A till's slip in one width of letters."""
    basket, day, pen = basket_of(draw), day_of(draw), Pen((560, 900), "DejaVuSansMono", 20)
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
    """A large name over labels with colons."""
    pen, who, firm = Pen((640, 420), face, 24), draw.choice(PEOPLE), draw.choice(FIRMS)
    host = draw.choice([p for p in PEOPLE if p != who])
    day, code = day_of(draw), f"B{draw.randrange(100, 999)}"
    pen.text(60, 40, "VISITOR")
    pen.text(60, 90, who, 1.9)
    for row, words in enumerate(
        [f"Company: {firm}", f"Host: {host}", f"Valid until: {in_words(day)}", f"Badge no. {code}"]
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
    """Labels over values, in columns."""
    pen, day, who = Pen((1000, 460), face, 22), day_of(draw), draw.choice(PEOPLE)
    number, gate = (
        f"KL {draw.randrange(100, 1999)}",
        f"{draw.choice('ABCD')}{draw.randrange(1, 60)}",
    )
    seat = f"{draw.randrange(1, 40)}{draw.choice('ABCDEF')}"
    clock = f"{draw.randrange(5, 23):02}:{draw.randrange(0, 60, 5):02}"
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
    for x, label, words in zip(
        xs, ["From", "To", "Date"], [start, end, in_words(day)], strict=False
    ):
        pen.text(x, 310, label, 0.9)
        pen.text(x, 342, words)
    schema = props(passenger="s", flight="s", gate="s", seat="s", boarding_time="t", origin="s",
                   destination="s", date="d", baggage_allowance="s",
                   frequent_flyer_number="s")  # fmt: skip
    truth = {"passenger": who, "flight": number, "gate": gate, "seat": seat,
             "boarding_time": f"{clock}:00", "origin": start, "destination": end,
             "date": day.isoformat()}  # fmt: skip
    asked = {"which seat does the passenger have?": seat, "what is the gate?": gate,
             "what is the baggage allowance?": None}  # fmt: skip
    return Form("flight", pen.sheet, schema, truth, asked)


def order(draw: random.Random, face: str) -> Form:
    """Two columns of labels with values beside them."""
    pen, day, who = Pen((1000, 700), face, 20), day_of(draw), draw.choice(PEOPLE)
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
    """An address on the left, labels and values on the right."""
    pen, day, firm = Pen((1000, 800), face, 22), day_of(draw), draw.choice(FIRMS)
    due, who = day_of(draw), draw.choice(PEOPLE)
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
                   iban="s", discount="n")  # fmt: skip
    truth = {"invoice_number": number, "issue_date": day.isoformat(), "due_date": due.isoformat(),
             "customer": who, "total": total}  # fmt: skip
    asked = {"when is the invoice due?": str(due.day), "what is the grand total?": f"{total:,.2f}",
             "what is the discount?": None}  # fmt: skip
    return Form("statement", pen.sheet, schema, truth, asked)


LAYOUTS = (invoice, receipt, badge, flight, order, statement)
