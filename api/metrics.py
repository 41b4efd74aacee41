"""What Prometheus may scrape at `/metrics`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class _Positions(Collector):
    """Reads the positions at the moment of the scrape."""

    def __init__(self, received: Callable[[], int], projected: Callable[[], int], dead: Callable[[], int]) -> None:
        self._received, self._projected, self._dead = received, projected, dead

    def collect(self) -> Iterable[GaugeMetricFamily]:
        projected, received = self._projected(), self._received()
        yield GaugeMetricFamily("andon_journal_position", "Position of the last envelope received.", received)
        yield GaugeMetricFamily("andon_projected_position", "Position up to which the graph has read.", projected)
        yield GaugeMetricFamily(
            "andon_projection_lag", "Envelopes received and not yet in the graph.", received - projected
        )
        yield GaugeMetricFamily("andon_dead_letters", "Refused input that is kept for a look.", self._dead())


class _Neo4j(Collector):
    def __init__(self, projected: Callable[[], int], reached: Callable[[], int], walks: Callable[[], int]) -> None:
        self._projected, self._reached, self._walks = projected, reached, walks

    def collect(self) -> Iterable[GaugeMetricFamily | CounterMetricFamily]:
        reached = self._reached()
        yield GaugeMetricFamily("andon_neo4j_position", "Position that Neo4j has; 0 while it is away.", reached)
        lag = max(self._projected() - reached, 0)
        yield GaugeMetricFamily("andon_neo4j_lag", "Envelopes in the fold state and not yet in Neo4j.", lag)
        yield CounterMetricFamily("andon_neo4j_walks", "Walks of lineage that Neo4j answered.", self._walks())


class _Rdf(Collector):
    def __init__(self, projected: Callable[[], int], reached: Callable[[], int]) -> None:
        self._projected, self._reached = projected, reached

    def collect(self) -> Iterable[GaugeMetricFamily]:
        reached = self._reached()
        yield GaugeMetricFamily("andon_rdf_position", "Position that RDF has; 0 while nobody asks it.", reached)
        lag = max(self._projected() - reached, 0) if reached else 0
        yield GaugeMetricFamily("andon_rdf_lag", "Envelopes in the fold state and not yet in RDF that is asked.", lag)


class Metrics:
    """The counters of one service; a registry of its own, so that two services in one process do not mix."""

    def __init__(self, received: Callable[[], int], projected: Callable[[], int], dead: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        self._projected = projected
        self._registry.register(_Positions(received, projected, dead))
        events = Counter("andon_events", "Events by what became of them.", ["outcome"], registry=self._registry)
        self.accepted = events.labels("accepted")
        self.duplicate = events.labels("duplicate")
        self.rejected = events.labels("rejected")
        self.overloaded = events.labels("overloaded")
        self.graphql_seconds = Histogram(
            "andon_graphql_seconds",
            "Seconds a GraphQL operation took, by its outcome.",
            ["outcome"],
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=self._registry,
        )

        self.sparql_seconds = Histogram(
            "andon_sparql_seconds",
            "Seconds a SPARQL query took, its wait for the state it asks for included.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
            registry=self._registry,
        )

    def watch_rdf(self, reached: Callable[[], int]) -> None:
        """Show how far RDF is, too."""
        self._registry.register(_Rdf(self._projected, reached))

    def watch_neo4j(self, reached: Callable[[], int], walks: Callable[[], int]) -> None:
        """Show how far Neo4j is, too."""
        self._registry.register(_Neo4j(self._projected, reached, walks))

    def render(self) -> bytes:
        return generate_latest(self._registry)
