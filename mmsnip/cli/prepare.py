"""Convert recordings to an annotation file (.pkl) or a store (.safetensors).

An interrupted run goes on when the same command is given again. The full
report lies beside the output, in OUTPUT.report.json. What is said here of the
recordings (--unit, --up, ..) wins over what their files say. Exit status: 0;
1 if nothing usable was found, or with --strict something is to be looked at;
2 for wrong arguments.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

UNITS = ('m', 'cm', 'mm')
AXES = ('-x', '-y', '-z', 'x', 'y', 'z')
TABLES = ('.csv', '.tsv', '.txt')
FOLDER, PUBLISHED = 'folder', 'published'
# Facts of a recording that --for takes.
FACTS = ('fps', 'unit', 'scale', 'up', 'mirror', 'layout', 'persons')


def _count(text: str) -> int:
    """A whole number of at least 0."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f'{text} is negative')
    return value


def _persons(text: str) -> int | None:
    return None if text == 'all' else int(text)


def _classes(text: str) -> int | str:
    return text if text == 'auto' else int(text)


def _layouts() -> list[str]:
    from mmsnip.skeleton.layout import layout_names

    return layout_names()


Options = dict[str, dict[str, Any]]
OUTPUT: Options = {
    'input': dict(metavar='INPUT', help='what is converted'),
    'output': dict(metavar='OUTPUT', help='file.pkl or file.safetensors'),
    '--dtype': dict(
        choices=('float32', 'float16'), default='float32', help='of the joints'
    ),
}
COMMON: Options = {
    '--split': dict(
        nargs='+',
        metavar='FILE',
        help='names of each split: .json, train.txt and val.txt, or the '
        'folder of these',
    ),
    '--workers': dict(
        type=_count,
        metavar='N',
        help='processes (default: as many as there are cores, up to 8)',
    ),
    '--dry-run': dict(action='store_true', help='list, but write nothing'),
    '--strict': dict(
        action='store_true',
        help='leave out recordings that are to be looked at, and end with '
        'status 1',
    ),
    '--quiet': dict(action='store_true', help='show no progress'),
    '--fps': dict(
        type=float, metavar='F', help='bring all to this frame rate'
    ),
    '--max-gap': dict(
        type=_count,
        default=10,
        metavar='N',
        help='interpolate a lost joint over at most N frames (default: 10)',
    ),
}
GIVEN: Options = {
    '--unit': dict(
        choices=UNITS, help='of the lengths in the files; all become metres'
    ),
    '--scale': dict(
        type=float,
        metavar='X',
        help='factor that makes the lengths metres, where --unit has none '
        '(0.0254 for inches)',
    ),
    '--up': dict(
        choices=AXES,
        help='axis of the files that points up; it becomes y (write '
        '--up=-y for a negative one)',
    ),
    '--mirror': dict(
        action='store_true', help='left and right are exchanged; mirror back'
    ),
    '--for': dict(
        dest='of_one',
        nargs='+',
        action='append',
        default=[],
        metavar=('NAME', 'FACT=VALUE'),
        help='the same of one recording, or of those that a pattern fits: '
        '--for walk/p01 up=z unit=cm; facts are '
        f'{", ".join(FACTS)}; or --for FILE.yaml (.json) with FACTs by name',
    ),
}
FILES: Options = {
    '--classes-from-folders': dict(
        action='store_true',
        help='the folder that a file lies in names its class',
    ),
    '--layout': dict(
        choices=_layouts, help='joints of the files, in their order'
    ),
    '--source-fps': dict(
        type=float, metavar='F', help='frame rate of the files'
    ),
    '--val-fraction': dict(
        type=float,
        default=0.2,
        metavar='X',
        help='share of each class drawn for val where no --split is given; '
        '0 makes no split (default: 0.2)',
    ),
    '--seed': dict(type=int, default=0, help='of that drawing (default: 0)'),
    '--persons': dict(
        type=_persons,
        metavar='N',
        help='keep the N persons that move most of each recording, or '
        "'all' (default: all)",
    ),
    '--map-layout': dict(
        choices=_layouts,
        help='bring all joints to this layout; what a file lacks is '
        'interpolated or copied from a neighbour',
    ),
}
LABELS: Options = {
    '--labels': dict(
        metavar='PATH',
        help='ActivityNet .json, table .csv or .tsv, ELAN .eaf, frame-wise '
        '.txt, or a folder of .eaf or .txt; matched to recordings by name',
    ),
    '--labels-kind': dict(
        choices=('activitynet', 'elan', 'frames', 'table'),
        help='of that file (default: told by its ending)',
    ),
    '--labels-unit': dict(
        choices=('frames', 's', 'ms'),
        help='of the times in a table whose header does not say it',
    ),
    '--tiers': dict(
        nargs='+',
        metavar='ID',
        help='tiers of ELAN files to read (default: all)',
    ),
    '--background': dict(
        nargs='+',
        metavar='NAME',
        help='names of no action (default: background)',
    ),
    '--overlaps': dict(
        choices=('keep', 'one-label'),
        default='keep',
        help='keep: segments may overlap, as the file has them; one-label: a '
        'frame inside several segments belongs to the one that starts last, '
        'then to the shortest, then to the lowest label (default: keep)',
    ),
    '--keep-unlabelled': dict(
        action='store_true',
        help='keep recordings without labels, in a split "unlabelled"',
    ),
}
BVH: Options = {
    '--positions': dict(
        choices=('auto', 'replace', 'add'),
        default='auto',
        help='whether position channels replace OFFSET or are added to it '
        '(default: auto)',
    ),
    '--drop': dict(
        nargs='+',
        default=(),
        metavar='JOINT',
        help='joints to leave out, such as joint_Root',
    ),
    '--joints': dict(
        nargs='+',
        metavar='JOINT',
        help='joints to keep, in this order (default: all)',
    ),
    '--end-sites': dict(action='store_true', help='take End Sites as joints'),
}
CSV: Options = {
    '--columns': dict(
        metavar='YAML',
        help='what the columns are (default: told by the header)',
    ),
    '--endings': dict(
        nargs='+',
        default=TABLES,
        metavar='ENDING',
        help='of the files (default: .csv .tsv .txt)',
    ),
}
POSES: Options = {
    '--frames-in-folders': dict(
        action=argparse.BooleanOptionalAction,
        help='each folder of .json files is a recording, a file a frame, or '
        'each file is one (default: told by names and content)',
    ),
    '--image': dict(
        action='store_true',
        help="take MediaPipe's landmarks in the image, not in the world",
    ),
}
NTU: Options = {
    '--missing': dict(
        metavar='LIST',
        help='leave out what this file lists, such as '
        'NTU_RGBD_samples_with_missing_skeletons.txt',
    ),
    '--max-persons': dict(
        type=_persons,
        default=2,
        metavar='N',
        help="most bodies of a recording, or 'all' (default: 2)",
    ),
    '--motion-rule': dict(
        action='store_true',
        help='also drop bodies that move too little or too much',
    ),
    '--classes': dict(
        type=_classes,
        default='auto',
        choices=(60, 120, 'auto'),
        help='of NTU RGB+D 60 or 120; auto looks at the files (default)',
    ),
}
PKUMMD: Options = {
    f'--{name}': dict(
        metavar='PATH', help=f'{what}, where it is not found by itself'
    )
    for name, what in (
        ('skeletons', 'folder of the skeletons'),
        ('labels', 'folder of the labels'),
        ('cross-subject', 'list of the cross-subject split'),
        ('cross-view', 'list of the cross-view split'),
    )
}
BABEL: Options = {
    '--amass': dict(
        metavar='PATH', help="AMASS's data sets (default: INPUT/amass)"
    ),
    '--joints': dict(
        metavar='PATH',
        help='joints that are extracted already, a file a motion',
    ),
    '--model': dict(
        metavar='PATH',
        help='your SMPL-H, a file or a folder; needs pip install smplx',
    ),
    '--extra': dict(
        action='store_true', help='take extra_train and extra_val'
    ),
}
PREPARED: Options = {
    '--label-pickle': dict(
        dest='labels',
        metavar='PATH',
        help='of an .npy file, where it does not lie beside as '
        'train_label.pkl',
    ),
}
# Kind: its source, its own options, endings of its files, one line of help.
KINDS: dict[str, tuple[str, Options, Sequence[str] | None, str]] = {
    'ntu': (
        'NTUSource',
        NTU,
        None,
        'NTU RGB+D 60 or 120, a folder of .skeleton files',
    ),
    'pkummd': (
        'PKUMMDSource',
        PKUMMD,
        None,
        'PKU-MMD I or II, a folder of skeletons, labels and split lists',
    ),
    'bvh': (
        'FolderSource',
        BVH,
        ('.bvh',),
        'a folder of .bvh files, a recording each',
    ),
    'csv': (
        'FolderSource',
        CSV,
        TABLES,
        'a folder of tables, a recording each; YAML says what columns are',
    ),
    'pose-json': (
        'FolderSource',
        POSES,
        ('.json',),
        'OpenPose, MMPose, MediaPipe, YOLO-pose, AlphaPose: a file a '
        'recording, or a folder of frames',
    ),
    'babel': (
        'BabelSource',
        BABEL,
        None,
        'BABEL, a folder of its json files and of AMASS motion',
    ),
    'prepared': (
        'PreparedSource',
        PREPARED,
        None,
        'a pickle, .npz or .npy that pyskl, CTR-GCN, AimCLR or the BABEL '
        'benchmark wrote',
    ),
    'folder': (
        'FolderSource',
        {},
        None,
        'a folder of files of any ending that is read, a recording each',
    ),
    'npy': (
        'FolderSource',
        {},
        ('.npy', '.npz'),
        'a folder of .npy and .npz files, a recording each',
    ),
}


