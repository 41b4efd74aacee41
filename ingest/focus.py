"""Charges in FOCUS, the FinOps Open Cost and Usage Specification (1.0 to 1.3), as facts: one cost item a row.

A column is read where the ontology has an attribute that matches it exactly. FOCUS gives rows no key, so a charge is
known by what it is for (`_IDENTITY`): the same charge in a later export, with another amount, is the same cost item.
Rows that agree in all of that are told apart by their order in the file.

A charge goes to what it was made for by the first of three rules that finds anything (`Match`): entities whose
`resourceId` is the row's ResourceId; by a tag of the row, under one of the keys asked for, the entity whose urn is its
value, or those that bear the same tag; the one entity whose name is the row's ResourceName. What none of them finds is
a cost item all the same.
"""

from __future__ import annotations

import csv
import gzip
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import quote

from graph.errors import InvalidInput
from ontology import Attribute, Ontology

from . import facts

SOURCE = "focus"
ACCOUNTS = "focus"
"""The namespace of accounts."""

REQUIRED = ("BilledCost", "BillingAccountId", "BillingCurrency", "ChargePeriodStart", "ChargePeriodEnd")
_IDENTITY = (
    "BillingAccountId", "SubAccountId", "BillingPeriodStart", "ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory",
    "ChargeClass", "ChargeFrequency", "ChargeDescription", "ServiceName", "SkuId", "SkuPriceId", "ResourceId",
    "RegionId", "AvailabilityZone", "PricingCategory", "PricingUnit", "CommitmentDiscountId",
    "CommitmentDiscountStatus", "CapacityReservationId", "CapacityReservationStatus", "BillingCurrency",
)  # fmt: skip
_LABELS = ("ResourceId", "SkuId", "ServiceName", "ChargeCategory")
_NULLS = frozenset({"", "null", "NULL"})
_LABEL_LENGTH = 60

Row = Mapping[str, str]
"""Text by FOCUS's name of the column; what is null is not there."""


@dataclass(frozen=True, slots=True)
class Charge:
    """One row, checked. `attributes` by name; `amount` is what is billed."""

    line: int
    name: str
    namespace: str
    attributes: Mapping[str, object]
    account: str
    billing_account: str
    account_name: str
    provider: str
    resource_id: str
    resource_name: str
    tags: Mapping[str, str]
    amount: Decimal
    currency: str

    @property
    def resource(self) -> str:
        """What it is for, in the provider's words."""
        return self.resource_id or self.resource_name or str(self.attributes.get("serviceName", "")) or "(nothing)"


@dataclass(slots=True)
class Fault:
    """A row that could not be read; `line` counts from 1 in a CSV file, rows from 1 in Parquet."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


class Estate(Protocol):
    """Where entities are looked up; answers urns by what was asked for, nothing for what there is none of."""

    def by_resource_id(self, ids: Sequence[str]) -> Mapping[str, Sequence[str]]: ...

    def by_tag(self, tags: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Sequence[str]]: ...

    def by_urn(self, urns: Sequence[str]) -> frozenset[str]: ...

    def by_name(self, names: Sequence[str]) -> Mapping[str, Sequence[str]]: ...


# Rows -----------------------------------------------------------------------------------------------------------


def rows(path: Path, known: Iterable[str]) -> Iterator[tuple[int, Row]]:
    """(line or row, its text) of a CSV file, packed by gzip or not, or of a Parquet file.

    `known` are the columns that matter, as FOCUS spells them; exports differ in the case of theirs.
    """
    spelled = {name.lower(): name for name in (*REQUIRED, *_IDENTITY, *_ALSO, *known)}
    with path.open("rb") as file:
        start = file.read(4)
    if start == b"PAR1":
        return _parquet_rows(path, spelled)
    return _csv_rows(path, spelled, packed=start[:2] == b"\x1f\x8b")


def _csv_rows(path: Path, spelled: Mapping[str, str], packed: bool) -> Iterator[tuple[int, Row]]:
    opened: IO[str] = (
        gzip.open(path, "rt", encoding="utf-8-sig", newline="")
        if packed
        else path.open(encoding="utf-8-sig", newline="")
    )
    with opened as file:
        reader = csv.reader(file, strict=True)
        try:
            header = next(reader, [])
            columns = _columns(header, path, spelled)
            for cells in reader:
                if len(cells) > len(header):
                    raise InvalidInput(f"{path.name}:{reader.line_num}: more cells than the header has columns")
                if cells:
                    texts = zip(columns, cells, strict=False)
                    yield reader.line_num, {name: text for name, text in texts if text.strip() not in _NULLS}
        except (csv.Error, UnicodeDecodeError, OSError, EOFError) as error:
            raise InvalidInput(f"{path.name}:{reader.line_num}: {error}") from None


def _parquet_rows(path: Path, spelled: Mapping[str, str]) -> Iterator[tuple[int, Row]]:
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise InvalidInput("Parquet needs pyarrow: pip install 'andon[parquet]'") from None
    try:
        with parquet.ParquetFile(path) as file:
            names = list(file.schema_arrow.names)
            columns = _columns(names, path, spelled)
            number = 0
            for batch in file.iter_batches(batch_size=1_000):
                for record in batch.to_pylist():
                    number += 1
                    values = ((column, record[name]) for name, column in zip(names, columns, strict=True))
                    yield number, {column: _text(value) for column, value in values if value is not None}
    except pyarrow.ArrowException as error:
        raise InvalidInput(f"{path.name}: {error}") from None


def _columns(header: Sequence[str], path: Path, spelled: Mapping[str, str]) -> list[str]:
    """The columns as FOCUS spells them. Raises `InvalidInput` where one that must be there is missing."""
    found = [spelled.get(name.strip().lower(), name.strip()) for name in header]
    missing = [name for name in REQUIRED if name not in found]
    if missing:
        raise InvalidInput(f"{path.name} has no column {missing[0]}: is it an export in FOCUS?")
    return found


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, date):
        return f"{value.isoformat()}T00:00:00Z"
    if isinstance(value, list):  # a map, as Arrow gives it
        return json.dumps({str(key): item for key, item in value})
    return json.dumps(value) if isinstance(value, dict) else str(value)


# Charges --------------------------------------------------------------------------------------------------------

_ALSO = (
    "SubAccountName", "ProviderName", "ServiceProviderName", "InvoiceIssuerName", "ResourceName", "Tags",
    "BillingAccountName",
)  # fmt: skip


def columns_of(ontology: Ontology) -> dict[str, Attribute]:
    """FOCUS's column -> the attribute that the ontology says is the same."""
    found = {}
    for attribute in ontology.attributes.values():
        for it in attribute.alignments:
            if it.predicate == "exactMatch" and "focus.finops.org" in it.iri:
                found[it.iri.rpartition("#")[2]] = attribute
    return found


