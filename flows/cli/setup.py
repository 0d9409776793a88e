"""`autotune setup`: walks a person from a site's address to a service ready to start; writes `.env` and the tokens.

A token is asked for without being shown, or comes from the environment; it is never an argument and never in `.env`.
Nothing is written before the site has let a test fetch in, from where the runs will be as far as that can be tested.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from flows.cli import inside
from flows.cli.console import show
from flows.cli.exit_code import ExitCode, UsageError
from flows.cli.options import Command, argument
from flows.cli.questions import Questions, one_of
from flows.cli.setting_files import settings_file, settings_in, token_file, write_together
from flows.cli.setup_site import NotLetIn, SetUp, of_site, site_that_lets_in, token_for_writing
from flows.language.catalogue import phrase, to_translate

COMPOSE_FILES = ("docker-compose.yml", "docker-compose.yaml", "compose.yml", "compose.yaml")
AT = "04:30"  # `nightly_schedule.AT`, without its imports
SOCKET = Path("/var/run/docker.sock")
TOKEN_FILE = "AUTOTUNE_NIGHTSCOUT_TOKEN_FILE"  # noqa: S105
NIGHTLY_AT = "AUTOTUNE_NIGHTLY_AT"
WRITE_TOKEN_FILE = "AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN_FILE"  # noqa: S105

QUESTIONS = {
    "age_group": to_translate("Age group ({values}; empty if not known)"),
    "insulin": to_translate("Insulin ({values}; empty if not known)"),
}

COMMAND = Command(
    help="set up the service: site, tokens, test fetch, time zone, person, nights; writes .env and the tokens' files",
    description="Asks for what is not given. A token comes from a question, from AUTOTUNE_NIGHTSCOUT_TOKEN or "
    "AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN, or from its file, if it is there already. What .env says already is the default.",
    arguments=(
        argument("--nightly", action=argparse.BooleanOptionalAction, default=None, help="run every night"),
        argument("--at", metavar="HH:MM", help=f"local time of the nightly run (default: {AT})"),
        argument("--docker", action=argparse.BooleanOptionalAction, default=None, help="each run in a container"),
        argument(
            "--token-file",
            type=Path,
            metavar="FILE",
            help="where the token is kept (default: ~/.config/autotune/token)",
        ),
        argument(
            "--write-token-file",
            type=Path,
            metavar="FILE",
            help="where the token is kept that may write what was approved (default: write-token beside the other)",
        ),
        argument("--directory", type=Path, metavar="DIR", default=Path(), help="of docker-compose.yml (default: .)"),
        argument("--serve", action="store_true", help="for `autotune serve`: no containers, no docker-compose.yml"),
        argument(
            "--inside",
            action=argparse.BooleanOptionalAction,
            default=None,
            help="test the site from inside the worker's container, and build its image for that (default: where it "
            "is built)",
        ),
        argument("--yes", action="store_true", help="ask nothing: take what is given, and the defaults"),
    ),
    fields="site allow_http timezone age_group insulin",
)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Ask, test, write; a usage error where an answer is missing, `REFUSED` where the site does not let us in."""
    _refuse_nothing_to_set_up(arguments)
    env_file = arguments.directory / ".env"
    questions = Questions("autotune setup", silent=arguments.yes)
    known = settings_in(env_file)
    arguments.at = questions.given(arguments.at, "--at", _time) if arguments.at else None
    from flows.settings import AgeGroup, Insulin
    from flows.values import user_directories
    from flows.values.local_days import canonical_zone

    file = arguments.token_file or Path(known.get(TOKEN_FILE) or user_directories.token_file())
    named = known.get(WRITE_TOKEN_FILE)
    to_write = arguments.write_token_file or Path(named or file.with_name("write-token"))
    of = SetUp(arguments, questions, known, file.absolute(), to_write.absolute())
    try:
        request = site_that_lets_in(of)
        of.write_token = token_for_writing(of, request)
    except NotLetIn:
        return ExitCode.REFUSED
    zone = arguments.timezone
    if not zone:
        zone = questions.ask(
            phrase("Your time zone"), known.get("AUTOTUNE_TIMEZONE") or of.zone, "--timezone", canonical_zone
        )
    settings = {**of_site(request), "AUTOTUNE_TIMEZONE": canonical_zone(zone)}
    for name, values in (("age_group", AgeGroup), ("insulin", Insulin)):
        variable, option = f"AUTOTUNE_{name.upper()}", f"--{name.replace('_', '-')}"
        what = phrase(QUESTIONS[name], values=", ".join(values))
        said = getattr(arguments, name) or questions.ask(what, known.get(variable, ""), option, one_of(values))
        if said or variable in known:
            settings[variable] = said
    nightly = arguments.nightly
    if nightly is None:
        before = known.get("AUTOTUNE_NIGHTLY", "true").lower() == "true"
        nightly = questions.yes(phrase("Run every night?"), before, "--nightly")
    settings["AUTOTUNE_NIGHTLY"] = "true" if nightly else "false"
    at = arguments.at or known.get(NIGHTLY_AT) or AT
    if nightly and not arguments.at:
        question = phrase("At what time (with 04:30 the day that ended at 04:00 counts)")
        at = questions.ask(question, at, "--at", _time)
    if at != AT or NIGHTLY_AT in known:
        settings[NIGHTLY_AT] = at
    settings |= _pool(arguments.docker, known)
    files = []
    if of.token:
        settings[TOKEN_FILE] = str(of.token_file)
        files.append(token_file(of.token_file, of.token))
    if of.write_token:
        settings[WRITE_TOKEN_FILE] = str(of.write_token_file)
        files.append(token_file(of.write_token_file, of.write_token))
    write_together([*files, settings_file(env_file, settings)])
    _say_what_was_written(of, settings, env_file)
    return ExitCode.OK