def _add(parser: Any, options: Options) -> None:
    for flag, given in options.items():
        if callable(given.get('choices')):
            given = {**given, 'choices': given['choices']()}
        parser.add_argument(flag, **given)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    kinds = parser.add_subparsers(dest='kind', metavar='KIND', required=True)
    for name, (source, options, _, text) in KINDS.items():
        subparser = kinds.add_parser(name, help=text)
        for group in (OUTPUT, COMMON, GIVEN, options):
            _add(subparser, group)
        if source == 'FolderSource':
            files = {key: dict(given) for key, given in FILES.items()}
            if name == 'pose-json':
                text = files['--persons']['help'].replace(': all', ': 2')
                files['--persons'].update(default=2, help=text)
            _add(subparser, files)
            _add(subparser.add_argument_group('segment labels'), LABELS)
    text = 'annotation file to store, or a store to an annotation file'
    _add(kinds.add_parser('pack', help=text), OUTPUT)


def _facts(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Facts of one recording, as text or as YAML has them."""
    from mmsnip.structures import DataError

    facts: dict[str, Any] = {}
    for key, value in values.items():
        text = str(value)
        try:
            if key in ('fps', 'scale'):
                facts[key] = float(text)
            elif key == 'persons':
                facts[key] = int(text)
            elif key == 'mirror':
                facts[key] = dict(yes=True, no=False, true=True, false=False)[
                    text.lower()
                ]
            elif key in FACTS:
                facts[key] = text
            else:
                raise KeyError(key)
        except (KeyError, ValueError):
            raise DataError(
                f'--for {name}: found {key}={text!r}; expected FACT=VALUE, '
                f'facts are {", ".join(FACTS)}'
            ) from None
    return facts


def of_one(groups: Sequence[Sequence[str]]) -> dict[str, dict[str, Any]]:
    """What --for says, by recording or pattern."""
    from mmsnip.structures import DataError

    found: dict[str, dict[str, Any]] = {}
    for name, *words in groups:
        if not words and name.endswith(('.yaml', '.yml', '.json')):
            import yaml

            with open(name, encoding='utf-8') as file:
                try:
                    content = yaml.safe_load(file)
                except (yaml.YAMLError, UnicodeDecodeError) as error:
                    raise DataError(f'{name}: {error}') from None
            flat = isinstance(content, dict) and all(
                isinstance(v, dict) for v in content.values()
            )
            if not flat:
                raise DataError(
                    f'{name}: expected facts by recording, such as '
                    '{"walk/p01": {"up": "z"}}'
                )
            for one, facts in content.items():
                found.setdefault(str(one), {}).update(_facts(facts, str(one)))
            continue
        pairs = dict(word.partition('=')[::2] for word in words)
        found.setdefault(name, {}).update(_facts(pairs, name))
    return found


def job(args: argparse.Namespace) -> tuple[Any, ...]:
    """Source and what is wanted of it."""
    from mmsnip.prepare import folder, published
    from mmsnip.prepare.fit import Expected, Given
    from mmsnip.prepare.job import Wanted
    from mmsnip.skeleton.layout import get_layout

    name, _, endings, _ = KINDS[args.kind]
    values = {k: v for k, v in vars(args).items() if k not in ('kind', 'run')}
    facts: dict[str, Any] = {}
    expected: dict[str, Any] = dict(max_gap=args.max_gap, fps=args.fps)
    if name == 'FolderSource':
        facts = dict(fps=args.source_fps, layout=args.layout)
        expected['persons'] = args.persons
        if args.map_layout is not None:
            expected['layout'] = get_layout(args.map_layout)
    wanted = Wanted(
        Expected(unit='m', up='y', **expected),
        Given(
            unit=args.unit,
            scale=args.scale,
            up=args.up,
            mirror=args.mirror,
            **facts,
        ),
        of_one(args.of_one),
    )
    for one in wanted.of_one:
        wanted.given_for(one)
    own = ('source_fps', 'layout', 'persons', 'map_layout', 'of_one')
    taken = {
        flag.lstrip('-').replace('-', '_')
        for group in (OUTPUT, COMMON, GIVEN)
        for flag in group
    }
    keywords = {k: v for k, v in values.items() if k not in (*own, *taken)}
    if name == 'FolderSource':
        reading = {
            key: keywords.pop(key)
            for key in ('positions', 'drop', 'joints', 'end_sites', 'columns')
            if key in keywords
        }
        if 'image' in keywords:
            reading['world'] = not keywords.pop('image')
        if endings is not None:
            keywords.setdefault('endings', endings)
        keywords['reading'] = {
            k: v
            for k, v in reading.items()
            if k == 'columns' or v not in (None, ())
        }
    make = getattr(folder, name, None) or getattr(published, name)
    return make(args.input, **keywords), wanted


def run(args: argparse.Namespace) -> int:
    """Convert and print the report."""
    from mmsnip.prepare.job import check_output, convert, pack, parts_folder
    from mmsnip.prepare.report import format_report, report_path
    from mmsnip.structures import DataError

    status = 2
    try:
        check_output(args.output, args.dtype)
        if args.kind == 'pack':
            status = 1
            report = pack(args.input, args.output, args.dtype)
        else:
            source, wanted = job(args)
            status = 1
            report = convert(
                source,
                args.output,
                wanted,
                workers=args.workers,
                dry_run=args.dry_run,
                splits=args.split,
                progress=not args.quiet,
                dtype=args.dtype,
                strict=args.strict,
            )
    except KeyboardInterrupt:
        sys.stderr.write(
            f'interrupted; {parts_folder(args.output)} keeps what is done, '
            'give the same command again to go on\n'
        )
        return 130
    except (OSError, ValueError) as error:
        if os.environ.get('MMSNIP_TRACEBACK') == '1':
            raise
        sys.stderr.write(f'error: {error}\n')
        return status if isinstance(error, DataError) else 2
    text = format_report(report)
    if not report.usable:
        sys.stderr.write(f'error: nothing usable was found in {args.input}\n')
    if report.failed:
        sys.stderr.write(
            'error: --strict, and something is to be looked at; '
            f'{parts_folder(args.output)} keeps what is done\n'
        )
    if not report.dry_run:
        written = f'{args.output}\n' if report.usable else ''
        text += f'\n{written}{report_path(args.output)}'
    try:
        print(text, flush=True)
    except BrokenPipeError:  # `head` has seen enough; no more at the exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0 if report.usable and not report.failed else 1
