"""Check this installation, and say in a line what to do where it fails.

Exit status: 0, or 1 where there are problems; notes are none.
"""

from __future__ import annotations

import argparse
import json
import sys

from mmsnip.cli.findings import (
    PROBLEM,
    Finding,
    as_dict,
    format_findings,
    without_traces,
)
from mmsnip.cli.installed import installed_findings
from mmsnip.cli.machine import machine_findings
from mmsnip.cli.places import home
from mmsnip.cli.trial import trial_findings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        '--quick',
        action='store_true',
        help='read versions and sizes only; import and train nothing',
    )
    parser.add_argument(
        '--json', action='store_true', help='print JSON, for programs'
    )
    parser.add_argument(
        '--report',
        action='store_true',
        help='print a text for an issue, without paths, host and user name',
    )


def examine(quick: bool = False) -> list[Finding]:
    """Look at everything.

    Args:
        quick (bool): Leave out what imports torch. Defaults to False.

    Returns:
        list[Finding]: In the order to be read.
    """
    found = [*installed_findings(home()), *machine_findings()]
    return found if quick else [*found, *trial_findings()]


def run(args: argparse.Namespace) -> int:
    """Examine and print."""
    findings = examine(args.quick)
    if args.report:
        findings = without_traces(findings)
    if args.json:
        text = json.dumps(as_dict(findings), indent=1)
    else:
        text = format_findings(findings)
        if args.report:
            text = f'```text\n{text}\n```'
    sys.stdout.write(f'{text}\n')
    return int(any(each.state == PROBLEM for each in findings))
