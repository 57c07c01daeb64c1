"""Localize actions in files: ``mmsnip infer FILE .. --model M``.

The checkpoint alone suffices. Writes into the folder --out, for each input,
NAME.json (ActivityNet's layout), NAME.csv (seconds) and NAME.eaf (opens in
ELAN), and for all of them results.json and results.csv. A file that cannot be
used is named at the end and left out. Exit status: 0, 1 if an input could not
be used, 2 if the model or an option cannot.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mmsnip.apis.options import PERSONS, PROPOSALS, Options
from mmsnip.io.formats import READERS
from mmsnip.prepare.fit import UNITS
from mmsnip.skeleton.orientation import AXES
from mmsnip.structures import DataError
from mmsnip.structures.files import safe_file_name

MODEL, INPUT, OUTPUT = 'the model', 'what the inputs are', 'the results'


def add_input_arguments(add: Any) -> None:
    """What `infer` and `stream` are told of recordings; it wins over files."""
    add(
        '--fps',
        type=float,
        metavar='RATE',
        help='frames a second; poses are resampled where it is not the '
        "model's, times stay those of the file",
    )
    add(
        '--map-joints',
        metavar='LAYOUT_OR_JSON',
        help='what the joints are, where their names do not tell or some are '
        'missing: the name of a layout (coco, smpl-24, ..), or a .json file '
        'such as {"neck": ["arm_l", "arm_r"], "toe_l": "foot_l"}: joints of '
        'the model, and of the file what stands for them; its key "layout" '
        "may list the names of the file's joints",
    )
    add(
        '--unit',
        choices=list(UNITS),
        help='unit of lengths; matters only to models that do not scale '
        'bodies',
    )
    add(
        '--scale',
        type=float,
        metavar='X',
        help='factor that makes lengths metres, where no unit does',
    )
    add(
        '--up',
        choices=sorted(AXES),
        metavar='AXIS',
        help='axis that points up (y, z, -y, ..; write --up=-y)',
    )
    add(
        '--mirror',
        action='store_true',
        help='left and right are exchanged; mirror them back',
    )
    add(
        '--strict',
        action='store_true',
        help='take what is to be looked at for an error',
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        'inputs',
        nargs='+',
        metavar='FILE_OR_FOLDER',
        help=f'files that end in {", ".join(sorted(READERS))}, or folders '
        'that are searched for such',
    )
    group = parser.add_argument_group(MODEL)
    group.add_argument(
        '--model',
        required=True,
        metavar='CHECKPOINT',
        help='checkpoint file, or work folder of a training run',
    )
    group.add_argument('--device', help='such as cpu or cuda:0')
    group.add_argument(
        '--batch-size',
        type=int,
        default=1,
        metavar='N',
        help='inputs (or persons) that pass the model at once, 1 by default',
    )
    group.add_argument(
        '--persons',
        choices=PERSONS,
        default='joint',
        help='joint: what all persons of a file do together, as the model was '
        'trained (default); each: every track on its own, named in the '
        'results, while it is there',
    )
    group.add_argument(
        '--proposals',
        choices=sorted(PROPOSALS),
        default='runs',
        help='runs of the best class (default); viterbi: the same without '
        "flicker; or BABEL's threshold sweep",
    )
    group.add_argument(
        '--score-threshold',
        type=float,
        metavar='X',
        help='least score of a detection',
    )
    group = parser.add_argument_group(
        INPUT, 'What is said here wins over what the files say, with a note.'
    )
    add_input_arguments(group.add_argument)
    group = parser.add_argument_group(OUTPUT)
    group.add_argument(
        '--out',
        type=Path,
        default=Path('work_dirs/infer'),
        metavar='D',
        help='folder of the results, work_dirs/infer by default',
    )
    group.add_argument(
        '--show',
        action='store_true',
        help='draw a timeline of each input (and person) into D/timelines',
    )
    group.add_argument(
        '--show-dir',
        type=Path,
        metavar='D2',
        help='draw them into this folder',
    )
    group.add_argument(
        '--scores',
        action='store_true',
        help='write the scores of all frames into D/scores.npz',
    )
    group.add_argument(
        '--quiet',
        action='store_true',
        help='print only what is wrong',
    )


def summary(result: dict[str, Any]) -> str:
    """What is printed of an answer."""
    found = [entry['label'] for entry in result['detections']]
    counts = ', '.join(
        f'{found.count(label)} {label}' for label in dict.fromkeys(found)
    )
    length_s = result['num_frames'] / result['fps']
    lines = [f'{result["video"]}: {counts or "no action"} in {length_s:.1f} s']
    look_at = result.get('look_at', ())
    lines += [
        f'    {"look at" if note in look_at else "note"}: {note}'
        for note in result['notes']
    ]
    return '\n'.join(lines)


def run(args: argparse.Namespace) -> int:
    """Localize in all inputs."""
    if args.out.resolve() in [Path(path).resolve() for path in args.inputs]:
        raise DataError(
            f'--out {args.out} is searched for recordings, too, and results '
            'would be taken for some; name another folder'
        )
    show_dir = args.show_dir
    if args.show and show_dir is None:
        show_dir = args.out / 'timelines'
    keys = 'fps map_joints unit scale up mirror strict batch_size persons'
    keys += ' proposals score_threshold'
    asked = {key: getattr(args, key) for key in keys.split()}
    asked.update(return_scores=args.scores, show_dir=show_dir)
    Options(**asked).check(0)

    from mmsnip.apis import SkeletonLocalizationInferencer
    from mmsnip.apis.memory import keep_freed_memory
    from mmsnip.apis.results_folder import ALL, write_all, write_answer
    from mmsnip.prepare.workers import progress_bar

    keep_freed_memory()
    infer = SkeletonLocalizationInferencer(args.model, device=args.device)
    if not args.quiet:
        print(
            f'{args.model}: {len(infer.classes)} classes, '
            f'{infer.layout.num_joints} joints, {infer.fps:g} frames/s',
            flush=True,
        )
    inputs = find_inputs(args.inputs, args.out)
    bar = sys.stderr.isatty() and not args.quiet
    results, errors = [], {}
    with progress_bar('localizing', len(inputs), bar) as progress:

        def failed(place: int, error: Exception) -> None:
            (name, path), text = inputs[place], str(error)
            if not isinstance(error, (ValueError, OSError)):
                text = f'{type(error).__name__}: {text}'
            errors[name] = text if str(path) in text else f'{path}: {text}'
            progress.update()

        found = infer.iterate(
            [path for _, path in inputs],
            on_error=failed,
            names=[name for name, _ in inputs],
            **asked,
        )
        for place, result in found:
            try:
                unwritten = write_answer(args.out, result, infer.classes)
            except (ValueError, OSError) as error:
                failed(place, error)
                continue
            if unwritten:
                result['notes'].append(unwritten)
                result.setdefault('look_at', []).append(unwritten)
            if not args.quiet:
                head = f'[{place + 1}/{len(inputs)}]'
                progress.write(f'{head} {summary(result)}')
                sys.stdout.flush()
            results.append(result)
            progress.update()
    look_at = [(r['video'], n) for r in results for n in r.get('look_at', ())]
    if look_at and len(inputs) > 1 and not args.quiet:
        print('look at (--strict makes these errors):')
        print(*(f'    {name}: {note}' for name, note in look_at), sep='\n')
    sys.stdout.flush()
    for text in errors.values():
        print(f'error: {text}', file=sys.stderr)
    if not results:
        print('error: no input could be used', file=sys.stderr)
        return 1
    path = write_all(args.out, results, infer.classes, errors)
    if not args.quiet:
        print(
            f'{path}: {len(results)} localized, {len(errors)} failed; '
            f'tables beside it: {ALL}.csv, and .json, .csv, .eaf of each'
        )
    return 1 if errors else 0


def find_inputs(
    given: Sequence[str], out: Path | None = None
) -> list[tuple[str, Path]]:
    """Name and path of each recording; a folder gives what lies in it."""
    from mmsnip.io.formats import group_frames

    found: list[tuple[str, Path]] = []
    own = None if out is None else out.resolve()
    for text in given:
        path = Path(text)
        if not path.is_dir():
            found.append((path.stem, path))
            continue
        within = own is not None and path.resolve() in own.parents
        below = group_frames(
            file
            for file in path.rglob('*')
            if file.suffix.lower() in READERS
            and file.is_file()
            and not _holds_labels(file)
            and not (within and own in file.resolve().parents)
        )
        if not below:
            found.append((path.name, path))  # reported as unreadable
        for file in below:
            place = file.relative_to(path)
            if file == path:
                place = Path(path.resolve().name)
            elif not file.is_dir():
                place = place.with_suffix('')
            found.append((place.as_posix(), file))
    named, taken = [], {'results'}
    for name, path in found:
        free, count = name, 1
        while safe_file_name(free).lower() in taken:
            count += 1
            free = f'{name}-{count}'
        taken.add(safe_file_name(free).lower())
        named.append((free, path))
    return named


def _holds_labels(path: Path) -> bool:
    """Whether a table's first row names video, label, start and end."""
    from mmsnip.io.labels.table import choose_columns

    if path.suffix.lower() != '.csv':
        return False
    with suppress(OSError, UnicodeDecodeError, DataError):
        with path.open(encoding='utf-8-sig') as file:
            row = file.readline().rstrip('\n')
        return choose_columns(row, 's', str(path)).header
    return False
