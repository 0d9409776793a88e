"""Every way this project says no: one member per refusal, each with a sentence, and a remedy a person can act on.

Knows nothing of how refusals come about. The exception's own text, which Prefect stores and logs, holds no number of a
person's data or therapy; the full sentence is for the run directory, and in the language that is spoken for whoever
reads it at the terminal.
"""

from __future__ import annotations

import errno
import json
from enum import Enum, auto
from pathlib import Path

from flows.language.catalogue import Language, phrase, spoken
from flows.language.translatable import spoken_facts

_TEXTS: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("refusals.json").read_text("utf-8"))


class Reason(Enum):
    """Why a run was refused. Its value: `(sentence, remedy)` of `refusals.json`, filled in by `Refused`."""

    @staticmethod
    def _generate_next_value_(name: str, *_: object) -> tuple[str, str]:
        return _TEXTS[name]["sentence"], _TEXTS[name]["remedy"]

    # --- what was asked for
    NO_TIMEZONE = auto()
    UNKNOWN_TIMEZONE = auto()
    TIMEZONE_DIFFERS_IN_NODE = auto()
    END_BEFORE_START = auto()
    TOO_MANY_DAYS = auto()
    RUN_DIRECTORY_NOT_EMPTY = auto()
    DISK_FULL = auto()

    # --- reading files
    LIMIT_EXCEEDED = auto()
    LIMIT_UNREADABLE = auto()
    FILE_MISSING = auto()
    RUN_NOT_FOUND = auto()
    RUN_DAMAGED = auto()
    FILE_NOT_JSON = auto()
    FILE_NOT_RECORDS = auto()
    NO_RECORDS = auto()

    # --- the history of runs
    HISTORY_EMPTY = auto()
    HISTORY_OF_SEVERAL = auto()
    PDF_NOT_MADE = auto()

    # --- talking to Nightscout
    SITE_URL = auto()
    SITE_NOT_ALLOWED = auto()
    SITE_UNAUTHORIZED = auto()
    SITE_FORBIDDEN = auto()
    SITE_NOT_FOUND = auto()
    SITE_ONLY_V3 = auto()
    SITE_BUSY = auto()
    SITE_FAILS = auto()
    SITE_UNREACHABLE = auto()
    SITE_NOT_DATA = auto()
    SITE_INCOMPLETE = auto()
    SWITCHES_TOO_MANY = auto()
    SITE_ASKS_TO_WAIT = auto()
    SITE_PAUSED = auto()
    SITE_BASIC_AUTH = auto()
    SITE_BEHIND_LOGIN = auto()
    PAGE_URL = auto()
    PAGE_PROXY = auto()
    PREFECT_ADDRESS = auto()
    PREFECT_UNREACHABLE = auto()
    PREFECT_LOST = auto()
    SITE_BLOCK = auto()
    NIGHT_SERVER = auto()
    NIGHT_THERE = auto()
    NIGHT_UNKNOWN = auto()
    NIGHT_REQUEST = auto()
    RUN_DELETED = auto()
    RUN_SUSPENDED = auto()
    RUN_CANCELLED = auto()
    RUN_STOPPED = auto()
    RUN_OVERTAKEN = auto()
    SERVICE_RUNNING = auto()
    SERVICE_PORT = auto()
    BASIC_AUTH_FORM = auto()

    # --- profiles
    NO_PROFILE = auto()
    PROFILE_NOT_FOUND = auto()
    PROFILE_UNITS = auto()
    PROFILE_UNITS_DOUBTFUL = auto()
    PROFILE_SWITCH_UNREADABLE = auto()
    PROFILE_FIELD = auto()

    # --- what upstream is about to read
    PUMP_PROFILE_MISSING = auto()
    BASAL_ZERO = auto()
    BASAL_EMPTY = auto()
    BASAL_START = auto()
    BASAL_ORDER = auto()
    ISF_MISSING = auto()
    ISF_START = auto()
    ISF_RANGE = auto()
    CARB_RATIO_RANGE = auto()
    CURVE_UNKNOWN = auto()
    DIA_MISSING = auto()
    CARB_IMPACT_MISSING = auto()
    CAPS_WIDENED = auto()
    GLUCOSE_NOT_DATA = auto()
    NO_GLUCOSE = auto()
    GLUCOSE_IN_MMOL = auto()
    GLUCOSE_DATE = auto()
    TOO_FEW_READINGS = auto()
    TREATMENTS_NOT_DATA = auto()
    NO_INSULIN = auto()
    AUTOMATIC_BASAL = auto()
    DATA_IN_FUTURE = auto()
    LONG_TEMP_BASAL = auto()
    NOT_UNDERSTOOD = auto()
    TOO_FEW_GOOD_DAYS = auto()
    NO_DAYS_LEFT = auto()
    BOOKS_DO_NOT_BALANCE = auto()

    # --- what upstream did
    UPSTREAM_STOPPED = auto()
    UPSTREAM_NO_PROFILE = auto()
    UPSTREAM_NO_EVIDENCE = auto()
    RECOMMENDATION_INVALID = auto()
    BEYOND_CAPS = auto()
    TIMED_OUT = auto()
    OUT_OF_MEMORY = auto()
    UPSTREAM_CHANGED = auto()
    ENGINE_MISSING = auto()
    ENGINE_BROKEN = auto()

    # --- writing a proposal back
    PROPOSAL_UNREADABLE = auto()
    PROPOSAL_ALTERED = auto()
    PROPOSAL_OTHER_SHA256 = auto()
    PROPOSAL_OLD = auto()
    PROPOSAL_OF_BACKFILL = auto()
    APPROVAL_EXPIRED = auto()
    PLAN_NOT_AS_SEEN = auto()
    SITE_NOT_AS_SEEN = auto()
    WRITE_TOKENS_FILE = auto()
    PROPOSAL_EARLIER = auto()
    PROPOSAL_RED = auto()
    PROPOSAL_NO_STEP = auto()
    PROPOSAL_TAKE_BACK = auto()
    PROPOSAL_UNSURE = auto()
    PROPOSAL_OTHER_CURVE = auto()
    PROPOSAL_SEVERAL = auto()
    PROPOSAL_WITHOUT_SITE = auto()
    PROPOSAL_OTHER_SOURCE = auto()
    BEYOND_BASELINE = auto()
    STEP_TOO_SOON = auto()
    APPROVAL_MISSING = auto()
    NOTHING_TO_WRITE = auto()
    NOTHING_LESS_TO_WRITE = auto()
    REPORT_ONLY = auto()
    WRITE_NAME = auto()
    WRITE_NAME_TAKEN = auto()
    WRITE_NAME_IN_USE = auto()
    WRITE_MARKUP = auto()
    WRITE_VALUE = auto()
    WRITE_NO_CREDENTIALS = auto()
    WRITE_SITE_BLOCK = auto()
    WRITE_NOT_PERMITTED = auto()
    SITE_PROFILE_CHANGED = auto()
    SITE_PROFILE_AHEAD = auto()
    SITE_CLOCK = auto()
    SWITCH_IN_FORCE = auto()
    SWITCH_WOULD_END = auto()
    SWITCH_AHEAD = auto()
    ROLLBACK_BY_HAND = auto()
    CHANGE_UNDER_WAY = auto()
    CHANGE_UNSETTLED = auto()
    BACKUP_UNUSABLE = auto()
    JOURNAL_ALTERED = auto()
    NOTHING_DAMAGED = auto()
    PRIVATE_DIRECTORY = auto()
    JOURNAL_CUT_OFF = auto()
    WRITE_REFUSED = auto()
    WRITE_LOST = auto()
    WRITE_UNKNOWN = auto()
    WRITE_DIFFERS = auto()
    WRITE_NOT_RESTORED = auto()
    WRITE_UNDONE = auto()
    WRITE_OVERTAKEN = auto()
    NOTHING_APPLIED = auto()
    APPLIED_ELSEWHERE = auto()
    EDITED_SINCE = auto()
    POLICY_OFF = auto()
    POLICY_UNREADABLE = auto()
    POLICY_FORBIDS = auto()

    @property
    def code(self) -> str:
        """The member's name in lower case, for machines."""
        return self.name.lower()


