"""Whether the nights come: each schedule that is on has made its next run. That it is on proves nothing.

Prefect's scheduler looks once a minute and keeps at least three coming runs for each active schedule
(`PREFECT_SERVER_SERVICES_SCHEDULER_MIN_RUNS`), as far as they lie within 100 days. Where it fails, the schedule is
shown as active all the same; and a run that it made proves nothing before it has started.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flows.doctor.check import CheckContext, CheckResult, fail, ok, skipped, warn
from flows.doctor.server import ask, when_it_answers
from flows.language.catalogue import to_translate
from flows.language.translatable import translatable

SCHEDULER_LOOKS = timedelta(minutes=3)  # its minute, and what a busy server needs
LATE = timedelta(minutes=15)  # a worker that is there and free takes a run within seconds
LOGS = "`docker compose logs` (or what `autotune serve` prints)"
MOST = 200  # what one answer of the API holds

Scheduled = tuple[dict[str, Any], dict[str, Any]]  # a deployment, and a schedule of it, as the API gives both


@when_it_answers
def schedules(context: CheckContext) -> CheckResult:
    """The next run's time; a failure where a schedule is on and no run of it is coming."""
    if (found := _deployments(context)) is None:
        return skipped(to_translate("the server does not say"))
    on = _on(found)
    paused = [d["name"] for d in found if d.get("paused") and any(s["active"] for s in d["schedules"])]
    if paused:
        return fail(
            translatable("The deployment {paused} is paused: its schedule makes no run.", paused=paused[0]),
            translatable("Resume {paused} on the page Deployments.", paused=paused[0]),
        )
    if not on:
        return ok(to_translate("no schedule is on: nothing runs unless somebody asks for it"))
    if (late := _late(context, {d["id"]: d["name"] for d, _ in on})) is not None:
        return late
    next_runs = _next_runs(context, [d["id"] for d, _ in on])
    if next_runs is None:
        return skipped(to_translate("the server does not say"))
    missing = _missing(on, next_runs, context.now)
    for deployment, schedule in missing:
        if context.now - datetime.fromisoformat(schedule["updated"]) > SCHEDULER_LOOKS:
            return fail(
                translatable(
                    "The schedule {schedule} of {deployment} is on, but the server has made no run of it.",
                    schedule=_name(schedule),
                    deployment=deployment["name"],
                ),
                translatable(
                    "{logs} says why its scheduler fails; bring server and worker up to the same version.", logs=LOGS
                ),
            )
    if missing:
        deployment, schedule = missing[0]
        return warn(
            translatable(
                "The schedule {schedule} of {deployment} was just changed; its next run is not made yet.",
                schedule=_name(schedule),
                deployment=deployment["name"],
            ),
            to_translate("Look again in three minutes."),
        )
    coming = [(d, s) for d, s in on if s["id"] in next_runs]
    if not coming:
        return warn(
            translatable(
                "The schedule {schedule} of {deployment} is on, but has no run within 100 days.",
                schedule=_name(on[0][1]),
                deployment=on[0][0]["name"],
            ),
            translatable(
                "If it should have one: it may have ended, or the server's scheduler fails. {logs} says why.", logs=LOGS
            ),
        )
    deployment, schedule = min(coming, key=lambda pair: next_runs[pair[1]["id"]])
    zone = schedule["schedule"].get("timezone") or "UTC"
    at = next_runs[schedule["id"]].astimezone(ZoneInfo(zone))
    others = translatable("; {count} schedules are on", count=len(on)) if len(on) > 1 else ""
    return ok(
        translatable(
            "the next run of {deployment} is at {at:%Y-%m-%d %H:%M} {zone}{others}",
            deployment=deployment["name"],
            at=at,
            zone=zone,
            others=others,
        )
    )


@dataclass(frozen=True)
class WithoutNextRun:
    """A schedule that is on and has no coming run, though it must have one; since when it stands as it is."""

    deployment_id: str
    schedule_id: str
    name: str
    since: datetime


