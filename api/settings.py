"""Every setting of Andon, in one table: the fields of `Settings`.

Each row has a name, a type, a default and one sentence. From it come the command line's flags, the
environment's names, the keys of `andon.toml` and the manual. Precedence, highest first:

    1. the flag            andon serve --max-body-bytes 1000000
    2. the environment     ANDON_MAX_BODY_BYTES=1000000
    3. andon.toml          max_body_bytes = 1000000
    4. the default

The file is the one in the working directory, or where --config or ANDON_CONFIG says.

Nothing else in Andon reads the environment.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import urlsplit

from graph.errors import InvalidInput

PREFIX = "ANDON_"
CONFIG_FILE = "andon.toml"
MASK = "***"

NEO4J_SCHEMES = ("neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc")
ROLES = ("receiver", "projector", "api", "scheduler")

Value = str | int | float | bool | Path | tuple[str, ...]


def _row(
    default: Value,
    sentence: str,
    *,
    choices: tuple[str, ...] = (),
    least: float = 0,
    secret: bool = False,
    schemes: tuple[str, ...] = (),
) -> Any:
    """One setting; `least` is the smallest number allowed, a `secret` is never shown and has no flag, one with
    `schemes` is a URI of one of these, without user and password.
    """
    metadata = {"sentence": sentence, "choices": choices, "least": least, "secret": secret, "schemes": schemes}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings, checked; see the module for where values come from."""

    data: Path = _row(Path("andon-data"), "Folder that holds all that Andon keeps; made if it is not there.")
    host: str = _row("127.0.0.1", "Address to listen on; beyond loopback Andon starts only if there is a key.")
    port: int = _row(8080, "TCP port to listen on; 0 takes a free one.")
    log_level: str = _row("info", "Least severity that is logged.", choices=("debug", "info", "warning", "error"))

    max_body_bytes: int = _row(10_000_000, "Largest request body in bytes, before and after unpacking.", least=1_000)
    journal_synchronous: str = _row(
        "FULL",
        "How SQLite makes the journal durable: OFF and NORMAL may lose acknowledged events in a power cut.",
        choices=("OFF", "NORMAL", "FULL", "EXTRA"),
    )
    journal_queue: int = _row(8_192, "Events that may wait for the disk; beyond it Andon answers 503.", least=1)
    journal_queue_bytes: int = _row(
        128 * 1024 * 1024,
        "Bytes of events that may wait for the disk; beyond it Andon answers 503.",
        least=1_000,
    )

    graphql_threads: int = _row(4, "GraphQL operations that run at once.", least=1)
    graphql_queue: int = _row(200, "GraphQL operations that may wait for a thread; beyond it Andon answers 503.")
    graphql_timeout: float = _row(5.0, "Seconds an operation may take.", least=0.01)
    graphql_max_depth: int = _row(10, "Levels of fields an operation may nest.", least=1)
    graphql_max_cost: int = _row(10_000, "Fields an operation names plus look-ups it may cause.", least=1)
    graphql_max_aliases: int = _row(15, "Aliases an operation may use.")
    graphql_max_tokens: int = _row(2_000, "Tokens a GraphQL document may have.", least=1)
    graphql_max_batch: int = _row(5, "Operations one request may carry.", least=1)
    graphql_introspection: str = _row(
        "auto",
        "Whether the schema may be asked for; auto means only where Andon listens on loopback.",
        choices=("auto", "on", "off"),
    )
    lineage_max_nodes: int = _row(5_000, "Nodes a lineage answer may have; a greater one is cut and says so.", least=1)
    position_wait: float = _row(10.0, "Seconds a read waits for the position that it asks for.")

    postgres_url: str = _row(
        "",
        "PostgreSQL to keep journal, graph and keys in (postgresql://USER:PASSWORD@HOST/DATABASE) instead of files;"
        " not a flag, since others can see those.",
        secret=True,
    )
    role: tuple[str, ...] = _row(
        (),
        "What this process does, comma-separated: receiver, projector, api, scheduler; none means all. Fewer than all"
        " needs PostgreSQL.",
        choices=ROLES,
    )

    neo4j_uri: str = _row(
        "", "Neo4j to keep the present graph in, such as neo4j://host:7687; none means none.", schemes=NEO4J_SCHEMES
    )
    neo4j_user: str = _row("neo4j", "User of Neo4j.")
    neo4j_password: str = _row("", "Password of Neo4j's user; not a flag, since others can see those.", secret=True)
    neo4j_database: str = _row("", "Database of Neo4j; empty means the user's home database.")

    rdf: str = _row(
        "asked",
        "Whether the graph is kept as RDF too: off, asked (from the first question on, while there are more),"
        " or always.",
        choices=("off", "asked", "always"),
    )
    sparql_url: str = _row("", "SPARQL 1.1 server to keep RDF at, its address for queries; none means on disk here.")
    sparql_update_url: str = _row("", "That server's address for updates.")
    sparql_store_url: str = _row("", "Its address for the Graph Store protocol; none means to load by updates.")
    sparql_user: str = _row("", "User of that server; none means none is asked for.")
    sparql_password: str = _row("", "Password of that user; not a flag, since others can see those.", secret=True)
    sparql_ca: str = _row("", "File of certificates to trust that server by, instead of the usual ones.")
    sparql_threads: int = _row(2, "SPARQL queries that run at once, each in a process of its own.", least=1)
    sparql_queue: int = _row(50, "SPARQL queries that may wait for one; beyond it Andon answers 503.")
    sparql_timeout: float = _row(10.0, "Seconds a SPARQL query may take; then it is ended.", least=0.01)
    sparql_max_bytes: int = _row(32_000_000, "Largest answer to a SPARQL query in bytes.", least=1_000)
    sparql_memory: int = _row(1_000, "Megabytes of memory a SPARQL query may take.", least=100)
    rdf_past_states: int = _row(4, "Past states of the graph that are kept for SPARQL queries as of then.", least=1)
    rdf_past_triples: int = _row(10_000_000, "Triples these may have together.", least=1_000)

    ontology: str = _row("", "Turtle file of entity types to use instead of those that ship.")
    ontology_folder: str = _row(
        "",
        "Folder of Turtle files (*.ttl) with types of your own, read again when one changes; none means"
        " 'ontology' in the data folder.",
    )
    api_key: str = _row(
        "", "Key that commands show to a running service; not a flag, since others can see those.", secret=True
    )
    rules: str = _row("", "Folder of rule files (*.yaml); none means no rules.")
    public_url: str = _row("", "Where people reach this service, as https://andon.example.com; for links in messages.")
    approval_key: str = _row(
        "",
        "Secret by which links to approve are signed, 32 characters or more; none means no links. Not a flag, since"
        " others can see those.",
        secret=True,
    )
    webhook_hosts: tuple[str, ...] = _row(
        (), "host:port entries, comma-separated, that rules may call although their addresses are not public."
    )
    mlflow_projects: str = _row("", "Folder of MLflow projects that rules may run on this machine; none means none.")
    target_rate: int = _row(600, "Requests a minute that rules' actions make of one target.", least=1)
    target_failures: int = _row(
        5, "Failures in a row after which a target is left alone for a while, while others go on.", least=1
    )
    allowed_hosts: tuple[str, ...] = _row(
        (),
        "Host names, comma-separated, under which a service without keys may be reached besides loopback's.",
    )
    failpoint: str = _row("", "For tests: the place in the code where the process dies; refused beyond loopback.")

    references: Mapping[str, str] = field(default_factory=dict)
    """What `${NAME}` stands for in rules: the environment's ANDON_* variables that are no settings. Not a
    row: these are secrets as a rule, and a flag or a file would show them."""

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    @property
    def introspection(self) -> bool:
        return self.on_loopback if self.graphql_introspection == "auto" else self.graphql_introspection == "on"

    def plays(self, role: str) -> bool:
        """Whether this process is to do that."""
        return not self.role or role in self.role

    def __repr__(self) -> str:
        rows = [f"{row.name} = {_masked(row, getattr(self, row.name))}" for row in ROWS]
        return "\n".join([*rows, *(f"{name} = {MASK}" for name in sorted(self.references))])