# Facts that are numbers of a person's data or therapy: shown to the person, never part of the exception's text.
PRIVATE_FACTS = frozenset({"value", "hours", "cap_low", "cap_high", "found", "declared"})


class _Hidden:
    def __format__(self, _: str) -> str:
        return "…"

    def __repr__(self) -> str:
        return "…"


class Refused(Exception):
    """A run that ends without a recommendation, for a reason the user can act on.

    Args:
        reason: the member of `Reason`.
        **facts: what the sentence and remedy are filled in with; those in `PRIVATE_FACTS` stay out of `str()`. A text
            among them that is written out in the call is one of the catalogue.

    Attributes:
        sentence, remedy: in English, to be stored.
    """

    def __init__(self, reason: Reason, **facts: object) -> None:
        self.reason = reason
        self.facts = facts
        sentence, remedy = reason.value
        self.sentence: str = sentence.format(**facts)
        self.remedy: str = remedy.format(**facts)
        public = {k: _Hidden() if k in PRIVATE_FACTS else v for k, v in facts.items()}
        super().__init__(f"{sentence.format(**public)} {remedy.format(**public)}")

    @property
    def spoken_sentence(self) -> str:
        """What is wrong, in the language that is spoken."""
        return (
            self.sentence if spoken() is Language.ENGLISH else phrase(self.reason.value[0], **spoken_facts(self.facts))
        )

    @property
    def spoken_remedy(self) -> str:
        """What to do, in the language that is spoken."""
        return self.remedy if spoken() is Language.ENGLISH else phrase(self.reason.value[1], **spoken_facts(self.facts))


def is_full_disk(error: BaseException) -> bool:
    """Whether the disk is full, or this user's part of it: a refusal, once the run is known."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


class InternalError(RuntimeError):
    """Something that must not happen, whatever the input: exit status 1."""
