"""Whether a notice can reach anybody: an address is set here, or a block of the server holds one."""

from __future__ import annotations

from flows.doctor.check import CheckContext, CheckResult, fail, ok, skipped, warn
from flows.doctor.server import ask
from flows.environment import environment_now
from flows.language.catalogue import to_translate
from flows.language.translatable import translatable
from flows.watch.addresses import addresses_of

BLOCK = "autotune-notices"
REMEDY = to_translate(
    "Put an address into a file and name it with AUTOTUNE_NOTICES_FILE (docs/operations.md, Notices), where the worker "
    "runs."
)


def notices(context: CheckContext) -> CheckResult:
    """The kinds of addresses; nothing is sent (`autotune notices test` does)."""
    found = addresses_of(environment_now())
    if found.not_understood:
        lines = ", ".join(str(number) for number in found.not_understood)
        return fail(
            translatable("The addresses for notices: line {lines} is none that apprise knows.", lines=lines),
            to_translate("Correct it, or take it out."),
        )
    kinds = [address.kind for address in found.known] + _of_blocks(context)
    if kinds:
        return ok(translatable("{kinds}; `autotune notices test` sends a test", kinds=", ".join(dict.fromkeys(kinds))))
    if not context.prefect_api:
        return skipped(to_translate("no server is named: whoever starts a run sees how it ends"))
    return warn(
        to_translate("No notice can reach anybody: no address is set here, nor in a block of the server."), REMEDY
    )


def _of_blocks(context: CheckContext) -> list[str]:
    if not context.prefect_api:
        return []
    question = {"block_documents": {"name": {"any_": [BLOCK]}}, "limit": 20}
    blocks = ask(context, "/block_documents/filter", question) or []
    return [str((block.get("block_type") or {}).get("slug") or "block") for block in blocks]
