"""The command line: `andon serve`, `demo`, `keys`, `journal`."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from api.settings import CONFIG_FILE, PREFIX, ROWS, Settings, default_text, flag, load
from api.version import version
from graph.errors import AndonError, InvalidInput
from graph.model import isoformat

_ENDING = f"""\
Every setting is also a variable of the environment ({PREFIX}MAX_BODY_BYTES for
--max-body-bytes) and a key of {CONFIG_FILE} (max_body_bytes). A flag wins over the
environment, that over the file, that over the default.
"""


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
    from api.auth import Keys, parse_scopes

    scopes = parse_scopes(options.scope)
    print(Keys(_keys_file(options)).add(options.name, scopes))
    print("This is the only time the key is shown. Send it as 'Authorization: Bearer <key>'.", file=sys.stderr)


def _keys_list(options: argparse.Namespace) -> None:
    from api.auth import Keys

    for key in Keys(_keys_file(options)).list():
        scopes = ",".join(sorted(scope.value for scope in key.scopes))
        state = f"revoked {isoformat(key.revoked_at)}" if key.revoked_at is not None else "active"
        print(f"{key.name}\t{scopes}\tmade {isoformat(key.created_at)}\t{state}")


def _keys_revoke(options: argparse.Namespace) -> None:
    from api.auth import Keys

    Keys(_keys_file(options)).revoke(options.name)
    print(f"revoked {options.name}")


def _journal_tail(options: argparse.Namespace) -> None:
    from api.journal_commands import tail

    tail(_settings(options), options.lines)


def _journal_replay(options: argparse.Namespace) -> None:
    from api.journal_commands import replay

    replay(_settings(options))


def _dead_letters_list(options: argparse.Namespace) -> None:
    from api.journal_commands import list_dead_letters

    list_dead_letters(_settings(options), options.lines)


def _dead_letters_replay(options: argparse.Namespace) -> int:
    from api.journal_commands import replay_dead_letters

    return replay_dead_letters(_settings(options), options.id)


def _keys_file(options: argparse.Namespace) -> Path:
    from api.auth import KEYS_FILE

    return _settings(options).data / KEYS_FILE


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
    return parser


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
    journal = commands.add_parser("journal", help="look at what came in, rebuild the graph from it", allow_abbrev=False)
    verbs = journal.add_subparsers(title="commands", metavar="COMMAND", required=True)
    tail = _command(verbs, "tail", "print the newest envelopes, one JSON object a line", _journal_tail)
    tail.add_argument("-n", "--lines", type=int, default=10, metavar="N", help="how many (default: 10)")
    replay = _command(
        verbs,
        "replay",
        "drop the graph and fold it anew from the journal; the service must be stopped",
        _journal_replay,
    )
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
    for verb in (tail, replay, listing, again):
        _add_settings(verb, ["data"])


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, help: str, run: object
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=help,
        description=help[0].upper() + help[1:] + ".",
        epilog=_ENDING,
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
        if row.name in names:
            shown = default_text(row)
            choices = row.metadata["choices"]
            metavar = "|".join(choices) if choices else row.name.rsplit("_", 1)[-1].upper()
            sentence = row.metadata["sentence"] + (f" (default: {shown})" if shown else "")
            group.add_argument(flag(row.name), metavar=metavar, help=sentence.replace("%", "%%"))


if __name__ == "__main__":
    sys.exit(main())
