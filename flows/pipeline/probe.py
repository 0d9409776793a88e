"""Before a run begins: whether its site answers at all, asked as the run will ask it. Knows nothing of who asks."""

from __future__ import annotations

from flows.errors import Refused
from flows.nightscout.authentication import Credentials
from flows.nightscout.circuit_breaker import CircuitBreaker
from flows.nightscout.client import NightscoutClient
from flows.nightscout.rate_limit import RateLimit
from flows.nightscout.site_memory import SiteMemory
from flows.settings import AnalysisRequest


def probe(request: AnalysisRequest, credentials: Credentials) -> None:
    """Read one reading of the request's site; nothing for a directory. A sleeping site is waited for.

    The circuit breaker counts a failure as a run's. It is not told of an answer: whether the run gets all it asks for
    is still to be seen.

    Args:
        request: names the site by its address.
        credentials: for reading.

    Raises:
        Refused: a `SITE_…` reason, as the run would.
    """
    if request.site is None:
        return
    memory = SiteMemory(request.site)
    breaker = CircuitBreaker(memory)
    if not request.ask_now:
        breaker.check_only()
    try:
        # Readings, since every run reads them; a profile may come from a file, and its permission be missing.
        with NightscoutClient(request.site, credentials, rate_limit=RateLimit(memory)) as client:
            client.records("entries/sgv.json", "count=1")
    except Refused as refusal:
        breaker.run_ended(refusal.reason)
        raise
