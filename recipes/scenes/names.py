"""The words and numbers that stand in scenes."""

from __future__ import annotations

import random
from datetime import date, timedelta

SHOPS = (
    "BAKERY", "BOOKS", "CAFE LUNA", "FLOWERS", "PHARMACY", "HARDWARE", "TEA HOUSE", "BARBER", "TOY BOX", "PIZZERIA",
    "OPTICIAN", "CYCLES", "RECORDS", "FISH MARKET", "TAILOR", "GALLERY", "NOODLE BAR", "HOTEL MIRA", "JUICE BAR",
    "ANTIQUES", "PET SHOP", "GROCER", "BANK", "POST OFFICE",
)  # fmt: skip
STREETS = (
    "Maple Street", "Harbour Road", "Mill Lane", "Station Road", "Queen Street", "Chapel Hill", "Orchard Way",
    "Bridge Street", "Castle Row", "Elm Avenue", "Garden Walk", "Canal Street", "Tower Road", "Windmill Lane",
)  # fmt: skip
STOPS = ("Central", "Airport", "Old Town", "Riverside", "University", "Hospital", "North Gate", "West Park", "Zoo")
COMPANIES = (
    "Northwind Supplies", "Blue Heron Books", "Larkfield Foods", "Summit Tools", "Oak & Iron", "Paper Lantern Ltd",
    "Cedar Valley Farm", "Brightside Electric", "Harbour Coffee", "Granite Works", "Willow Textiles", "Polar Freight",
)  # fmt: skip
PEOPLE = ("A. Lindqvist", "M. Okafor", "J. Tanaka", "S. Moreau", "R. Costa", "E. Novak", "P. Iyer", "L. Brandt")
GOODS = (
    "Desk lamp", "Notebook A5", "Coffee beans 1kg", "Garden hose", "Paint brush", "Wool blanket", "USB cable",
    "Olive oil", "Screwdriver", "Tea towels", "Picture frame", "Wall clock", "Storage box", "Door handle",
    "Light bulb", "Rope 20m", "Hand soap", "Cutting board", "Batteries AA", "Water jug",
)  # fmt: skip
LABELS = (
    "SALT", "SUGAR", "FLOUR", "HONEY", "OATS", "RICE", "COCOA", "MINT", "BASIL", "NUTS", "NAILS", "BOLTS", "SEEDS",
    "PENS", "TAPE", "WIRE", "GLUE", "CHALK", "STAMPS", "KEYS", "COINS", "BEADS", "LENTILS", "PEPPER", "TEA", "YEAST",
)  # fmt: skip
TITLES = (
    "Deep Rivers", "Night Trains", "The Atlas", "Small Gardens", "Salt Roads", "On Clouds", "Winter Birds",
    "Iron Islands", "Paper Boats", "Quiet Maps", "Stone Bread", "Long Tides", "Glass Hills", "Green Fire",
)  # fmt: skip
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def plate(rng: random.Random) -> str:
    """A number plate of no country in particular.

    >>> len(plate(random.Random(0)))
    7
    """
    letters = "ABCDEFGHJKLMNPRSTUVWXYZ"
    return "".join(rng.choices(letters, k=2)) + f" {rng.randint(10, 99)}" + "".join(rng.choices(letters, k=2))


def day(rng: random.Random) -> date:
    """A day from 2015 to 2026."""
    return date(2015, 1, 1) + timedelta(days=rng.randrange(12 * 365))


def written(day: date) -> str:
    """The day as documents print it, whatever the locale.

    >>> written(date(2024, 3, 9))
    '9 Mar 2024'
    """
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"