def _refuse_nothing_to_set_up(arguments: argparse.Namespace) -> None:
    if arguments.serve and arguments.docker:
        raise UsageError("autotune setup: --docker needs containers, and --serve is the service without.")
    if arguments.serve and arguments.inside:
        raise UsageError("autotune setup: --inside needs containers, and --serve is the service without.")
    if not arguments.directory.is_dir():
        raise UsageError(f"autotune setup: there is no directory {arguments.directory}.")
    if not arguments.serve and not any((arguments.directory / name).is_file() for name in COMPOSE_FILES):
        raise UsageError(
            f"autotune setup: there is no docker-compose.yml in {arguments.directory.absolute()}, so that nothing "
            "would read what is written there. Go to your copy of autotune-flows (or name it: --directory); for the "
            "service without Docker give --serve."
        )


def _time(text: str) -> str:
    """A local time as HH:MM, of one as it is typed.

    Raises:
        ValueError: it is none.
    """
    from flows.values.local_days import clock_time

    hour, minute = clock_time(text)
    return f"{hour:02d}:{minute:02d}"


def _pool(docker: bool | None, known: dict[str, str]) -> dict[str, str]:
    """The settings of the work pool; none where nothing was said of it."""
    if docker is None:
        return {}
    profiles = [name for name in known.get("COMPOSE_PROFILES", "").split(",") if name and name != "docker"]
    if not docker:
        return {"COMPOSE_PROFILES": ",".join(profiles), "AUTOTUNE_POOL": "autotune"}
    group = str(SOCKET.stat().st_gid) if SOCKET.exists() else "999"
    profiles.append("docker")
    return {"COMPOSE_PROFILES": ",".join(profiles), "AUTOTUNE_POOL": "autotune-docker", "AUTOTUNE_DOCKER_GID": group}


def _say_what_was_written(of: SetUp, settings: dict[str, str], env_file: Path) -> None:
    lines = [phrase("Written: {file}, readable by you only, with", file=env_file.absolute())]
    lines += [f"  {name}={value}" for name, value in settings.items()]
    lines += [phrase("Written: {file}, the token that reads", file=of.token_file)] if of.token else []
    if of.write_token:
        lines += [phrase("Written: {file}, the token that writes what you approve", file=of.write_token_file)]
    if of.arguments.serve:
        lines += [phrase("Start the service with:"), f"  autotune serve --directory {of.arguments.directory}"]
    else:
        lines += [phrase("Start the service, in {directory}, with:", directory=of.arguments.directory.absolute())]
        lines += ["  docker compose up --detach --build --wait"]
        if not of.inside:
            lines += [
                phrase(
                    "The site was tested from this machine only. Once the service is there, test it from inside with:"
                ),
                f"  {inside.LATER}",
            ]
    show("\n".join(lines))
