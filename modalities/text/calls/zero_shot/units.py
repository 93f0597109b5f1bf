"""What units measure, in words."""

from __future__ import annotations

from shoal.modalities.text.calls.quantities import listed

_UNITS = {
    "$ € £ dollar dollars euro euros pound yen cents usd eur": "price amount cost money value",
    "% percent": "rate percent percentage fraction",
    "kg kilo kilos kilogram kilograms g grams lbs tons pounds": "weight mass kilograms kg",
    "km m cm mm metre metres meter meters kilometres miles feet inches": "distance length size",
    "m/s km/h mph kph": "speed velocity",
    "hz khz mhz hertz": "frequency hertz",
    "v volt volts": "voltage volts",
    "amp amps amperes": "current amperes",
    "w watt watts kw": "power watts",
    "ohm ohms": "resistance",
    "j joules kj": "energy",
    "n newton newtons": "force",
    "° degree degrees celsius fahrenheit": "temperature angle degrees",
    "year years month months week weeks day days": "time duration term period",
    "hour hours minute minutes second seconds": "time duration",
    "people persons guests adults diners": "party people number guests size",
    "times": "number count",
    "l litre litres liter liters ml gallons": "volume litres",
}
UNITS = {unit: listed(what) for units, what in _UNITS.items() for unit in listed(units)}
"""A unit -> words for what it measures."""
