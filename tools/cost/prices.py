"""The table of prices, prices.json: each with its unit, AWS's page about it and where and when it was read."""

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from cost.problem import Problem

TABLE = Path(__file__).with_name("prices.json")


@dataclass(frozen=True)
class Tier:
    """What a unit costs up to a quantity in a month; the last tier has no end."""

    up_to: Decimal | None
    value: Decimal


@dataclass(frozen=True)
class Price:
    """The price of one thing, in tiers of the quantity in a month."""

    tiers: tuple[Tier, ...]
    unit: str
    page: str
    sources: tuple[tuple[str, str], ...]
    """Where it was read, and when that was written."""
    read: date | None = None
    """The day on which it was read, if not with the others."""

    def of(self, quantity: Decimal) -> Decimal:
        """What this much of it costs in a month."""
        if quantity < 0:
            raise ValueError(f"a quantity of {quantity}")
        total, below = Decimal(0), Decimal(0)
        for tier in self.tiers:
            end = quantity if tier.up_to is None else min(quantity, tier.up_to)
            total += max(end - below, Decimal(0)) * tier.value
            below = end
        return total


@dataclass(frozen=True)
class Prices:
    """All prices, of one region, as they were on one day."""

    region: str
    collected: date
    note: str
    of: dict[str, Price]

    def cost(self, name: str, quantity: Decimal | int) -> Decimal:
        """What this much costs in a month; prices are named as in the table."""
        if name not in self.of:
            raise Problem(f"{TABLE.name} has no price called {name}.")
        return self.of[name].of(Decimal(quantity))


def load(path: Path = TABLE) -> Prices:
    """Reads the table. A price without a source or a page is none."""
    table = json.loads(path.read_text())
    prices = {name: read_price(name, price) for name, price in table["prices"].items()}
    return Prices(table["region"], date.fromisoformat(table["collected"]), table["note"], prices)


def read_price(name: str, price: dict[str, Any]) -> Price:
    """One entry of the table."""
    if not price.get("page", "").startswith("https://") or not price.get("sources"):
        raise Problem(f"The price {name} does not say where it is from.")
    tiers = price.get("tiers") or [{"up_to": None, "value": price["value"]}]
    read = tuple(Tier(None if tier["up_to"] is None else Decimal(tier["up_to"]), Decimal(tier["value"])) for tier in tiers)
    ends = [tier.up_to for tier in read]
    if None in ends[:-1] or ends[-1] is not None or ends[:-1] != sorted(ends[:-1]):
        raise Problem(f"The tiers of the price {name} do not ascend to one without an end.")
    sources = tuple((source["where"], source["date"]) for source in price["sources"])
    return Price(read, price["unit"], price["page"], sources, date.fromisoformat(price["read"]) if "read" in price else None)
