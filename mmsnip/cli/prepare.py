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
from typing import Any, NamedTuple

UNITS = ('m', 'cm', 'mm')
AXES = ('-x', '-y', '-z', 'x', 'y', 'z')
TABLES = ('.csv', '.tsv', '.txt')
# Facts of a recording that --for takes.
FACTS = ('fps', 'unit', 'scale', 'up', 'mirror', 'layout', 'persons')
Option = dict[str, Any]
Options = dict[str, Option]


def _flag(text: str) -> Option:
    return dict(action='store_true', help=text)


def _value(metavar: str, text: str, **more: Any) -> Option:
    return dict(metavar=metavar, help=text, **more)


def _many(metavar: str, text: str, **more: Any) -> Option:
    return dict(metavar=metavar, help=text, nargs='+', **more)


def _choice(choices: Any, text: str, **more: Any) -> Option:
    return dict(choices=choices, help=text, **more)


def count(text: str) -> int:
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


OUTPUT: Options = {
    'input': _value('INPUT', 'what is converted'),
    'output': _value('OUTPUT', 'file.pkl or file.safetensors'),
    '--dtype': _choice(
        ('float32', 'float16'), 'of the joints', default='float32'
    ),
}
COMMON: Options = {
    '--split': _many(
        'FILE',
        'names of each split: .json, train.txt and val.txt, or the folder of '
        'these',
    ),
    '--workers': _value(
        'N',
        'processes (default: as many as there are cores, up to 8)',
        type=count,
    ),
    '--dry-run': _flag('list, but write nothing'),
    '--strict': _flag(
        'leave out recordings that are to be looked at, and end with status 1'
    ),
    '--quiet': _flag('show no progress'),
    '--fps': _value('F', 'bring all to this frame rate', type=float),
    '--max-gap': _value(
        'N',
        'interpolate a lost joint over at most N frames (default: 10)',
        type=count,
        default=10,
    ),
    '--unit': _choice(UNITS, 'of the lengths in the files; all become metres'),
    '--scale': _value(
        'X',
        'factor that makes the lengths metres, where --unit has none (0.0254 '
        'for inches)',
        type=float,
    ),
    '--up': _choice(
        AXES,
        'axis of the files that points up; it becomes y (write --up=-y for a '
        'negative one)',
    ),
    '--mirror': _flag('left and right are exchanged; mirror back'),
    '--for': _many(
        ('NAME', 'FACT=VALUE'),
        'the same of one recording, or of those that a pattern fits: --for '
        f'walk/p01 up=z unit=cm; facts are {", ".join(FACTS)}; or --for '
        'FILE.yaml (.json) with facts by name',
        dest='of_one',
        action='append',
        default=[],
    ),
}
FILES: Options = {
    '--classes-from-folders': _flag(
        'the folder that a file lies in names its class'
    ),
    '--layout': _choice(_layouts, 'joints of the files, in their order'),
    '--source-fps': _value('F', 'frame rate of the files', type=float),
    '--val-fraction': _value(
        'X',
        'share of each class drawn for val where no --split is given; 0 '
        'makes no split (default: 0.2)',
        type=float,
        default=0.2,
    ),
    '--seed': dict(type=int, default=0, help='of that drawing (default: 0)'),
    '--persons': _value(
        'N',
        'keep the N persons that move most of each recording, or '
        "'all' (default: {})",
        type=_persons,
    ),
    '--map-layout': _choice(
        _layouts,
        'bring all joints to this layout; what a file lacks is interpolated '
        'or copied from a neighbour',
    ),
}
LABELS: Options = {
    '--labels': _value(
        'PATH',
        'ActivityNet .json, table .csv or .tsv, ELAN .eaf, frame-wise .txt, '
        'or a folder of .eaf or .txt; matched to recordings by name',
    ),
    '--labels-kind': _choice(
        ('activitynet', 'elan', 'frames', 'table'),
        'of that file (default: told by its ending)',
    ),
    '--labels-unit': _choice(
        ('frames', 's', 'ms'),
        'of the times in a table whose header does not say it',
    ),
    '--tiers': _many('ID', 'tiers of ELAN files to read (default: all)'),
    '--background': _many('NAME', 'names of no action (default: background)'),
    '--overlaps': _choice(
        ('keep', 'one-label'),
        'keep: segments may overlap, as the file has them; one-label: a '
        'frame inside several segments belongs to the one that starts last, '
        'then to the shortest, then to the lowest label (default: keep)',
        default='keep',
    ),
    '--keep-unlabelled': _flag(
        'keep recordings without labels, in the split train, where both '
        'stages of training use them'
    ),
}
BVH: Options = {
    '--positions': _choice(
        ('auto', 'replace', 'add'),
        'whether position channels replace OFFSET or are added to it '
        '(default: auto)',
        default='auto',
    ),
    '--drop': _many(
        'JOINT', 'joints to leave out, such as joint_Root', default=()
    ),
    '--joints': _many(
        'JOINT', 'joints to keep, in this order (default: all)', default=()
    ),
    '--end-sites': _flag('take End Sites as joints'),
}
CSV: Options = {
    '--columns': _value(
        'YAML', 'what the columns are (default: told by the header)'
    ),
    '--endings': _many(
        'ENDING', 'of the files (default: .csv .tsv .txt)', default=TABLES
    ),
}
POSES: Options = {
    '--frames-in-folders': dict(
        action=argparse.BooleanOptionalAction,
        help='each folder of .json files is a recording, a file a frame, or '
        'each file is one (default: told by names and content)',
    ),
    '--image': _flag(
        "take MediaPipe's landmarks in the image, not in the world"
    ),
}
NTU: Options = {
    '--missing': _value(
        'LIST',
        'leave out what this file lists, such as '
        'NTU_RGBD_samples_with_missing_skeletons.txt',
    ),
    '--max-persons': _value(
        'N',
        "most bodies of a recording, or 'all' (default: 2)",
        type=_persons,
        default=2,
    ),
    '--motion-rule': _flag(
        'also drop bodies that move too little or too much'
    ),
    '--classes': _choice(
        (60, 120, 'auto'),
        'of NTU RGB+D 60 or 120; auto looks at the files (default)',
        type=_classes,
        default='auto',
    ),
}
PKUMMD: Options = {
    f'--{name}': _value('PATH', f'{what}, where it is not found by itself')
    for name, what in (
        ('skeletons', 'folder of the skeletons'),
        ('labels', 'folder of the labels'),
        ('cross-subject', 'list of the cross-subject split'),
        ('cross-view', 'list of the cross-view split'),
    )
}
BABEL: Options = {
    '--amass': _value('PATH', "AMASS's data sets (default: INPUT/amass)"),
    '--joints': _value(
        'PATH', 'joints that are extracted already, a file a motion'
    ),
    '--model': _value(
        'PATH', 'your SMPL-H, a file or a folder; needs pip install smplx'
    ),
    '--extra': _flag('take extra_train and extra_val'),
}
PREPARED: Options = {
    '--label-pickle': _value(
        'PATH',
        'of an .npy file, where it does not lie beside as train_label.pkl',
        dest='labels',
    ),
}


