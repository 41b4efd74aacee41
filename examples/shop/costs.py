"""What Kanban Coffee's cloud costs, as exports in FOCUS 1.3: CSV as a provider writes it.

A charge a resource and day. The export of the third day has the last day's charges as estimates; the next one says
what they came to, and it is the same charges.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from examples.shop.catalogue import BUCKET_ID, CLUSTER_ID, STREAM_ID, WAREHOUSE_ID
from graph.model import make_urn

ACCOUNT = "210987654321"
TRAINING = make_urn("job", "ml://kanban-training", "churn.train")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Something that is charged for every day: `daily` euros, more or less."""

    id: str
    name: str
    service: str
    category: str
    sku: str
    daily: float
    provider: str = "Example Cloud"
    account: str = "analytics"
    tags: str = "{}"


RESOURCES = (
    Resource(id=WAREHOUSE_ID, name="TRANSFORM_WH", service="Snowflake", category="Databases", sku="credits",
             daily=22.4, provider="Snowflake"),
    Resource(id=CLUSTER_ID, name="lake", service="EMR", category="Analytics", sku="emr-m7g", daily=9.1),
    Resource(id=BUCKET_ID, name="kanban-lake", service="S3", category="Storage", sku="s3-standard", daily=1.35),
    Resource(id=STREAM_ID, name="click-stream", service="Managed Flink", category="Analytics", sku="kpu", daily=5.2),
    Resource(id="arn:example:ml:eu-west-1:210987654321:training/churn", name="churn-training", service="Training",
             category="AI and Machine Learning", sku="gpu-hour", daily=2.9, tags=f'{{"andon": "{TRAINING}"}}'),
    Resource(id="arn:example:eks:eu-west-1:210987654321:deployment/orders-api", name="orders-api", service="EKS",
             category="Compute", sku="vcpu-hour", daily=3.3, account="shop"),
    Resource(id="arn:example:ec2:eu-west-1:210987654321:natgateway/nat-0a1b", name="nat-0a1b", service="VPC",
             category="Networking", sku="nat-bytes", daily=1.9, account="shop"),
)  # fmt: skip

COLUMNS = (
    "BillingAccountId", "BillingAccountName", "SubAccountId", "SubAccountName", "BillingPeriodStart",
    "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory", "ChargeFrequency",
    "ChargeDescription", "BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "BillingCurrency", "ServiceName",
    "ServiceCategory", "SkuId", "ResourceId", "ResourceName", "RegionId", "RegionName", "ServiceProviderName",
    "HostProviderName", "InvoiceIssuerName", "PricingCategory", "PricingQuantity", "PricingUnit", "Tags",
)  # fmt: skip


def export(latest_batch: datetime, night: int, seed: int) -> str:
    """The export of the morning after that night (0: the latest), with all days of the history before it."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for back in range(6, night, -1):
        day = (latest_batch - timedelta(days=back)).replace(hour=0, minute=0, second=0, microsecond=0)
        writer.writerows(_charges(day, seed, is_estimate=back == night + 1 and night > 0))
    return text.getvalue()


def _charges(day: datetime, seed: int, is_estimate: bool) -> Iterator[dict[str, str]]:
    month = day.replace(day=1)
    following = (month + timedelta(days=32)).replace(day=1)
    for resource in RESOURCES:
        amount = resource.daily * random.Random(f"{seed}/{resource.id}/{day}").uniform(0.8, 1.25)
        billed = f"{amount * (0.9 if is_estimate else 1):.4f}"
        yield {
            "BillingAccountId": ACCOUNT, "BillingAccountName": "Kanban Coffee",
            "SubAccountId": f"{ACCOUNT}-{resource.account}", "SubAccountName": resource.account,
            "BillingPeriodStart": _text(month), "BillingPeriodEnd": _text(following),
            "ChargePeriodStart": _text(day), "ChargePeriodEnd": _text(day + timedelta(days=1)),
            "ChargeCategory": "Usage", "ChargeFrequency": "Usage-Based",
            "ChargeDescription": f"{resource.service} {resource.sku}", "BilledCost": billed, "EffectiveCost": billed,
            "ListCost": f"{amount * 1.1:.4f}", "ContractedCost": billed, "BillingCurrency": "EUR",
            "ServiceName": resource.service, "ServiceCategory": resource.category, "SkuId": resource.sku,
            "ResourceId": resource.id, "ResourceName": resource.name, "RegionId": "eu-west-1", "RegionName": "Ireland",
            "ServiceProviderName": resource.provider, "HostProviderName": "Example Cloud",
            "InvoiceIssuerName": resource.provider, "PricingCategory": "Standard",
            "PricingQuantity": f"{amount / 0.4:.2f}", "PricingUnit": "Hours", "Tags": resource.tags,
        }  # fmt: skip


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
