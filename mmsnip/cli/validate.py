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
    """Print the summary and the problems."""
    from mmsnip.io.annotation import (
        MAX_SHOWN,
        AnnotationError,
        check_annotation,
        complete_metainfo,
        open_annotation,
    )
    from mmsnip.io.annotation_summary import format_summary, summarize_videos

    try:
        data = open_annotation(args.file)
        data['annotations'] = list(data['annotations'])  # of a store, too
        problems = check_annotation(data, args.file, args.split)
    except AnnotationError as error:
        print(error)
        return 1
    print(f'{args.file}')
    videos = data['annotations']
    splits = data['split']
    for name, names in splits.items():
        count = len(names) if hasattr(names, '__len__') else '?'
        print(f'split {name!s:<10}{count} videos')
    if args.split is not None and args.split in splits:
        chosen = set(splits[args.split])
        videos = [v for v in videos if v.get('frame_dir') in chosen]
    try:
        metainfo = complete_metainfo(data, args.file)
    except AnnotationError:  # it is among the problems
        metainfo = dict(classes=[], fps=30.0, notes=[])
    else:
        print(
            f'joints          {len(metainfo["parents"])} '
            f'({metainfo["layout"]["name"]}), {metainfo["fps"]:g} frames/s'
        )
    summary = summarize_videos(videos, metainfo['fps'])
    print(format_summary(summary, metainfo['classes']))
    for note in metainfo['notes']:
        print(f'note: {note}')
    if not problems:
        print('no problems found')
        return 0
    print(f'{len(problems)} problem(s):')
    for problem in problems[:MAX_SHOWN]:
        print(f'- {problem}')
    if len(problems) > MAX_SHOWN:
        print(f'- ... and {len(problems) - MAX_SHOWN} more')
    return 1