NO_OPTIONS: Options = {}


class Kind(NamedTuple):
    """A source, its help and options, and the endings of its files."""

    source: str
    help: str
    options: Options = NO_OPTIONS
    endings: Sequence[str] | None = None


FOLDER = 'FolderSource'
KINDS = {
    'ntu': Kind(
        'NTUSource', 'NTU RGB+D 60 or 120, a folder of .skeleton files', NTU
    ),
    'pkummd': Kind(
        'PKUMMDSource',
        'PKU-MMD I or II, a folder of skeletons, labels and split lists',
        PKUMMD,
    ),
    'bvh': Kind(
        FOLDER, 'a folder of .bvh files, a recording each', BVH, ('.bvh',)
    ),
    'csv': Kind(
        FOLDER,
        'a folder of tables, a recording each; YAML says what columns are',
        CSV,
        TABLES,
    ),
    'pose-json': Kind(
        FOLDER,
        'OpenPose, MMPose, MediaPipe, YOLO-pose, AlphaPose: a file a '
        'recording, or a folder of frames',
        POSES,
        ('.json',),
    ),
    'babel': Kind(
        'BabelSource',
        'BABEL, a folder of its json files and of AMASS motion',
        BABEL,
    ),
    'prepared': Kind(
        'PreparedSource',
        'a pickle, .npz or .npy that pyskl, CTR-GCN, AimCLR or the BABEL '
        'benchmark wrote',
        PREPARED,
    ),
    'folder': Kind(
        FOLDER,
        'a folder of files of any ending that is read, a recording each',
    ),
    'npy': Kind(
        FOLDER,
        'a folder of .npy and .npz files, a recording each',
        endings=('.npy', '.npz'),
    ),
}


