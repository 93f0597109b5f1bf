"""Exact arithmetic over fractions, read by a small parser (no `eval`)."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from fractions import Fraction

from shoal.errors import ToolError

_WORDS = {
    "percent of": "% of",
    "per cent of": "% of",
    "percent": "%",
    "per cent": "%",
    "divided by": "/",
    "multiplied by": "*",
    "plus": "+",
    "minus": "-",
    "times": "*",
    "over": "/",
    "squared": "^2",
    "cubed": "^3",
    "to the power of": "^",
    "square root of": "sqrt",
    "half of": "0.5 of",
    "a quarter of": "0.25 of",
    "quarter of": "0.25 of",
    "sqrt of": "sqrt",
    "double": "2 *",
    "twice": "2 *",
    "triple": "3 *",
    "square root": "sqrt",
    "x": "*",
    "the": "",
}
_SYMBOLS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "²": "^2", "³": "^3"})
_TOKEN = re.compile(
    r"\s*(\d{1,3}(?:,\d{3})+(?![\d,])\.?\d*|\d+\.?\d*(?!,\d)|\.\d+(?!,\d)|sqrt|of|\*\*|[-+*/^%()]|$)"
)
_SPOKEN = (
    (re.compile(r"^\s*(?:the sum of|add)\s+(.+?)\s+(?:and|to)\s+(.+)$"), r"(\1) + (\2)"),
    (re.compile(r"^\s*subtract\s+(.+?)\s+from\s+(.+)$"), r"(\2) - (\1)"),
    (re.compile(r"^\s*multiply\s+(.+?)\s+(?:by|with|and)\s+(.+)$"), r"(\1) * (\2)"),
    (re.compile(r"^\s*divide\s+(.+?)\s+by\s+(.+)$"), r"(\1) / (\2)"),
)
_DATE = re.compile(r"\s*\d{4}-\d{1,2}-\d{1,2}\s*")
_MAX_DIGITS = 2000
_MAX_LENGTH = 500


def calculate(expression: str) -> str:
    """Calculates an arithmetic expression exactly: + - * / ^ ( ), sqrt, and percentages.

    Args:
        expression: For example "17.5 % of 240", "(3 + 4) * 5" or "2^10".
    """
    if len(expression) > _MAX_LENGTH:  # also bounds how deep the parser recurses
        raise ToolError("cannot calculate that", f"it is longer than {_MAX_LENGTH} characters")
    tokens = _tokens(expression)
    if len(tokens) < 2 or _DATE.fullmatch(expression):
        raise ToolError(f"there is nothing to calculate in {expression!r}")
    parser = _Parser(tokens)
    value = parser.sum()
    if parser.peek() != "":
        raise ToolError(
            f"cannot calculate {expression!r}", f"{parser.peek()!r} was not expected there"
        )
    return f"{expression.strip()} = {_show(value)}"


def _tokens(expression: str) -> list[str]:
    text = expression.lower().translate(_SYMBOLS).rstrip("=?. ")
    for pattern, written in _SPOKEN:
        text = pattern.sub(written, text)
    for word, symbol in _WORDS.items():
        text = re.sub(rf"\b{word}\b", f" {symbol} ", text)
    tokens, position = [], 0
    text = text.strip().rstrip("=?. ")
    while position < len(text):
        match = _TOKEN.match(text, position)
        if not match or match.end() == position:
            hint = "Decimals take a point" if "," in expression else ""
            word = text[position:].split()[0]
            raise ToolError(f"cannot calculate {expression!r}", f"{word!r} is no number", hint)
        tokens.append(match[1])
        position = match.end()
    return [token for token in tokens if token]


class _Parser:
    """Recursive descent: sum -> product -> sign -> power -> atom."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens, self._next = tokens, 0

    def peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self._next += 1
        return token

    def sum(self) -> Fraction:
        value = self.product()
        while self.peek() in ("+", "-"):
            adding = self.take() == "+"
            amount = self.product(base=value)
            value = value + amount if adding else value - amount
        return value

    def product(self, base: Fraction | None = None) -> Fraction:
        value = self.signed(base)
        while self.peek() in ("*", "/", "of"):
            operator, right = self.take(), self.signed()
            if operator == "/" and right == 0:
                raise ToolError("cannot divide by zero")
            value = value / right if operator == "/" else value * right
        return value

    def signed(self, base: Fraction | None = None) -> Fraction:
        if self.peek() in ("-", "+"):
            return -self.signed() if self.take() == "-" else self.signed()
        return self.power(base)

    def power(self, base: Fraction | None = None) -> Fraction:
        value = self.atom()
        if self.peek() in ("^", "**"):
            self.take()
            value = _power(value, self.signed())
        if self.peek() == "%":
            self.take()
            # "200 + 10 %" adds a tenth of 200, as on every pocket calculator.
            of_base = base is not None and self.peek() != "of"
            value = value / 100 * (base if of_base and base is not None else 1)
        return value

    def atom(self) -> Fraction:
        token = self.take()
        if token == "sqrt":
            return _root(self.atom())
        if token == "(":
            return self._nested()
        if not re.match(r"[\d.]", token):
            raise ToolError(
                "cannot calculate that", f"a number was expected, not {token or 'the end'}"
            )
        return Fraction(token.replace(",", ""))

    def _nested(self) -> Fraction:
        value = self.sum()
        if self.take() != ")":
            raise ToolError("cannot calculate that", "a closing parenthesis is missing")
        return value


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1:
        raise ToolError("cannot calculate that", "only whole exponents are exact")
    digits = math.log10(max(abs(base.numerator), base.denominator, 1)) * abs(exponent.numerator)
    if digits > _MAX_DIGITS:
        raise ToolError("cannot calculate that", f"it has over {_MAX_DIGITS} digits")
    if base == 0 and exponent < 0:
        raise ToolError("cannot divide by zero")
    return Fraction(base**exponent.numerator)


def _root(value: Fraction) -> Fraction:
    if value < 0:
        raise ToolError("cannot calculate that", "the square root of a negative number")
    top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
    if top * top == value.numerator and bottom * bottom == value.denominator:
        return Fraction(top, bottom)
    return Fraction((Decimal(value.numerator) / Decimal(value.denominator)).sqrt())


def _show(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    odd = value.denominator
    for factor in (2, 5):
        while odd % factor == 0:
            odd //= factor
    if odd == 1 and value.denominator < 10**12:  # a finite decimal: show it whole
        return format(Decimal(value.numerator) / Decimal(value.denominator), "f")
    return f"{float(value):.10g} (rounded)"
