"""`autotune recover`: say what of a site's journal is damaged and what the site has now, and begin a new journal."""

from __future__ import annotations

import argparse

from flows.cli.approval import (
    APPROVAL,
    ask,
    check_names_proposal,
    how,
    reading_tools,
    site_now_text,
)
from flows.cli.console import message, print_either
from flows.cli.exit_code import ExitCode
from flows.cli.options import Command
from flows.cli.run_named import RUN, run_named
from flows.language.catalogue import phrase, to_translate

COMMAND = Command(
    help="go on after the journal of a site was damaged",
    description="Says what is damaged and what the site has now, asks, and sets the damaged journal aside: it is "
    "moved, never deleted, and a new one begins with what the site has. What only the old one knew can then no "
    "longer be rolled back by it. Nothing is written to the site.",
    arguments=(RUN, *APPROVAL),
)
DONE = to_translate("""A new journal has begun with what the site has now.
{site}
The damaged journal is {aside}
Its NOTE.txt says why. Changes before now can no longer be rolled back by the journal: `autotune rollback RUN
--from-site` undoes the last one as far as the site still has what was before it. Else choose the earlier profile on
the phone or in Nightscout; what each change found is in CHANGE/backup.json there.""")


def run(arguments: argparse.Namespace) -> ExitCode:
    """Say what is there; set the journal aside after asking."""
    from flows.writeback.apply import audit
    from flows.writeback.approval_checks import read_sealed
    from flows.writeback.recover import damage, recover, site_now

    approved = read_sealed(run_named(arguments.run), arguments.sha256)
    tools = reading_tools(approved)
    journal = tools.open_journal(approved.site)
    with tools.open_client(approved.site) as client:
        session = tools.site(client)
        found = damage(journal, session.read)
        if found is None:
            print_either(arguments.as_json, {"outcome": "nothing-damaged"}, phrase("The journal is as it was written."))
            return ExitCode.OK
        site = site_now_text(site_now(journal, session))
    message(f"{found.spoken_sentence}\n{site}")
    check_names_proposal(arguments)
    question = phrase("Set this journal aside? What only it knows can then no longer be rolled back by it.")
    ask(question, yes=arguments.yes)
    done = recover(approved.site, tools, audit(tools, approved, how(arguments)))
    document = {
        "outcome": "set-aside",
        "damage": found.sentence,
        "set_aside": str(done.set_aside),
        "active": done.site.active,
        "origin": done.site.origin.name.lower(),
        "change": done.change,
    }
    print_either(arguments.as_json, document, phrase(DONE, site=site_now_text(done.site), aside=done.set_aside))
    return ExitCode.OK