def _add(parser: Any, options: Options, **defaults: Any) -> None:
    for flag, given in options.items():
        given = {**given}
        if callable(given.get('choices')):
            given['choices'] = given['choices']()
        if flag == '--persons':
            given['default'] = defaults['persons']
            said = given['help'].format(defaults['persons'] or 'all')
            given['help'] = said
        parser.add_argument(flag, **given)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    kinds = parser.add_subparsers(dest='kind', metavar='KIND', required=True)
    for name, kind in KINDS.items():
        subparser = kinds.add_parser(name, help=kind.help)
        for group in (OUTPUT, COMMON, kind.options):
            _add(subparser, group)
        if kind.source == FOLDER:
            _add(subparser, FILES, persons=2 if name == 'pose-json' else None)
            _add(subparser.add_argument_group('segment labels'), LABELS)
    text = 'annotation file to store, or a store to an annotation file'
    _add(kinds.add_parser('pack', help=text), OUTPUT)


def _facts(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Facts of one recording, as text or as YAML has them."""
    from mmsnip.structures import DataError

    truth = dict(yes=True, no=False, true=True, false=False)
    kinds = dict(
        fps=float, scale=float, persons=int, mirror=lambda x: truth[x.lower()]
    )
    facts = {}
    for key, value in values.items():
        try:
            if key not in FACTS:
                raise KeyError(key)
            facts[key] = kinds.get(key, str)(str(value))
        except (KeyError, ValueError):
            raise DataError(
                f'--for {name}: found {key}={str(value)!r}; expected '
                f'FACT=VALUE, facts are {", ".join(FACTS)}'
            ) from None
    return facts


def of_one(groups: Sequence[Sequence[str]]) -> dict[str, dict[str, Any]]:
    """What --for says, by recording or pattern."""
    from mmsnip.structures import DataError

    found: dict[str, dict[str, Any]] = {}
    for name, *words in groups:
        content: Any = {name: dict(w.partition('=')[::2] for w in words)}
        if not words and name.endswith(('.yaml', '.yml', '.json')):
            import yaml

            with open(name, encoding='utf-8') as file:
                try:
                    content = yaml.safe_load(file)
                except (yaml.YAMLError, UnicodeDecodeError) as error:
                    raise DataError(f'{name}: {error}') from None
        flat = isinstance(content, dict) and content.values()
        if not flat or not all(isinstance(v, dict) and v for v in flat):
            raise DataError(
                f'--for {name}: expected FACT=VALUE, or a file of facts by '
                'recording, such as {"walk/p01": {"up": "z"}}'
            )
        for one, facts in content.items():
            found.setdefault(str(one), {}).update(_facts(facts, str(one)))
    return found


def job(args: argparse.Namespace) -> tuple[Any, ...]:
    """Source and what is wanted of it."""
    from mmsnip.prepare import folder, published
    from mmsnip.prepare.fit import Expected, Given
    from mmsnip.prepare.job import Wanted
    from mmsnip.skeleton.layout import get_layout

    kind, own = KINDS[args.kind], vars(args)
    is_folder = kind.source == FOLDER
    names = [*kind.options, *(LABELS if is_folder else ())]
    names = [
        kind.options.get(flag, {}).get('dest', flag[2:].replace('-', '_'))
        for flag in names
    ]
    keywords = {name: own[name] for name in names}
    facts, expected = {}, dict(max_gap=args.max_gap, fps=args.fps)
    make: Any = getattr(published, kind.source, None)
    if is_folder:
        make = folder.FolderSource
        facts = dict(fps=args.source_fps, layout=args.layout)
        expected['persons'] = args.persons
        if args.map_layout is not None:
            expected['layout'] = get_layout(args.map_layout)
        for name in ('classes_from_folders', 'val_fraction', 'seed'):
            keywords[name] = own[name]
        reading = {
            name: keywords.pop(name)
            for name in ('positions', 'drop', 'joints', 'end_sites', 'columns')
            if name in keywords
        }
        if 'image' in keywords:
            reading['world'] = not keywords.pop('image')
        keywords['reading'] = {
            k: v for k, v in reading.items() if k == 'columns' or v
        }
        keywords.setdefault('endings', kind.endings)
    for key in ('unit', 'scale', 'up', 'mirror'):
        facts[key] = own[key]
    wanted = Wanted(
        Expected(unit='m', up='y', **expected),
        Given(**facts),
        of_one(args.of_one),
    )
    for one in wanted.of_one:  # refused now, not for each recording
        wanted.given_for(one)
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