def without_next_run(context: CheckContext) -> list[WithoutNextRun]:
    """The schedules that the server has forgotten; none where it does not say."""
    on = _on(_deployments(context) or [])
    next_runs = _next_runs(context, [d["id"] for d, _ in on]) if on else None
    return [
        WithoutNextRun(d["id"], s["id"], f"{_name(s)} of {d['name']}", datetime.fromisoformat(s["updated"]))
        for d, s in (_missing(on, next_runs, context.now) if next_runs is not None else [])
    ]


def _deployments(context: CheckContext) -> list[dict[str, Any]] | None:
    question = {"limit": MOST, "deployments": {"tags": {"any_": ["autotune"]}}}
    found = ask(context, "/deployments/filter", question)
    return found if isinstance(found, list) else None


def _on(found: list[dict[str, Any]]) -> list[Scheduled]:
    return [(d, s) for d in found if not d.get("paused") for s in d["schedules"] if s["active"]]


def _missing(on: list[Scheduled], next_runs: dict[str, datetime], now: datetime) -> list[Scheduled]:
    return [(d, s) for d, s in on if s["id"] not in next_runs and _comes_within_weeks(s["schedule"], now)]


def _late(context: CheckContext, deployments: dict[str, str]) -> CheckResult | None:
    """A result where a scheduled run should have started long ago."""
    runs = _scheduled(context, list(deployments), {"before_": (context.now - LATE).isoformat()})
    if (first := next((run for run in runs or [] if run.get("auto_scheduled")), None)) is None:
        return None
    busy = ask(context, "/flow_runs/count", {"flow_runs": {"state": {"type": {"any_": ["RUNNING", "PENDING"]}}}})
    due = datetime.fromisoformat(first["expected_start_time"]).astimezone(UTC)
    sentence = (
        f"A run of {deployments[first['deployment_id']]} was due at {due:%Y-%m-%d %H:%M} UTC and has not started."
    )
    if busy:
        return warn(sentence, to_translate("Another run is in progress; check again when it has ended."))
    return fail(
        sentence, translatable("Look at the checks `worker` and `limits`. {logs} says what its worker did.", logs=LOGS)
    )


def _comes_within_weeks(how: dict[str, Any], now: datetime) -> bool:
    """Whether a schedule surely has a run within 100 days: by cron on any day of any month, or at a short interval."""
    if how.get("cron"):
        fields = str(how["cron"]).split()
        return len(fields) >= 5 and fields[2:4] == ["*", "*"]
    if how.get("interval"):
        began = not how.get("anchor_date") or datetime.fromisoformat(how["anchor_date"]) <= now
        return began and float(how["interval"]) < timedelta(days=99).total_seconds()
    return False  # an rrule may have ended


def _next_runs(context: CheckContext, deployments: list[str]) -> dict[str, datetime] | None:
    """When each schedule's next run is, by the schedule's id."""
    first: dict[str, datetime] = {}
    for offset in range(0, 10 * MOST, MOST):
        runs = _scheduled(context, deployments, {"after_": context.now.isoformat()}, offset)
        if runs is None:
            return None
        for run in runs:
            schedule = (run.get("created_by") or {}).get("id")
            if run.get("auto_scheduled") and schedule:
                first.setdefault(str(schedule), datetime.fromisoformat(run["expected_start_time"]))
        if len(runs) < MOST:
            break
    return first


def _scheduled(context: CheckContext, deployments: list[str], due: dict[str, str], offset: int = 0) -> Any:
    """Runs of deployments that wait for their time, the earliest first; `None` where the server does not say."""
    wanted = {
        "deployment_id": {"any_": deployments},
        "state": {"type": {"any_": ["SCHEDULED"]}},
        "expected_start_time": due,
    }
    question = {"flow_runs": wanted, "sort": "EXPECTED_START_TIME_ASC", "limit": MOST, "offset": offset}
    return ask(context, "/flow_runs/filter", question)


def _name(schedule: dict[str, Any]) -> str:
    """A schedule as the page shows it; its parameters are nobody's business here."""
    how = schedule["schedule"]
    return str(schedule.get("slug") or how.get("cron") or how.get("rrule") or how.get("interval"))