ROWS: tuple[Field[Any], ...] = tuple(row for row in fields(Settings) if row.name != "references")
_TYPES: Mapping[str, Any] = get_type_hints(Settings)
_BY_NAME = {row.name: row for row in ROWS}


def flag(name: str) -> str:
    """The command line's spelling: `max_body_bytes` -> `--max-body-bytes`."""
    return "--" + name.replace("_", "-")


def load(
    flags: Mapping[str, str | None], environ: Mapping[str, str], *, working_directory: Path | None = None
) -> Settings:
    """Read the settings; `flags` are by setting's name, None where not given, and may hold `config`.

    Raises `InvalidInput` naming the flag, variable or key that is wrong. Variables nobody knows are passed
    over: Kubernetes makes ANDON_SERVICE_HOST and ANDON_PORT=tcp://... for a service called andon.
    """
    folder = working_directory or Path()
    values: dict[str, Value] = {}
    named = flags.get("config") or environ.get(PREFIX + "CONFIG")
    file = folder / (named or CONFIG_FILE)
    if named or file.is_file():
        values.update(_from_file(file))
    for row in ROWS:
        variable = PREFIX + row.name.upper()
        text = environ.get(variable)
        if text is not None and not (row.name == "port" and text.startswith("tcp://")):
            values[row.name] = _parse(row, text, variable)
        given = flags.get(row.name)
        if given is not None:
            values[row.name] = _parse(row, given, flag(row.name))
    variables = {PREFIX + row.name.upper() for row in ROWS} | {PREFIX + "CONFIG"}
    references = {name: text for name, text in environ.items() if name.startswith(PREFIX) and name not in variables}
    return Settings(references=references, **values)  # type: ignore[arg-type]  # each value was parsed to its row's type


