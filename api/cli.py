"""The command line: `andon serve`, `demo`, `keys`, `journal`, `rebuild`, `backup`, `restore`, `export`, `sql`,
`ontology`, `ingest`, `rules`, `audit` and `gate`.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from api.settings import CONFIG_FILE, PREFIX, ROWS, Settings, default_text, flag, load
from api.version import version
from graph.errors import AndonError, InvalidInput
from graph.model import isoformat

if TYPE_CHECKING:
    from api.sql_commands import Reading

_ENDING = f"""\
Every setting is also a variable of the environment ({PREFIX}MAX_BODY_BYTES for
--max-body-bytes) and a key of {CONFIG_FILE} (max_body_bytes). A flag wins over the
environment, that over the file, that over the default.
"""
_GATE = f"""\
The exit status is 0 where it may go, warned or not; 1 where it is stopped; 2 for
wrong arguments, a wrong key or a dataset that is not there; 3 where the service
does not answer, unless --if-unreachable go makes that 0.

{_ENDING}"""
_CONVENTIONS = ("hops", "temp_collapsed", "end_to_end")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, 1 for a failure, 2 for wrong arguments or settings."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except InvalidInput as error:
        print(f"andon: {error}", file=sys.stderr)
        return 2
    except (AndonError, ValueError, OSError) as error:
        print(f"andon: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


# The commands import what they need when they run: `andon --help` and `andon keys` should not wait for a web
# framework.


def _serve(options: argparse.Namespace) -> None:
    gc.disable()  # start-up makes what stays; a tenth of its time would go into looking for garbage
    from api.server import serve

    settings = _settings(options)
    _log_to_stderr(settings)
    serve(settings, lambda url: print(f"listening on {url}", flush=True))


def _demo(options: argparse.Namespace) -> None:
    from api.demo import demo

    settings = _settings(options)
    _log_to_stderr(settings)
    demo(settings, keep=options.data is not None)


def _keys_add(options: argparse.Namespace) -> None:
    from api.auth import open_keys, parse_scopes

    scopes = parse_scopes(options.scope)
    print(open_keys(_settings(options)).add(options.name, scopes))
    print("This is the only time the key is shown. Send it as 'Authorization: Bearer <key>'.", file=sys.stderr)


def _keys_list(options: argparse.Namespace) -> None:
    from api.auth import open_keys

    for key in open_keys(_settings(options)).list():
        scopes = ",".join(sorted(scope.value for scope in key.scopes))
        state = f"revoked {isoformat(key.revoked_at)}" if key.revoked_at is not None else "active"
        print(f"{key.name}\t{scopes}\tmade {isoformat(key.created_at)}\t{state}")


def _keys_revoke(options: argparse.Namespace) -> None:
    from api.auth import open_keys

    open_keys(_settings(options)).revoke(options.name)
    print(f"revoked {options.name}")


def _journal_tail(options: argparse.Namespace) -> None:
    from api.journal_commands import tail

    tail(_settings(options), options.lines)


def _journal_export(options: argparse.Namespace) -> None:
    from api.journal_commands import export

    first, last = _whole(options.first, "--from"), _whole(options.last, "--to")
    export(_settings(options), options.file, options.format, first or 1, last)


def _journal_import(options: argparse.Namespace) -> None:
    from api.journal_commands import import_

    import_(_settings(options), options.file)


def _whole(text: str | None, flag: str) -> int | None:
    try:
        number = None if text is None else int(text)
    except ValueError:
        number = 0
    if number is not None and number < 1:
        raise InvalidInput(f"expected a position from 1 on, found {text!r}", field=flag)
    return number


def _export(options: argparse.Namespace) -> None:
    from api.export_commands import export
    from graph.model import AsOf, Position, parse_instant

    position = _whole(options.position, "--position")
    try:
        valid = None if options.valid is None else parse_instant(options.valid)
    except ValueError as error:
        raise InvalidInput(str(error), field="--valid") from None
    as_of = AsOf(valid, None if position is None else Position(position))
    export(_settings(options), options.out, options.format, as_of)


def _rebuild(options: argparse.Namespace) -> None:
    from api.keeping import rebuild

    rebuild(_settings(options))


def _backup(options: argparse.Namespace) -> None:
    from api.keeping import backup

    backup(_settings(options), Path(options.target), graph=options.with_graph)


def _restore(options: argparse.Namespace) -> None:
    from api.keeping import restore

    restore(_settings(options), Path(options.source))


def _dead_letters_list(options: argparse.Namespace) -> None:
    from api.journal_commands import list_dead_letters

    list_dead_letters(_settings(options), options.lines)


def _dead_letters_replay(options: argparse.Namespace) -> int:
    from api.journal_commands import replay_dead_letters

    return replay_dead_letters(_settings(options), options.id)


def _sql_lineage(options: argparse.Namespace) -> int:
    from api.sql_commands import answer_records, draw, print_events
    from ingest.sql.records import convention_of

    if (options.jsonl is None) == (not options.paths):
        raise InvalidInput("expected files or folders, or --jsonl IN")
    _check_sql_format(options)
    if options.format == "openlineage":
        return print_events(
            options.paths, _sql_reading(options), options.namespace, options.job, options.dataset_namespace
        )
    convention = convention_of(options.convention or "hops")
    if options.jsonl is not None:
        return answer_records(options.jsonl, _sql_reading(options), convention)
    columns = options.level != "table"
    return draw(options.paths, _sql_reading(options), convention, options.format, columns=columns)


def _check_sql_format(options: argparse.Namespace) -> None:
    """Refuse flags that would change nothing."""
    for_events = ("namespace", "job", "dataset_namespace")
    unused = ("convention", "level", "jsonl") if options.format == "openlineage" else for_events
    for name in unused:
        if getattr(options, name) is not None:
            other = "with" if unused is not for_events else "without"
            raise InvalidInput(f"means nothing {other} --format openlineage", field="--" + name.replace("_", "-"))
    if options.format == "openlineage" and not options.namespace:
        raise InvalidInput("is needed for --format openlineage", field="--namespace")


def _sql_explain(options: argparse.Namespace) -> int:
    from api.sql_commands import explain

    return explain(options.file, _sql_reading(options), options.column)


def _sql_model(options: argparse.Namespace) -> int:
    from api.sql_commands import model

    return model(options.files, _sql_reading(options), options.format)


def _sql_reading(options: argparse.Namespace) -> Reading:
    from api.sql_commands import reading

    return reading(options.dialect, options.schema_file, options.default_db, options.default_schema, options.manifest)


def _ontology_check(options: argparse.Namespace) -> int:
    from api.ontology_commands import check

    return check(_settings(options), options.files)


def _ontology_doc(options: argparse.Namespace) -> int:
    from api.ontology_commands import document

    return document(_settings(options), options.files, options.out, stale_only=options.check)


def _ontology_import(options: argparse.Namespace) -> None:
    from api.ontology_commands import import_

    if options.dry_run and options.url is not None:
        raise InvalidInput("means nothing with --dry-run", field="--url")
    import_(_settings(options), options.file, options.kind, options.url, dry_run=options.dry_run)


def _ingest_focus(options: argparse.Namespace) -> int:
    from api.ingest_commands import bring_focus

    return bring_focus(_settings(options), options.url, options.file, options.tag or ["andon"], options.at)


def _ingest_policies(options: argparse.Namespace) -> int:
    from api.ingest_commands import bring_policies

    return bring_policies(_settings(options), options.url, options.folder, options.namespace)


def _ingest_mlflow(options: argparse.Namespace) -> int:
    from api.ingest_commands import bring_mlflow

    return bring_mlflow(_settings(options), options.url, options.tracking_uri, options.registry_uri, options.namespace)


def _rules_check(options: argparse.Namespace) -> int:
    from api.rules_commands import check

    return check(*_rules_folder(options))


def _rules_test(options: argparse.Namespace) -> int:
    from api.rules_commands import test

    return test(*_rules_folder(options))


def _rules_folder(options: argparse.Namespace) -> tuple[Settings, str]:
    settings = _settings(options)
    folder = options.folder or settings.rules
    if not folder:
        raise InvalidInput("expected a folder of rules, here or as the setting 'rules'", field="FOLDER")
    return settings, folder


def _rules_explain(options: argparse.Namespace) -> None:
    from api.rules_commands import explain

    explain(_settings(options), options.url, options.firing, options.format)


def _rules_packs(options: argparse.Namespace) -> None:
    from rules.packs import packs

    for pack, rules in packs().items():
        for rule in rules:
            print(f"{pack}\t{rule}")


def _rules_copy(options: argparse.Namespace) -> None:
    from rules.packs import copy

    for file in copy(options.pack, Path(options.folder)):
        print(file)


def _rules_schema(options: argparse.Namespace) -> None:
    from api.rules_commands import print_schema

    print_schema("propagation" if options.propagation else "rule")


def _rules_backtest(options: argparse.Namespace) -> None:
    from api.rules_commands import backtest

    backtest(
        _settings(options),
        options.file,
        options.first,
        options.last,
        ignore_age=options.ignore_age,
        as_json=options.json,
    )


def _audit_verify(options: argparse.Namespace) -> int:
    from api.audit_commands import verify_log

    return verify_log(_settings(options), options.expect, as_json=options.json)


def _gate(options: argparse.Namespace) -> int:
    from api.gate_command import gate

    asked = [(field, text) for field in ("job", "dataset", "product") for text in getattr(options, field) or ()]
    if not asked:
        raise InvalidInput("expected --job, --dataset or --product")
    return gate(
        options.url,
        _settings(options).api_key,
        asked,
        options.wait,
        goes_unreachable=options.if_unreachable == "go",
        as_json=options.json,
    )


def _settings(options: argparse.Namespace) -> Settings:
    return load(vars(options), os.environ)


def _log_to_stderr(settings: Settings) -> None:
    logging.basicConfig(
        level=settings.log_level.upper(),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    for chatty in ("httpx", "httpcore", "openlineage", "uvicorn.error", "asyncio"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLogger().level))
    for driver in ("neo4j", "psycopg"):  # whoever uses one tells what went wrong, in one line
        logging.getLogger(driver).setLevel(logging.DEBUG if settings.log_level == "debug" else logging.CRITICAL)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="andon",
        description="A live graph of every dataset, column, job and run, kept true by OpenLineage events,"
        " with rules that act on it.",
        epilog="andon COMMAND --help says more about each.",
    )
    parser.add_argument("--version", action="version", version=f"andon {version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    serve = _command(commands, "serve", "take events and answer questions over HTTP", _serve)
    _add_settings(serve, [row.name for row in ROWS])
    demo = _command(commands, "demo", "serve a small shop's data estate to look around in", _demo)
    _add_settings(demo, ["data", "host", "port", "log_level"])
    _add_keys(commands)
    _add_journal(commands)
    _add_export(commands)
    _add_keeping(commands)
    _add_sql(commands)
    _add_ontology(commands)
    _add_ingest(commands)
    _add_rules(commands)
    _add_audit(commands)
    _add_gate(commands)
    return parser


def _add_rules(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    rules = commands.add_parser("rules", help="check rules, and try them on the past", allow_abbrev=False)
    verbs = rules.add_subparsers(title="commands", metavar="COMMAND", required=True)
    check = _command(verbs, "check", "read a folder of rules; says every fault with its line", _rules_check)
    test = _command(verbs, "test", "try rules on the cases beside them (NAME.test.yaml)", _rules_test)
    for verb in (check, test):
        verb.add_argument("folder", nargs="?", metavar="FOLDER", help="(default: the setting 'rules')")
    why = _command(verbs, "explain", "say why a rule fired and what came of it", _rules_explain)
    why.add_argument("firing", metavar="FIRING", help="its urn, as GraphQL's firings have it")
    why.add_argument(
        "--url", default="http://127.0.0.1:8080", metavar="URL", help="of the service (default: %(default)s)"
    )
    why.add_argument(
        "--format",
        choices=("text", "json", "prov"),
        default="text",
        help="text, JSON, or PROV-O in Turtle (default: %(default)s)",
    )
    _command(verbs, "packs", "list the rules to start from", _rules_packs)
    copy = _command(verbs, "copy", "copy a pack's rules and cases into a folder of yours", _rules_copy)
    copy.add_argument("pack", metavar="PACK")
    copy.add_argument("folder", metavar="FOLDER")
    schema = _command(verbs, "schema", "print the JSON Schema of a rule, for editors", _rules_schema)
    schema.add_argument("--propagation", action="store_true", help="that of a propagation instead")
    past = _command(verbs, "backtest", "say what a rule would have done; nothing is done", _rules_backtest)
    past.add_argument("file", metavar="RULE", help="a rule's YAML file, whatever its mode")
    past.add_argument("--from", dest="first", metavar="WHEN", help="after this instant of receipt or position")
    past.add_argument("--to", dest="last", metavar="WHEN", help="up to this one (default: the newest)")
    past.add_argument("--ignore-age", action="store_true", help="as if no change had come late: for imported history")
    past.add_argument("--json", action="store_true", help="one JSON object a firing")
    for verb in (check, test, past):
        _add_settings(verb, ["data", "ontology", "ontology_folder", "rules"])


def _add_audit(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    audit = commands.add_parser(
        "audit", help="see whether the log of what rules did is as it was written", allow_abbrev=False
    )
    verbs = audit.add_subparsers(title="commands", metavar="COMMAND", required=True)
    verify = _command(
        verbs,
        "verify",
        "follow the log's chain through the journal; says the first record that is wrong",
        _audit_verify,
    )
    verify.add_argument(
        "--expect", metavar="NUMBER:DIGEST", help="a head that was printed earlier: the log must still contain it"
    )
    verify.add_argument("--json", action="store_true", help="for machines")
    _add_settings(verify, ["data"])


def _add_keys(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    keys = commands.add_parser("keys", help="make, list and revoke the keys that callers need", allow_abbrev=False)
    verbs = keys.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add = _command(verbs, "add", "make a key and print it", _keys_add)
    add.add_argument("name", metavar="NAME", help="whose key it is; stands behind all that is done with it")
    add.add_argument(
        "--scope",
        required=True,
        metavar="SCOPES",
        help="comma-separated: emit (send events), read (ask), write (owners, tags, redactions)",
    )
    revoke = _command(verbs, "revoke", "have a key open nothing any more", _keys_revoke)
    revoke.add_argument("name", metavar="NAME")
    for verb in (add, _command(verbs, "list", "list the keys, revoked ones too", _keys_list), revoke):
        _add_settings(verb, ["data"])


def _add_journal(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    journal = commands.add_parser("journal", help="look at what came in, move it elsewhere", allow_abbrev=False)
    verbs = journal.add_subparsers(title="commands", metavar="COMMAND", required=True)
    tail = _command(verbs, "tail", "print the newest envelopes, one JSON object a line", _journal_tail)
    tail.add_argument("-n", "--lines", type=int, default=10, metavar="N", help="how many (default: 10)")
    export = _command(verbs, "export", "write all that came in to a file; the service may run", _journal_export)
    export.add_argument(
        "file", nargs="?", default="-", metavar="FILE", help="a new file; .gz packs it (default: -, standard output)"
    )
    export.add_argument("--format", choices=("ndjson", "parquet"), help="(default: as the file's name ends, or ndjson)")
    export.add_argument("--from", dest="first", metavar="N", help="the first position (default: 1)")
    export.add_argument("--to", dest="last", metavar="N", help="the last position (default: the newest)")
    bring = _command(
        verbs,
        "import",
        "bring the journal up to an exported one; the service must be stopped",
        _journal_import,
    )
    bring.add_argument("file", metavar="FILE", help="what 'andon journal export' wrote, in either format")
    dead = verbs.add_parser("dead-letters", help="input that was refused", allow_abbrev=False)
    actions = dead.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listing = _command(actions, "list", "print the newest, one JSON object a line", _dead_letters_list)
    listing.add_argument("-n", "--lines", type=int, default=100, metavar="N", help="how many (default: 100)")
    again = _command(
        actions,
        "replay",
        "offer them again; those that are taken leave the list; the service must be stopped",
        _dead_letters_replay,
    )
    again.add_argument("id", type=int, nargs="*", metavar="ID", help="which (default: all)")
    for verb in (tail, export, bring, listing, again):
        _add_settings(verb, ["data"])


def _add_export(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    export = _command(commands, "export", "write the graph as RDF to a file; the service may run", _export)
    export.add_argument(
        "--format",
        choices=("trig", "nquads", "jsonld", "turtle", "ntriples", "dcat"),
        default="trig",
        help="turtle and ntriples have no named graphs; dcat: a catalogue for harvesters, in Turtle (default: trig)",
    )
    export.add_argument("--out", default="-", metavar="FILE", help="a new file (default: -, standard output)")
    export.add_argument("--valid", metavar="TIME", help="what was true then, ISO 8601 (default: now)")
    export.add_argument("--position", metavar="N", help="as far as the first N envelopes told (default: all)")
    _add_settings(export, ["data", "ontology", "ontology_folder"])


def _add_keeping(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    rebuild = _command(commands, "rebuild", "fold the graph anew from the journal and swap it in", _rebuild)
    backup = _command(commands, "backup", "copy all that Andon keeps, while the service runs", _backup)
    backup.add_argument("target", metavar="TARGET", help="a new folder, or a new file named *.tar or *.tar.gz")
    backup.add_argument(
        "--with-graph",
        action="store_true",
        help="copy the graph too, which is quicker to restore; without it the journal brings it again",
    )
    restore = _command(commands, "restore", "make a data folder of a backup, which is checked first", _restore)
    restore.add_argument("source", metavar="SOURCE", help="what 'andon backup' made; --data is where to, and empty")
    _add_settings(rebuild, ["data", "ontology"])
    for verb in (backup, restore):
        _add_settings(verb, ["data"])


def _add_sql(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    sql = commands.add_parser("sql", help="read the lineage of SQL and procedures", allow_abbrev=False)
    verbs = sql.add_subparsers(title="commands", metavar="COMMAND", required=True)
    lineage = _command(verbs, "lineage", "draw which tables and columns are made of which", _sql_lineage, ending=None)
    lineage.add_argument("paths", nargs="*", metavar="PATH", help="files, folders of .sql files, - for standard input")
    lineage.add_argument("--jsonl", metavar="IN", help="a file (or -) with one script as a JSON object on each line")
    lineage.add_argument(
        "--convention",
        choices=_CONVENTIONS,
        help="every statement's own tables; without temporary ones; from a script's first to its last (default: hops)",
    )
    lineage.add_argument(
        "--format",
        choices=("mermaid", "dot", "json", "table", "openlineage"),
        default="table",
        help="of the picture of files; openlineage: events for /api/v1/lineage/batch (default: table)",
    )
    lineage.add_argument("--level", choices=("table", "column"), help="of detail in the picture (default: column)")
    events = lineage.add_argument_group("OpenLineage events")
    events.add_argument("--namespace", metavar="NS", help="of the jobs")
    events.add_argument("--job", metavar="NAME", help="of a script's own statements (default: its file's name)")
    events.add_argument("--dataset-namespace", metavar="NS", help="of the tables (default: that of the jobs)")
    explain = _command(verbs, "explain", "say which expression makes which column", _sql_explain, ending=None)
    explain.add_argument("file", metavar="FILE", help="a file, or - for standard input")
    explain.add_argument("--column", metavar="TABLE.COLUMN", help="only what makes this one (default: all)")
    model = _command(verbs, "model", "say which tables form a star, a snowflake or a vault", _sql_model, ending=None)
    model.add_argument("files", nargs="+", metavar="FILE", help="files, folders of .sql files, - for standard input")
    model.add_argument("--format", choices=("json", "table"), default="table", help="(default: table)")
    for verb in (lineage, explain, model):
        reading = verb.add_argument_group("how it is read")
        reading.add_argument("--dialect", metavar="D", help="a dialect of sqlglot's, such as tsql (default: ANSI)")
        reading.add_argument(
            "--schema",
            dest="schema_file",
            metavar="FILE",
            help="JSON or YAML with the columns that tables have: {table: {column: type}}",
        )
        reading.add_argument("--default-db", metavar="X", help="the database of tables named without one")
        reading.add_argument("--default-schema", metavar="Y", help="the schema of tables named without one")
        reading.add_argument("--manifest", metavar="FILE", help="dbt's manifest.json, by which templates are rendered")


def _add_ingest(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    ingest = commands.add_parser(
        "ingest", help="bring costs, policies and models into a running service", allow_abbrev=False
    )
    verbs = ingest.add_subparsers(title="commands", metavar="COMMAND", required=True)
    focus = _command(verbs, "focus", "bring in an export of costs in FOCUS 1.0 to 1.3", _ingest_focus)
    focus.add_argument("file", metavar="FILE", help="CSV, packed by gzip or not, or Parquet")
    focus.add_argument(
        "--tag",
        action="append",
        metavar="KEY",
        help="a tag of charges whose value is an entity's urn, or which entities bear too; may be repeated, the first"
        " that tells counts (default: andon)",
    )
    focus.add_argument("--at", metavar="TIME", help="when the export was made, ISO 8601 (default: the file's time)")
    policies = _command(
        verbs, "policies", "bring in a folder of policies; those no longer in it are withdrawn", _ingest_policies
    )
    policies.add_argument("folder", metavar="DIR", help="of *.yaml, *.yml and *.json files")
    policies.add_argument(
        "--namespace", default="policies", metavar="NS", help="of the folder's policies alone (default: policies)"
    )
    mlflow = _command(
        verbs, "mlflow", "bring in a model registry; models no longer in it are withdrawn", _ingest_mlflow
    )
    mlflow.add_argument("--tracking-uri", required=True, metavar="URI", help="of MLflow, such as http://host:5000")
    mlflow.add_argument("--registry-uri", metavar="URI", help="of the registry (default: the tracking URI)")
    mlflow.add_argument(
        "--namespace", metavar="NS", help="of the models (default: mlflow://HOST:PORT of the tracking URI)"
    )
    for verb in (focus, policies, mlflow):
        verb.add_argument(
            "--url",
            default="http://127.0.0.1:8080",
            metavar="URL",
            help="of the service; the key that it asks for is ANDON_API_KEY (default: http://127.0.0.1:8080)",
        )
        _add_settings(verb, ["data", "ontology", "ontology_folder"])


def _add_gate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    gate = _command(commands, "gate", "ask whether a pipeline may go on, or somebody has stopped it", _gate, _GATE)
    for name, what in (("job", "a job"), ("dataset", "a dataset, dashboard or model"), ("product", "a data product")):
        gate.add_argument(
            f"--{name}", action="append", metavar="NS/NAME", help=f"{what}, or its urn; may be given again"
        )
    gate.add_argument("--wait", metavar="TIME", help="wait so long for a restart: 90s, 10m, 2h (default: not at all)")
    gate.add_argument(
        "--if-unreachable",
        choices=("go", "stop"),
        default="stop",
        help="what to do where the service does not answer (default: stop, with status 3)",
    )
    gate.add_argument("--json", action="store_true", help="print the service's answer as it is")
    gate.add_argument(
        "--url",
        default="http://127.0.0.1:8080",
        metavar="URL",
        help=f"of the service; the key that it asks for is {PREFIX}API_KEY (default: http://127.0.0.1:8080)",
    )
    _add_settings(gate, [])


def _add_ontology(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    ontology = commands.add_parser("ontology", help="check and explain the words of the graph", allow_abbrev=False)
    verbs = ontology.add_subparsers(title="commands", metavar="COMMAND", required=True)
    check = _command(
        verbs, "check", "say what is wrong with Turtle files of your own, by file and line", _ontology_check
    )
    doc = _command(verbs, "doc", "write a page with all classes, relations and attributes", _ontology_doc)
    for verb in (check, doc):
        verb.add_argument("files", nargs="*", metavar="FILE", help="own files, or folders of .ttl files")
        _add_settings(verb, ["ontology"])
    doc.add_argument("--out", default="docs/ontology", metavar="DIR", help="where to (default: docs/ontology)")
    doc.add_argument("--check", action="store_true", help="write nothing; fail if what stands there is out of date")
    bring = _command(verbs, "import", "bring in a glossary or an ontology that others keep, as terms", _ontology_import)
    bring.add_argument("file", metavar="FILE", help="SKOS or OWL in Turtle, RDF/XML or JSON-LD")
    bring.add_argument(
        "--as",
        dest="kind",
        required=True,
        choices=("glossary", "reference"),
        help="SKOS concepts become glossary terms; classes, properties and individuals of OWL reference terms",
    )
    bring.add_argument("--url", metavar="URL", help="of a running service (default: into a stopped one's journal)")
    bring.add_argument("--dry-run", action="store_true", help="print the facts, send nothing")
    _add_settings(bring, ["data", "ontology"])


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    help: str,
    run: object,
    ending: str | None = _ENDING,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=help,
        description=help[0].upper() + help[1:] + ".",
        epilog=ending,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    return parser


def _add_settings(parser: argparse.ArgumentParser, names: Sequence[str]) -> None:
    group = parser.add_argument_group("settings")
    group.add_argument(
        "--config",
        metavar="FILE",
        help=f"settings file (default: {CONFIG_FILE}, if it is there)",
    )
    for row in ROWS:
        if row.name in names and not row.metadata["secret"]:
            shown = default_text(row)
            choices = row.metadata["choices"]
            metavar = "|".join(choices) if choices else row.name.rsplit("_", 1)[-1].upper()
            sentence = row.metadata["sentence"] + (f" (default: {shown})" if shown else "")
            group.add_argument(flag(row.name), metavar=metavar, help=sentence.replace("%", "%%"))


if __name__ == "__main__":
    sys.exit(main())
