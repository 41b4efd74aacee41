"""Exports in FOCUS: how a row becomes a cost item, and what it is charged to."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from graph.errors import InvalidInput
from graph.model import Instant, Name, make_urn
from ingest import facts, focus
from ontology import load

WORDS = load()
HEADER = [
    "BillingAccountId", "SubAccountId", "SubAccountName", "BillingPeriodStart", "BillingPeriodEnd",
    "ChargePeriodStart", "ChargePeriodEnd", "BilledCost", "EffectiveCost", "BillingCurrency", "ChargeCategory",
    "ServiceName", "SkuId", "ResourceId", "ResourceName", "ServiceProviderName", "Tags", "x_Team",
]  # fmt: skip
ROW = {
    "BillingAccountId": "1234", "SubAccountId": "acc-9", "SubAccountName": "Data",
    "BillingPeriodStart": "2026-01-01T00:00:00Z", "BillingPeriodEnd": "2026-02-01T00:00:00Z",
    "ChargePeriodStart": "2026-01-05 00:00:00 UTC", "ChargePeriodEnd": "2026-01-06T00:00:00Z",
    "BilledCost": "12.340000", "EffectiveCost": "11.1", "BillingCurrency": "EUR",
    "ChargeCategory": "usage", "ServiceName": "Compute", "SkuId": "sku-1", "ResourceId": "arn:aws:ec2:eu:1:vm/i-1",
    "ResourceName": "warehouse", "ServiceProviderName": "Example Cloud", "Tags": '{"app": "etl", "keep": true}',
    "x_Team": "ours",
}  # fmt: skip


def csv_of(*rows: Mapping[str, str], header: Sequence[str] = HEADER) -> str:
    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    lines = [",".join(cell(it) for it in header)]
    lines += [",".join(cell((ROW | dict(row)).get(name, "")) for name in header) for row in rows]
    return "\r\n".join(lines) + "\r\n"


def written(folder: Path, *rows: Mapping[str, str], name: str = "costs.csv") -> Path:
    path = folder / name
    path.write_bytes(b"\xef\xbb\xbf" + csv_of(*rows).encode())
    return path


def charges(path: Path) -> list[focus.Charge]:
    reader = focus.Reader(path, WORDS)
    found = list(reader.charges())
    assert reader.faults == []
    return found


def said(charge: focus.Charge) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(msgspec.json.encode(charge.attributes))
    return found


class Estate:
    """Entities by hand; notes what was asked."""

    def __init__(self, **known: Mapping[Any, Sequence[str]]) -> None:
        self._known = known
        self.asked: list[tuple[str, list[Any]]] = []

    def _find(self, what: str, keys: Sequence[Any]) -> dict[Any, Sequence[str]]:
        self.asked.append((what, list(keys)))
        return {key: self._known.get(what, {}).get(key, ()) for key in keys}

    def by_resource_id(self, ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
        return self._find("ids", ids)

    def by_tag(self, tags: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Sequence[str]]:
        return self._find("tags", tags)

    def by_urn(self, urns: Sequence[str]) -> frozenset[str]:
        return frozenset(it for it in urns if it in self._known.get("urns", {}))

    def by_name(self, names: Sequence[str]) -> Mapping[str, Sequence[str]]:
        return self._find("names", names)


def test_a_row_is_a_cost_item_with_what_the_ontology_has_words_for(tmp_path: Path) -> None:
    [charge] = charges(written(tmp_path, {}))

    account, item = focus.entities([charge], [["urn:andon:job:airflow:etl"]])
    read = facts.read(facts.document("1", "focus", Instant(0), [account, item]), WORDS)

    assert account == {
        "type": "Account", "namespace": "focus", "name": "acc-9",
        "attributes": {"displayName": "Data", "accountProvider": "Example Cloud"},
        "relations": {"inAccount": [{"type": "Account", "namespace": "focus", "name": "1234"}]},
    }  # fmt: skip
    assert read.said[1].subject == Name("costitem", "focus://1234", charge.name)
    assert charge.name.startswith("2026-01-05/i-1/")
    assert said(charge) == {
        "billingAccountId": "1234", "subAccountId": "acc-9", "billingPeriodStart": "2026-01-01T00:00:00Z",
        "billingPeriodEnd": "2026-02-01T00:00:00Z", "chargePeriodStart": "2026-01-05T00:00:00Z",
        "chargePeriodEnd": "2026-01-06T00:00:00Z", "billedCost": 12.34, "effectiveCost": 11.1, "billingCurrency": "EUR",
        "chargeCategory": "Usage", "serviceName": "Compute", "skuId": "sku-1", "resourceId": "arn:aws:ec2:eu:1:vm/i-1",
        "resourceName": "warehouse", "serviceProviderName": "Example Cloud",
    }  # fmt: skip
    assert read.said[1].targets["chargedTo"] == (Name("job", "airflow", "etl"),)
    assert read.said[1].targets["billedTo"] == (Name("account", "focus", "acc-9"),)


def test_the_same_charge_in_a_later_export_is_the_same_cost_item(tmp_path: Path) -> None:
    [first] = charges(written(tmp_path, {}))
    again, other = charges(written(
        tmp_path,
        {"BilledCost": "99", "Tags": "", "ResourceName": "renamed", "ChargePeriodStart": "2026-01-05T01:00:00+01:00"},
        {"SkuId": "sku-2"},
    ))  # fmt: skip

    assert (again.name, again.amount) == (first.name, Decimal("99"))
    assert other.name != first.name


def test_rows_that_agree_in_all_that_tells_them_are_told_apart_by_their_order(tmp_path: Path) -> None:
    names = [it.name for it in charges(written(tmp_path, {}, {"SkuId": "2"}, {}, {}))]

    assert len(set(names)) == 4
    assert [names[2], names[3]] == [f"{names[0]}-2", f"{names[0]}-3"]


def test_columns_are_known_in_any_case_and_order_and_packed_files_are_read(tmp_path: Path) -> None:
    [plain] = charges(written(tmp_path, {}))
    header = [it.lower() for it in reversed(HEADER)]
    lower = {key.lower(): value for key, value in ROW.items()}
    packed = tmp_path / "costs.csv.gz"
    packed.write_bytes(gzip.compress(csv_of(lower, header=header).encode()))

    [found] = charges(packed)

    assert (found.name, said(found), found.tags) == (plain.name, said(plain), plain.tags)


def test_a_parquet_export_says_the_same(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    [plain] = charges(written(tmp_path, {}))
    instants = ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd")
    columns: dict[str, Any] = {name: [ROW[name], None] for name in HEADER if name not in REQUIRED_IN_BOTH}
    for name in REQUIRED_IN_BOTH:
        columns[name] = [ROW[name], ROW[name]]
    for name, moment in zip(instants, ("01-01", "02-01", "01-05", "01-06"), strict=True):
        month, day = map(int, moment.split("-"))
        columns[name] = [datetime(2026, month, day, tzinfo=UTC)] * 2
    columns["BilledCost"] = [Decimal("12.34")] * 2
    columns["EffectiveCost"] = [11.1, None]
    columns["Tags"] = arrow.array([[("app", "etl")], None], arrow.map_(arrow.string(), arrow.string()))
    path = tmp_path / "costs.parquet"
    parquet.write_table(arrow.table(columns), path)

    found, sparse = charges(path)

    assert (found.name, said(found)) == (plain.name, said(plain))
    assert found.tags == {"app": "etl"}
    assert (sparse.resource_id, sparse.tags, sparse.account) == ("", {}, "1234")


REQUIRED_IN_BOTH = ("BillingAccountId", "BillingCurrency", "BilledCost")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"BilledCost": "twelve"}, "BilledCost: expected a number, found 'twelve'"),
        ({"BilledCost": ""}, "BilledCost: is empty"),
        ({"ChargePeriodStart": "January"}, "ChargePeriodStart: 'January' is not an ISO 8601 date-time"),
        ({"ChargeCategory": "Gift"}, "ChargeCategory: expected one of Adjustment, Credit"),
        ({"Tags": "app=etl"}, "Tags: expected a JSON object"),
    ],
)
def test_a_row_that_cannot_be_read_is_told_by_its_line_and_harms_no_other(
    tmp_path: Path, changes: Mapping[str, str], reason: str
) -> None:
    reader = focus.Reader(written(tmp_path, {}, changes, {"SkuId": "3"}), WORDS)

    assert len(list(reader.charges())) == 2
    [fault] = reader.faults
    assert str(fault).startswith(f"costs.csv:3: {reason}")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "has no column BilledCost"),
        (b"a,b\n1,2\n", "has no column BilledCost: is it an export in FOCUS?"),
        (csv_of({}).encode().replace(b'"ours"', b'"ours","more"'), "costs.csv:2: more cells"),
        (csv_of({}).encode().replace(b'"ours"', b'"ours'), "costs.csv:"),
        (csv_of({}).encode() + b"\xff\xfe", "costs.csv:"),
    ],
)
def test_a_file_that_is_no_export_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "costs.csv"
    path.write_bytes(content)

    with pytest.raises(InvalidInput, match=reason.replace("?", "\\?")):
        list(focus.Reader(path, WORDS).charges())


# Joining


JOB, TABLE, SERVICE = (
    make_urn(*it) for it in (("job", "a", "etl"), ("dataset", "b", "t"), ("service", "c", "warehouse"))
)


def joined(path: Path, estate: Estate, *keys: str) -> tuple[list[list[str]], focus.Match]:
    match = focus.Match(estate, keys or ("andon",))
    return [list(it) for it in match.targets(charges(path))], match


def test_the_first_rule_that_finds_something_decides(tmp_path: Path) -> None:
    estate = Estate(
        ids={"arn:aws:ec2:eu:1:vm/i-1": [JOB, TABLE]}, tags={("app", "etl"): [JOB]}, urns={TABLE: []},
        names={"warehouse": [SERVICE], "twins": [JOB, TABLE]},
    )  # fmt: skip
    rows = [
        {},
        {"ResourceId": "x", "Tags": f'{{"app": "etl", "andon": "{TABLE}"}}'},
        {"ResourceId": "x"},
        {"ResourceId": "", "Tags": ""},
        {"ResourceId": "", "Tags": "", "ResourceName": "twins"},
        {"ResourceId": "y", "Tags": f'{{"andon": "{SERVICE}"}}', "ResourceName": ""},
    ]

    found, match = joined(written(tmp_path, *rows), estate, "andon", "app")

    assert found == [[JOB, TABLE], [TABLE], [JOB], [SERVICE], [], []]
    assert match.tally.by_rule == {"resource id": 1, "tag": 2, "name": 1, "": 2}
    assert match.tally.unmatched == {("twins", "EUR"): Decimal("12.34"), ("y", "EUR"): Decimal("12.34")}


def test_what_was_asked_once_is_not_asked_again(tmp_path: Path) -> None:
    estate = Estate(ids={"arn:aws:ec2:eu:1:vm/i-1": [JOB]})
    match = focus.Match(estate, ("app",))
    listed = charges(written(tmp_path, {}, {}, {"ResourceId": "new"}))

    for charge in listed:
        match.targets([charge])

    assert estate.asked == [("ids", ["arn:aws:ec2:eu:1:vm/i-1"]), ("ids", ["new"]), ("tags", [("app", "etl")]),
                            ("names", ["warehouse"])]  # fmt: skip


def test_a_big_file_is_read_in_bounded_memory(tmp_path: Path) -> None:
    line = csv_of({}).split("\r\n")[1]
    path = tmp_path / "costs.csv"
    with path.open("w") as file:
        file.write(csv_of().strip() + "\n")
        for number in range(4_000):
            file.write(line.replace("sku-1", f"sku-{number}") + "\n")
    reader = focus.Reader(path, WORDS)

    tracemalloc.start()
    try:
        count = sum(1 for _ in reader.charges())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert count == 4_000
    assert peak < 2_000_000
