"""Every check, in the order they are shown."""

from __future__ import annotations

from collections.abc import Iterator

from flows.doctor import machine, notices, schedules, server, site
from flows.doctor.check import Check, CheckContext, CheckResult, ExaminedCheck, Level
from flows.errors import Refused
from flows.language.catalogue import to_translate
from flows.language.translatable import translatable

CHECKS: tuple[Check, ...] = (
    Check("node", "the Node.js that runs upstream", machine.node),
    Check("oref0", "upstream's files against the published ones", machine.oref0),
    Check("docker", "a Docker Engine", machine.docker),
    Check("image", "the image of the docker engine", machine.image),
    Check("runs-disk", "room for runs, and the right to write them", machine.runs_disk),
    Check("runs-mode", "who can look into runs", machine.runs_mode),
    Check("prefect-server", "the server that PREFECT_API_URL names", server.server),
    Check("deployments", "what the server can be asked to run", server.deployments),
    Check("schedules", "whether the runs of the schedules that are on are coming", schedules.schedules),
    Check("worker", "the work pool and who polls it", server.worker),
    Check("limits", "whether a limit is held by a run that is over", server.limits),
    Check("notices", "whether a notice can reach anybody", notices.notices),
    Check("site", "the Nightscout site's address", site.reachable),
    Check("site-version", "which Nightscout it is", site.version),
    Check("site-reading", "the credentials for reading", site.reading),
    Check("site-writing", "the credentials for writing, where they are set", site.writing),
    Check("clock", "this computer's clock", machine.clock),
    Check("time-zone", "the person's time zone, here and in Node.js", machine.zone),
)


# Those that look at nothing but the site.
OF_THE_SITE = frozenset({"site", "site-version", "site-reading", "site-writing", "clock", "time-zone"})


def examine(context: CheckContext, names: frozenset[str] | None = None) -> Iterator[ExaminedCheck]:
    """Every check's result as it comes; a check that breaks is a result too, and ends nothing.

    Args:
        context: what is looked over.
        names: of the checks wanted; all where left out.
    """
    for check in (check for check in CHECKS if names is None or check.name in names):
        try:
            result = check.look(context)
        except Refused as refusal:
            result = CheckResult(Level.FAIL, refusal.sentence, refusal.remedy)
        except Exception as error:  # noqa: BLE001 - the doctor must not fall ill itself
            result = CheckResult(
                Level.FAIL,
                translatable("The check itself failed ({name}).", name=type(error).__name__),
                to_translate("This is an error in this program; please report it."),
            )
        yield ExaminedCheck(check.name, check.looks_at, result)
