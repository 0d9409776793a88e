"""Every way this project says no: one member per refusal, each with a sentence, and a remedy a person can act on.

Knows nothing of how refusals come about. The exception's own text, which Prefect stores and logs, holds no number of a
person's data or therapy; the full sentence is for the terminal and the run directory.
"""

from __future__ import annotations

import errno
from enum import Enum


class Reason(Enum):
    """Why a run was refused: `(sentence, remedy)`, filled in with the keywords given to `Refused`."""

    # --- what was asked for
    NO_TIMEZONE = (
        "The time zone is not known: {where} names none.",
        "Pass --timezone with the person's zone, such as Europe/Paris.",
    )
    UNKNOWN_TIMEZONE = (
        "The time zone {zone!r} is not one this system knows.",
        "Pass --timezone with a name of the IANA list, such as America/Denver.",
    )
    TIMEZONE_DIFFERS_IN_NODE = (
        "Node.js reads the time zone {zone!r} differently from this program ({detail}).",
        "Update Node.js or its time-zone data, or pass --timezone with an equivalent zone both know.",
    )
    END_BEFORE_START = (
        "The last day ({end}) is before the first ({start}).",
        "Swap --start and --end.",
    )
    TOO_MANY_DAYS = (
        "{count} days were asked for; at most {limit} are taken in one run.",
        "Ask for fewer days.",
    )
    RUN_DIRECTORY_NOT_EMPTY = (
        "The run directory {path} already holds files.",
        "Give --out a new or empty directory; runs are evidence and never overwritten.",
    )

    DISK_FULL = (
        "The disk is full: there is no space left for the run in {path}.",
        "Delete old runs, or set AUTOTUNE_RUNS to a directory on another disk, and run again.",
    )

    # --- reading files
    FILE_MISSING = ("{file} is not there.", "{remedy}")
    FILE_NOT_JSON = (
        "{file} is not readable JSON ({detail}).",
        "Fetch or export it again; it may have been cut off.",
    )
    FILE_NOT_RECORDS = (
        "{file} holds no list of records ({detail}).",
        "It may be an error page or an error answer saved as data: fetch it again, with credentials.",
    )
    NO_RECORDS = (
        "{what}: no records at all.",
        "Check that the directory or site holds data for the days asked for.",
    )

    # --- the history of runs
    HISTORY_EMPTY = (
        "There is no run of {who} under {root}.",
        "Check --runs (or AUTOTUNE_RUNS), and --site, --from and --profile if they are given.",
    )
    HISTORY_OF_SEVERAL = (
        "Runs of several people may lie under {root}: {who}.",
        "Select one with --site or --from.",
    )

    # --- talking to Nightscout
    SITE_URL = (
        "The Nightscout address cannot be used: {detail}.",
        "Give the site's address only, such as https://my.site.example; secrets go into the environment.",
    )
    SITE_UNAUTHORIZED = (
        "Nightscout refused the credentials for {what} (401).",
        "Set AUTOTUNE_NIGHTSCOUT_TOKEN to an access token whose role may read entries, treatments and profile, "
        "or AUTOTUNE_NIGHTSCOUT_API_SECRET.",
    )
    SITE_FORBIDDEN = (
        "The credentials may not read {what} (403).",
        "Give the token's role the permission to read entries, treatments and profile.",
    )
    SITE_NOT_FOUND = (
        "The address answers, but there is no Nightscout API under it ({what}: 404).",
        "Check the address; it is the one the Nightscout page itself has.",
    )
    SITE_BUSY = (
        "Nightscout asks to slow down ({what}: 429), also after {attempts} attempts.",
        "Try again later.",
    )
    SITE_FAILS = (
        "Nightscout fails with status {status} for {what}, also after {attempts} attempts.",
        "Look at the site in a browser; if it is up, try again with fewer days.",
    )
    SITE_UNREACHABLE = (
        "Nightscout cannot be reached for {what} ({detail}), also after {attempts} attempts.",
        "Check the address and the network.",
    )
    SITE_NOT_DATA = (
        "Nightscout answered {what} with something that is not data ({detail}).",
        "Look at the site in a browser: it may be asleep, in maintenance or behind a login page.",
    )
    SITE_INCOMPLETE = (
        "Nightscout did not give all {what}: {detail}.",
        "Try again; if it stays so, ask for fewer days.",
    )
    SWITCHES_TOO_MANY = (
        "The site has more Profile Switches since {since} than can be asked for: which one holds cannot be found out.",
        "Delete old Profile Switches in Nightscout, or save the profile in its editor with a newer start date (what is "
        "older than the profile decides nothing), and try again.",
    )
    SITE_ASKS_TO_WAIT = (
        "Nightscout asks to wait {seconds:g} s ({what}: {status}).",
        "Try again when that time has passed.",
    )
    SITE_PAUSED = (
        "Requests to Nightscout are paused until {until}: {runs} runs failed in a row since {since} ({why}).",
        "Fix the cause and run again with --now, or wait.",
    )
    SITE_BASIC_AUTH = (
        "The server in front of Nightscout asks for a user name and a password ({what}: 401).",
        "Set AUTOTUNE_NIGHTSCOUT_BASIC_AUTH to user:password, as that server knows them.",
    )
    PREFECT_ADDRESS = (
        "{what} is no address of a Prefect server.",
        "Correct it (such as http://127.0.0.1:4200/api), or unset it: then a server is started while it is needed.",
    )
    SITE_BLOCK = (
        "The Nightscout Site block {name} cannot be used: {detail}.",
        "Save a block of that name in Prefect (docs/operations.md says how), or name the site's address instead.",
    )
    BASIC_AUTH_FORM = (
        "AUTOTUNE_NIGHTSCOUT_BASIC_AUTH cannot be used: it is not of the form user:password.",
        "Write the user name, a colon and the password, in one line.",
    )

    # --- profiles
    NO_PROFILE = (
        "There is no usable profile in {where}.",
        "Save a profile in Nightscout's profile editor, or pass --profile-file or --openaps-profile.",
    )
    PROFILE_NOT_FOUND = (
        "The profile {name!r} is not in the profile document; it has: {names}.",
        "Choose one with --profile NAME.",
    )
    PROFILE_UNITS = (
        "The profile does not say whether its insulin sensitivities are mg/dL or mmol/L.",
        "Set the units in Nightscout's profile editor and save it.",
    )
    PROFILE_UNITS_DOUBTFUL = (
        "The profile says {units}, but its glucose targets are in {other}; its insulin sensitivities could be either.",
        "Correct the units or the targets in Nightscout's profile editor (or in the profile file) and run again.",
    )
    PROFILE_SWITCH_UNREADABLE = (
        "The Profile Switch of {when} was in force at the end of the data and cannot be used: {detail}.",
        "Choose the profile with --profile NAME, or pass --profile-file with the profile that was in force.",
    )
    PROFILE_FIELD = (
        "The profile's {field} cannot be used: {detail}.",
        "Correct it in Nightscout's profile editor (or in the profile file) and run again.",
    )

    # --- what upstream is about to read
    PUMP_PROFILE_MISSING = (
        "The pump profile ({file}) is missing.",
        "Create it, or pass --openaps-profile FILE.",
    )
    BASAL_ZERO = (
        "The basal rate at {start} is 0 U/h: upstream autotune prints no profile for a schedule with a zero in it.",
        "Autotune needs a basal above zero in every block; people on injections enter their long-acting dose as U/h.",
    )
    BASAL_EMPTY = ("The basal schedule is empty.", "Enter the basal rates in the profile.")
    BASAL_START = (
        "The first basal block does not start at 00:00.",
        "Begin the basal schedule at 00:00.",
    )
    BASAL_ORDER = (
        "The basal schedule is not in order of time, or an entry is not a number.",
        "Sort the basal schedule by its minutes and number its entries in that order.",
    )
    ISF_MISSING = (
        "The profile has no insulin sensitivity (isfProfile).",
        "Enter the sensitivity in the profile.",
    )
    ISF_START = (
        "The first insulin sensitivity does not start at 00:00 (offset 0).",
        "Begin the sensitivities at 00:00.",
    )
    ISF_RANGE = (
        "The insulin sensitivity of {value:g} mg/dL per U is outside {low:g}–{high:g}.",
        "Check its units: oref0 reads mg/dL per U; 1 mmol/L is 18 mg/dL.",
    )
    CARB_RATIO_RANGE = (
        "The carb ratio is missing or outside {low:g}–{high:g} g per U.",
        "Enter the carb ratio in grams per unit.",
    )
    CURVE_UNKNOWN = (
        "The profile's insulin curve is {value!r}; upstream knows rapid-acting, ultra-rapid and bilinear.",
        "Set `curve` in the profile; without one upstream silently assumes the old bilinear curve.",
    )
    DIA_MISSING = (
        "The duration of insulin action (dia) is missing or not between {low:g} and {high:g} h.",
        "Enter the duration of insulin action in hours.",
    )
    CARB_IMPACT_MISSING = (
        "The profile has no min_5m_carbimpact.",
        "Set it; oref0's own default is 8 mg/dL per 5 minutes.",
    )
    CAPS_WIDENED = (
        "The profile's autosens_max or autosens_min would let settings move beyond {low:g}–{high:g} of the pump's.",
        "Use values within those bounds; this project never widens the caps.",
    )
    GLUCOSE_NOT_DATA = (
        "The glucose file of {day} is not a list of readings ({detail}).",
        "It may be an error answer saved as data: fetch it again, with credentials.",
    )
    NO_GLUCOSE = (
        "No usable glucose reading (39 mg/dL or more) on {days}.",
        "Choose days with CGM data; upstream cannot work on a day without.",
    )
    GLUCOSE_IN_MMOL = (
        "The glucose readings of {day} are in mmol/L; upstream reads mg/dL and would drop them all.",
        "Convert them by 18, or use --inputs corrected, which does and says so.",
    )
    GLUCOSE_DATE = (
        "{count} glucose records of {day} have a date that is not a number of milliseconds.",
        "Use --inputs corrected, or correct the records.",
    )
    TOO_FEW_READINGS = (
        "Only {count} usable glucose readings on {day}: upstream would find nothing to learn from, and would still "
        "move the basals.",
        "Choose days with more CGM data.",
    )
    TREATMENTS_NOT_DATA = (
        "The treatments file of {day} is not a list of treatments ({detail}).",
        "It may be an error answer saved as data: fetch it again, with credentials.",
    )
    NO_INSULIN = (
        "There is no insulin in the treatments of {days}: no bolus and no temporary basal.",
        "Check that treatments reach Nightscout: without them upstream books every fall on the insulin sensitivity.",
    )
    DATA_IN_FUTURE = (
        "{count} records of {day} lie after this computer's clock.",
        "Set the clock right: upstream ignores insulin that is in the future.",
    )
    LONG_TEMP_BASAL = (
        "A temporary basal on {day} lasts {hours:.0f} hours; durations may be in milliseconds.",
        "Use --inputs corrected, or correct the records; upstream would hang on it.",
    )
    NOT_UNDERSTOOD = (
        "{count} {what} could not be understood ({detail}).",
        "Look at `ledger.json` in the run directory: it names each record and why.",
    )
    TOO_FEW_GOOD_DAYS = (
        "Only {used} of the {count} days can be used ({detail}).",
        "Choose other days, or ask for those days only, with --start and --end.",
    )
    NO_DAYS_LEFT = (
        "None of the {count} days can be used: {detail}.",
        "Choose other days, or look at each day's reason.",
    )
    BOOKS_DO_NOT_BALANCE = (
        "The rule {rule} changed {what} by {found:g} but accounts for {declared:g}.",
        "This is an error in this program; please report it. Nothing was computed.",
    )

    # --- what upstream did
    UPSTREAM_STOPPED = (
        "Upstream's {stage} step stopped on {day}: {detail}.",
        "Its log is work/autotune/log.{day}.{stage}.txt in the run directory.",
    )
    UPSTREAM_NO_PROFILE = (
        "Upstream printed no profile on {day} ({detail}).",
        "Its log is work/autotune/log.{day}.core.txt in the run directory.",
    )
    UPSTREAM_NO_EVIDENCE = (
        "Upstream found no data points to learn from on {days}, and would still move the basals by smoothing.",
        "Choose days with more CGM data.",
    )
    RECOMMENDATION_INVALID = (
        "Upstream's recommended {field} is not a usable number.",
        "Look at work/autotune/newprofile.*.json in the run directory; nothing is recommended.",
    )
    BEYOND_CAPS = (
        "Upstream's recommended {field} lies beyond its own caps ({cap_low:g}–{cap_high:g}).",
        "Nothing is recommended; please report it with the run's manifest.",
    )
    TIMED_OUT = (
        "Upstream did not finish within {seconds:g} s and was stopped.",
        "Ask for fewer days or a longer --timeout; a temporary basal with a wrong duration can also hang it.",
    )
    OUT_OF_MEMORY = (
        "Upstream ran out of its memory limit ({limit}).",
        "Ask for fewer days at once.",
    )
    UPSTREAM_CHANGED = (
        "Upstream as installed in {place} is not what the lock pins: {detail}. Nothing is computed with it.",
        "{remedy}",
    )
    ENGINE_MISSING = ("{what} is not available: {detail}.", "{remedy}")
    ENGINE_BROKEN = (
        "The engine stopped without an answer ({detail}).",
        "Try again; if it stays so, please report it with the run's manifest.",
    )

    # --- writing a proposal back
    PROPOSAL_UNREADABLE = (
        "The proposal of {run} cannot be used: {detail}.",
        "Name a run directory with a finished proposal of this version, or run `autotune propose` again.",
    )
    PROPOSAL_ALTERED = (
        "The proposal does not have the sha256 it is sealed with: it was changed after it was made.",
        "Nothing is written from it. Run `autotune propose` again.",
    )
    PROPOSAL_OTHER_SHA256 = (
        "The proposal is not the one that was approved: its sha256 begins with {found_sha256}.",
        "Look at the proposal again (`autotune show RUN`) and approve the sha256 it has now.",
    )
    PROPOSAL_OLD = (
        "The proposal was made at {made}; one older than {limit:g} h is not written.",
        "Run `autotune propose` again, or allow more with --max-age.",
    )
    PROPOSAL_RED = (
        "The proposal's verdict is red.",
        "A red proposal cannot be applied. The report says which rules were broken.",
    )
    PROPOSAL_UNSURE = (
        "Nothing in the proposal is certain enough to act on.",
        "Keep the settings you have. To write it all the same: --accept-uncertain (in Prefect although_unsure).",
    )
    PROPOSAL_OTHER_CURVE = (
        "The proposal was tuned under another duration or peak of insulin action than the profile's.",
        "All its numbers belong together, and a Nightscout profile has no place for the peak: enter them by hand, or "
        "propose again without --tune-insulin-curve.",
    )
    PROPOSAL_SEVERAL = (
        "The profile has several {what}, and the recommendation for them cannot be trusted yet.",
        "Keep them as they are. The basal by itself: --only basal (in Prefect only: basal).",
    )
    PROPOSAL_WITHOUT_SITE = (
        "The proposal was not made from a Nightscout site's own profile document ({detail}).",
        "Enter the numbers by hand, or propose again with --site and the profile of the site.",
    )
    PROPOSAL_OTHER_SOURCE = (
        "The proposal's {what} is not that of its source profile document.",
        "Nothing is written from it. Run `autotune propose` again.",
    )
    APPROVAL_MISSING = (
        "Not approved: {detail}.",
        "Answer `yes` at the terminal, or give --yes with --sha256 of the proposal that was looked at.",
    )
    NOTHING_TO_WRITE = (
        "The proposal changes none of {parts}.",
        "There is nothing to do; or choose other parts with --only.",
    )
    NOTHING_LESS_TO_WRITE = (
        "Glucose is beyond a low limit of the consensus, and no change of {parts} in the proposal gives less insulin.",
        "Without a person only less insulin is written then. Look at the proposal with your diabetes team.",
    )
    REPORT_ONLY = (
        "{app} does not read profiles from Nightscout: nothing was written.",
        "Type the numbers in yourself; `autotune apply RUN` shows them.",
    )
    WRITE_NAME = (
        "The name cannot be given to a profile: {detail}.",
        "Choose another with --name: letters, digits, spaces and hyphens, at most 40.",
    )
    WRITE_NAME_TAKEN = (
        "The site already has a profile named {name!r}.",
        "Choose another name with --name, or replace it on purpose with --overwrite.",
    )
    WRITE_NAME_IN_USE = (
        "The profile {name!r} is in use: to overwrite it is to activate the new numbers.",
        "Choose another name with --name, or ask for both with --overwrite --activate.",
    )
    WRITE_MARKUP = (
        "A text of the profile document ({where}) holds <, > or &, which Nightscout 15 would write otherwise.",
        "Take the character out in Nightscout's profile editor, save, and propose again.",
    )
    WRITE_VALUE = (
        "Cannot write the {what}: {detail}.",
        "Nothing was written. Please report it with the run's manifest.",
    )
    WRITE_NO_CREDENTIALS = (
        "There is nothing to write with: credentials that may only read are never used for it.",
        "{remedy}",
    )
    WRITE_SITE_BLOCK = (
        "The secrets for the run's site cannot be read here: {detail}.",
        "Run it where Prefect's server is reached (`docker compose exec worker autotune …`, or PREFECT_API_URL), or "
        "set AUTOTUNE_NIGHTSCOUT_SITE to {site} and AUTOTUNE_NIGHTSCOUT_WRITE_TOKEN to a token of that site.",
    )
    WRITE_NOT_PERMITTED = (
        "The write credentials do not have the permission {permissions}; nothing was written.",
        "Give the token's role this permission under Admin Tools, or write with the API secret instead.",
    )
    SITE_PROFILE_CHANGED = (
        "The site's profile is no longer the one the proposal was computed from.",
        "Somebody saved a profile since. Run `autotune propose` again.",
    )
    SITE_PROFILE_AHEAD = (
        "The site's newest profile document starts in the future: Nightscout uses it already, others do not.",
        "Correct its start date in Nightscout's profile editor and propose again.",
    )
    SITE_CLOCK = (
        "The clocks of the site and of this computer differ by {minutes:g} min.",
        "Set the clock right: a profile with a wrong date would be ignored or take effect at another time.",
    )
    SWITCH_IN_FORCE = (
        "A Profile Switch {detail} is in force; activating now would end it.",
        "Wait until it has ended, or end it on the phone, and activate then.",
    )
    SWITCH_WOULD_END = (
        "A Profile Switch is in force that began right after the newest profile document; "
        "a new document would end it in Nightscout.",
        "Save the profile in Nightscout's editor, switch once more a minute later, and propose again.",
    )
    SWITCH_AHEAD = (
        "A Profile Switch of the site is dated later than the clocks say it is: it would decide over the new one.",
        "Set the clocks of the phone, the site and this computer right, or wait until its time has passed.",
    )
    ROLLBACK_BY_HAND = (
        "What was active before cannot be switched back to by this program: {detail}.",
        "Switch to the profile you want on the phone or in Nightscout; backup.json in the journal has what was there.",
    )
    CHANGE_UNDER_WAY = (
        "Another change of this site's profile is in progress.",
        "Wait until it has ended and try again.",
    )
    CHANGE_UNSETTLED = (
        "An earlier change of this site's profile is not finished: {detail}.",
        "Run `autotune apply --resume RUN`; nothing new is written before.",
    )
    BACKUP_UNUSABLE = (
        "The directory for backups and the journal cannot be read and written ({detail}).",
        "Make it readable and writable, or name another with AUTOTUNE_APPLIED; without a backup nothing is written.",
    )
    JOURNAL_ALTERED = (
        "The journal's {file} is not what was written there: {detail}.",
        "Nothing is written from it. Put {path} back from a backup; without one, docs/writing-back.md says what to do.",
    )
    JOURNAL_CUT_OFF = (
        "The journal could not be written any more in the middle of a change: the new profile may be on the site.",
        "Make room for the journal (docs/writing-back.md says where it is), then run `autotune apply --resume RUN`: it "
        "checks what the site has and finishes or undoes the change.",
    )
    WRITE_REFUSED = (
        "The site refused the new {what} (status {status}); the site is as before.",
        "Look at the site and at the token's permissions, and apply again.",
    )
    WRITE_LOST = (
        "The new {what} did not arrive at the site ({detail}); the site is as before.",
        "Apply again.",
    )
    WRITE_UNKNOWN = (
        "It is not known whether the site took the new {what}: it cannot be read now ({detail}).",
        "When the site answers again, run `autotune apply --resume RUN`: it finishes or undoes the change.",
    )
    WRITE_DIFFERS = (
        "The site stored something else than it was sent ({where}); what was there before is in force again.",
        "Please report it with the version of Nightscout.",
    )
    WRITE_NOT_RESTORED = (
        "The site stores something else than it is sent, also when the old profile was written back ({where}).",
        "Look at the profile in Nightscout's editor at once; what was there before is in {backup}.",
    )
    WRITE_UNDONE = (
        "The change was undone ({detail}); the earlier profile is in force again.",
        "Look at the site, and apply again.",
    )
    WRITE_OVERTAKEN = (
        "Somebody else changed the profile at the same time; theirs is in force ({detail}).",
        "Look at the site's profile, and propose again.",
    )
    NOTHING_APPLIED = (
        "Nothing of this run is applied to the site: {detail}.",
        "`autotune apply RUN` writes a proposal; only what was applied can be rolled back.",
    )
    EDITED_SINCE = (
        "The site's profile was changed since this run was applied ({detail}).",
        "Look at the site. To put back what was there before all the same: --even-if-edited.",
    )
    POLICY_OFF = (
        "No policy allows a proposal to be applied without a person.",
        "Write one and name its file with AUTOTUNE_APPLY_POLICY; docs/writing-back.md says how.",
    )
    POLICY_UNREADABLE = (
        "The policy named by AUTOTUNE_APPLY_POLICY cannot be used: {detail}.",
        "Correct the file; docs/writing-back.md describes it.",
    )
    POLICY_FORBIDS = (
        "The policy does not allow this proposal without a person: {detail}.",
        "Look at the proposal and apply it yourself, or leave it.",
    )

    @property
    def code(self) -> str:
        """The member's name in lower case, for machines."""
        return self.name.lower()


# Facts that are numbers of a person's data or therapy: shown to the person, never part of the exception's text.
PRIVATE_FACTS = frozenset({"value", "hours", "cap_low", "cap_high", "found", "declared"})


class _Hidden:
    def __format__(self, _: str) -> str:
        return "…"


class Refused(Exception):
    """A run that ends without a recommendation, for a reason the user can act on.

    Args:
        reason: the member of `Reason`.
        **facts: what the sentence and remedy are filled in with; those in `PRIVATE_FACTS` stay out of `str()`.
    """

    def __init__(self, reason: Reason, **facts: object) -> None:
        self.reason = reason
        sentence, remedy = reason.value
        self.sentence: str = sentence.format(**facts)
        self.remedy: str = remedy.format(**facts)
        public = {k: _Hidden() if k in PRIVATE_FACTS else v for k, v in facts.items()}
        super().__init__(f"{sentence.format(**public)} {remedy.format(**public)}")


def is_full_disk(error: BaseException) -> bool:
    """Whether the disk is full, or this user's part of it: a refusal, once the run is known."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


class InternalError(RuntimeError):
    """Something that must not happen, whatever the input: exit status 1."""