class Reader:
    """Reads rows into charges; what it must remember of a file grows on disk, not in memory."""

    def __init__(self, path: Path, ontology: Ontology) -> None:
        self._path = path
        self._attributes = columns_of(ontology)
        self.faults: list[Fault] = []
        self.refused = 0

    def charges(self) -> Iterator[Charge]:
        """Every charge that can be read; `faults` has the first hundred of the others, `refused` counts all."""
        with closing(sqlite3.connect("")) as seen:  # a temporary file
            seen.execute("CREATE TABLE seen (identity BLOB PRIMARY KEY, times INTEGER NOT NULL) WITHOUT ROWID")
            for line, row in rows(self._path, self._attributes):
                try:
                    yield self._charge(line, row, seen)
                except InvalidInput as error:
                    self.refused += 1
                    if len(self.faults) < 100:
                        self.faults.append(Fault(self._path.name, line, str(error)))

    def _charge(self, line: int, row: Row, seen: sqlite3.Connection) -> Charge:
        for name in REQUIRED:
            if name not in row:
                raise InvalidInput("is empty", field=name)
        attributes = {
            attribute.name: facts.value(_spelled(row[column], attribute), attribute, column)
            for column, attribute in self._attributes.items()
            if column in row
        }
        start = str(attributes.get("chargePeriodStart", row["ChargePeriodStart"]))
        label = next((row[name] for name in _LABELS if name in row), "charge")
        label = label.rstrip("/").rpartition("/")[2].rpartition(":")[2][:_LABEL_LENGTH]
        return Charge(
            line=line,
            name=f"{start[:10]}/{label}/{_identity(row, attributes, seen)}",
            namespace=f"focus://{quote(row['BillingAccountId'], safe='-._~')}",
            attributes=attributes,
            account=row.get("SubAccountId", row["BillingAccountId"]),
            billing_account=row["BillingAccountId"],
            account_name=row.get("SubAccountName", "") if "SubAccountId" in row else row.get("BillingAccountName", ""),
            provider=row.get("ServiceProviderName") or row.get("ProviderName") or row.get("InvoiceIssuerName", ""),
            resource_id=row.get("ResourceId", ""),
            resource_name=row.get("ResourceName", ""),
            tags=_tags(row.get("Tags", "")),
            amount=Decimal(row["BilledCost"].strip()),
            currency=row["BillingCurrency"],
        )


def _spelled(text: str, attribute: Attribute) -> str:
    """A cell as its attribute spells it: exports differ in the zone of instants and in the case of allowed values."""
    if attribute.range == "dateTime":
        return text.strip().removesuffix(" UTC")
    return next((it for it in attribute.allowed_values if it.lower() == text.strip().lower()), text)