def _from_file(file: Path) -> dict[str, Value]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InvalidInput(f"there is no settings file {file}", field="config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} is not TOML: {error}", field="config") from None
    values: dict[str, Value] = {}
    for key, value in content.items():
        row = _BY_NAME.get(key)
        if row is None:
            close = difflib.get_close_matches(key, _BY_NAME, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise InvalidInput(f"{file.name} has no such setting{hint}", field=key)
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        values[key] = _parse(row, text, f"{file.name}: {key}")
    return values


def _parse(row: Field[Any], text: str, where: str) -> Value:
    """The text as the row's type; raises `InvalidInput` that names `where` and what was expected."""
    kind = _TYPES[row.name]
    if kind is Path:
        return Path(text)
    if kind in (int, float):
        return _number(row, kind, text, where)
    if kind is str:
        choices = row.metadata["choices"]
        matching = [choice for choice in choices if choice.lower() == text.lower()]
        if choices and not matching:
            raise InvalidInput(f"expected one of {', '.join(choices)}, found {text!r}", field=where)
        if row.metadata["schemes"] and text:
            _check_uri(row, text, where)
        return matching[0] if matching else text
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    choices = row.metadata["choices"]
    if choices and (unknown := [part for part in parts if part not in choices]):
        raise InvalidInput(f"expected some of {', '.join(choices)}, found {unknown[0]!r}", field=where)
    return parts


def _check_uri(row: Field[Any], text: str, where: str) -> None:
    """Raises `InvalidInput`, which repeats nothing of the text: somebody may have put a password into it."""
    schemes: tuple[str, ...] = row.metadata["schemes"]
    expected = f"expected a URI such as {schemes[0]}://host:7687"
    try:
        uri = urlsplit(text)
        uri.port  # noqa: B018  # raises where it is no number
    except ValueError:
        raise InvalidInput(expected, field=where) from None
    if uri.scheme not in schemes:
        raise InvalidInput(f"{expected}, its scheme one of {', '.join(schemes)}", field=where)
    if "@" in uri.netloc:
        raise InvalidInput(f"{expected}; user and password have settings of their own", field=where)
    if not uri.hostname or uri.path.strip("/") or uri.fragment:
        raise InvalidInput(expected, field=where)


def _number(row: Field[Any], kind: type[int] | type[float], text: str, where: str) -> int | float:
    expected = "a whole number" if kind is int else "a number"
    try:
        number = kind(text.replace("_", ""))
    except ValueError:
        raise InvalidInput(f"expected {expected}, found {text!r}", field=where) from None
    if not number >= row.metadata["least"]:  # "not" so that nan is refused
        raise InvalidInput(f"expected {expected} of at least {row.metadata['least']}, found {text}", field=where)
    return number


def _masked(row: Field[Any], value: Value) -> str:
    return MASK if row.metadata["secret"] and value else _shown(value)


def _shown(value: Value) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)


def default_text(row: Field[Any]) -> str:
    """The default as the manual and `--help` show it."""
    return _shown(row.default) if row.default is not MISSING else ""
