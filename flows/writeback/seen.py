"""What somebody saw is what is written: digests of the profile and of the site as they were shown, held against both.

The page that shows a change and the run that writes it make them by the same function, minutes apart.
"""

from __future__ import annotations

from flows.errors import Reason, Refused
from flows.nightscout.documents import Record
from flows.profiles.stored import document_sha256
from flows.writeback.active_on_site import SiteProfiles, profile_content
from flows.writeback.approval import SyncRequest
from flows.writeback.plan import Plan


def content_sha256(document: Record) -> str:
    """Of what a profile document says, whenever and by whom it was stored.

    Args:
        document: as a site serves it, or as it is to be written.
    """
    return document_sha256(profile_content(document))


def check_plan_as_seen(request: SyncRequest, planned: Plan) -> None:
    """Refuse to write another profile than the one that was shown, where the request says which that was.

    Raises:
        Refused: `PLAN_NOT_AS_SEEN`.
    """
    if request.seen_profile_sha256 not in (None, content_sha256(planned.document)):
        raise Refused(Reason.PLAN_NOT_AS_SEEN)


def check_site_as_seen(request: SyncRequest, state: SiteProfiles) -> None:
    """Refuse to write over another document than the one that was shown, where the request says which that was.

    Raises:
        Refused: `SITE_NOT_AS_SEEN`.
    """
    seen = request.seen_site_sha256
    if seen is not None and any(content_sha256(document) != seen for document in state.newest_alike):
        raise Refused(Reason.SITE_NOT_AS_SEEN)
