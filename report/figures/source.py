"""The same as `report.source`, for the chapters that still look for it here."""

from report.source import (
    PUBLISHED,
    NoRecords,
    drawn_or_said,
    no_record,
    published_claim,
    table_or_said,
)

__all__ = [
    "PUBLISHED",
    "NoRecords",
    "drawn_or_said",
    "no_record",
    "published_claim",
    "table_or_said",
]
