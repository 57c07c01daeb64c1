"""Say what an annotation file holds, and whether it can be used.

Exit status: 0 if the file is sound, 1 if it is not.
"""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument('file', help='annotation file or store')
    parser.add_argument('--split', help='look only at this split')


def run(args: argparse.Namespace) -> int:
    """Print the facts and the problems."""
    from mmsnip.io.annotation import MAX_SHOWN, open_annotation
    from mmsnip.io.inspect import inspect_annotation
    from mmsnip.io.inspect_text import format_facts

    try:
        facts = inspect_annotation(
            open_annotation(args.file),
            args.file,
            split=args.split,
            joints=False,
        )
    except ValueError as error:
        print(error)
        return 1
    print(format_facts(facts, num_videos=None))
    problems = facts['problems']
    if not problems:
        print('no problems found')
        return 0
    print(f'{len(problems)} problem(s):')
    for problem in problems[:MAX_SHOWN]:
        print(f'- {problem}')
    if len(problems) > MAX_SHOWN:
        print(f'- ... and {len(problems) - MAX_SHOWN} more')
    return 1