def _identity(row: Row, attributes: Mapping[str, object], seen: sqlite3.Connection) -> str:
    digest = blake2b(digest_size=12)
    for name in _IDENTITY:
        known = attributes.get(name[:1].lower() + name[1:])  # instants in one spelling
        digest.update(f"{known if isinstance(known, str) else row.get(name, '')}\0".encode())
    [times] = seen.execute(
        "INSERT INTO seen VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1 RETURNING times", (digest.digest(),)
    ).fetchone()
    return digest.hexdigest() if times == 1 else f"{digest.hexdigest()}-{times}"


def _tags(text: str) -> dict[str, str]:
    if not text:
        return {}
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise InvalidInput("expected a JSON object of keys and values", field="Tags")
    return {str(key): str(value) for key, value in said.items() if value is not None}


# Joining --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Tally:
    """What became of a file's charges. `unmatched`: amount by (resource, currency), of the first thousand."""

    charges: int = 0
    by_rule: dict[str, int] = field(default_factory=dict)
    unmatched: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    others: int = 0


_KEPT = 100_000
_LISTED = 1_000


class Match:
    """Finds what charges are for; remembers answers within a bound. `keys`: the tags that tell, in order."""

    def __init__(self, estate: Estate, keys: Sequence[str]) -> None:
        self._estate = estate
        self._keys = tuple(keys)
        self._ids: dict[str, Sequence[str]] = {}
        self._tags: dict[tuple[str, str], Sequence[str]] = {}
        self._names: dict[str, Sequence[str]] = {}
        self.tally = Tally()

    def targets(self, charges: Sequence[Charge]) -> list[Sequence[str]]:
        """The urns that each is charged to, in the charges' order."""
        self._expect(charges)
        found = []
        for charge in charges:
            rule, urns = self._first(charge)
            self._count(charge, rule)
            found.append(urns)
        return found

    def _expect(self, charges: Sequence[Charge]) -> None:
        for kept in (self._ids, self._tags, self._names):
            if len(kept) > _KEPT:
                kept.clear()
        ids = sorted({it.resource_id for it in charges if it.resource_id} - self._ids.keys())
        self._ids.update(dict.fromkeys(ids, ()) | dict(self._estate.by_resource_id(ids) if ids else {}))
        left = [it for it in charges if not self._ids.get(it.resource_id)]
        tags = sorted({tag for it in left for tag in self._telling(it)} - self._tags.keys())
        urns = [value for _, value in tags if value.startswith("urn:andon:")]
        known = self._estate.by_urn(urns) if urns else frozenset()
        self._tags.update({(key, value): (value,) if value in known else () for key, value in tags})
        others = [it for it in tags if not self._tags[it]]
        self._tags.update(self._estate.by_tag(others) if others else {})
        left = [it for it in left if not any(self._tags.get(tag) for tag in self._telling(it))]
        names = sorted({it.resource_name for it in left if it.resource_name} - self._names.keys())
        self._names.update(dict.fromkeys(names, ()) | dict(self._estate.by_name(names) if names else {}))

    def _telling(self, charge: Charge) -> list[tuple[str, str]]:
        return [(key, charge.tags[key]) for key in self._keys if charge.tags.get(key)]

    def _first(self, charge: Charge) -> tuple[str, Sequence[str]]:
        if urns := self._ids.get(charge.resource_id):
            return "resource id", urns
        for tag in self._telling(charge):
            if urns := self._tags.get(tag):
                return "tag", urns
        named = self._names.get(charge.resource_name, ())
        return ("name", named) if len(named) == 1 else ("", ())  # a name that several share tells nothing

    def _count(self, charge: Charge, rule: str) -> None:
        tally = self.tally
        tally.charges += 1
        tally.by_rule[rule] = tally.by_rule.get(rule, 0) + 1
        if not rule:
            key = charge.resource, charge.currency
            if key in tally.unmatched or len(tally.unmatched) < _LISTED:
                tally.unmatched[key] = tally.unmatched.get(key, Decimal(0)) + charge.amount
            else:
                tally.others += 1


def entities(charges: Sequence[Charge], targets: Sequence[Sequence[str]]) -> list[dict[str, object]]:
    """What facts say of these charges and of the accounts they are on."""
    found = [_account(it) for it in {charge.account: charge for charge in charges}.values()]
    for charge, urns in zip(charges, targets, strict=True):
        account = {"type": "Account", "namespace": ACCOUNTS, "name": charge.account}
        found.append(
            {
                "type": "CostItem",
                "namespace": charge.namespace,
                "name": charge.name,
                "attributes": charge.attributes,
                "relations": {"chargedTo": list(urns), "billedTo": [account]},
            }
        )
    return found


def _account(charge: Charge) -> dict[str, object]:
    said: dict[str, object] = {"type": "Account", "namespace": ACCOUNTS, "name": charge.account}
    names = {"displayName": charge.account_name, "accountProvider": charge.provider}
    said["attributes"] = {name: value for name, value in names.items() if value}
    if charge.account != charge.billing_account:
        parent = {"type": "Account", "namespace": ACCOUNTS, "name": charge.billing_account}
        said["relations"] = {"inAccount": [parent]}
    return said
