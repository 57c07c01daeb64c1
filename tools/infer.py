"""Localize actions in files: ``python tools/infer.py FILE .. --model M``.

Writes a JSON file per input and detections.json, which holds all of them in
the layout of ActivityNet. A file that cannot be used is named and left out.
Exit status: 0 if anything was localized, 1 if nothing was, 2 if the model
cannot be used.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.apis import SkeletonLocalizationInferencer
from mmsnip.apis.launch import readable_errors
from mmsnip.apis.memory import keep_freed_memory
from mmsnip.io.detections import save_detections, seconds_to_frames
from mmsnip.io.recordings_in import group_frames
from mmsnip.io.sequence import READERS
from mmsnip.visualization import safe_file_name

ALL = 'detections'


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'inputs',
        nargs='+',
        metavar='FILE_OR_FOLDER',
        help=f'files that end in {", ".join(sorted(READERS))}, or folders '
        'that are searched for such',
    )
    parser.add_argument(
        '--model',
        required=True,
        metavar='CHECKPOINT',
        help='checkpoint file, or work folder of a training run',
    )
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('work_dirs/infer'),
        metavar='D',
        help='folder of the results, work_dirs/infer by default',
    )
    parser.add_argument(
        '--fps',
        type=float,
        help='frames a second of the inputs, whatever the files say',
    )
    parser.add_argument(
        '--show', action='store_true', help='draw a timeline of each input'
    )
    parser.add_argument(
        '--scores', action='store_true', help='write the frame scores, too'
    )
    parser.add_argument(
        '--proposals',
        choices=['runs', 'sweep'],
        default='runs',
        help="runs of the best class, or BABEL's threshold sweep",
    )
    parser.add_argument(
        '--score-threshold', type=float, help='least score of a detection'
    )
    parser.add_argument('--device', help='such as cpu or cuda:0')
    args = parser.parse_args(argv)
    if args.fps is not None and not 0 < args.fps < 1e6:
        parser.error(f'--fps {args.fps} is no frame rate')
    return args


def find_inputs(given: Sequence[str]) -> list[tuple[str, Path]]:
    """Name and path of each recording; a folder gives what lies in it.

    A folder of pose JSON files that hold a frame each is one recording, see
    `mmsnip.io.recordings_in.holds_frames`.

    Args:
        given (Sequence[str]): Files and folders.

    Returns:
        list[tuple[str, Path]]: Different names, also where file names are
        not: the path below the folder without its ending, or the stem.
    """
    found: list[tuple[str, Path]] = []
    for text in given:
        path = Path(text)
        if not path.is_dir():
            found.append((path.stem, path))
            continue
        below = group_frames(
            file
            for file in path.rglob('*')
            if file.suffix.lower() in READERS and file.is_file()
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
    named, taken = [], {ALL}
    for name, path in found:
        free, count = name, 1
        while safe_file_name(free).lower() in taken:
            count += 1
            free = f'{name}-{count}'
        taken.add(safe_file_name(free).lower())
        named.append((free, path))
    return named


def write_all(
    folder: Path, results: Sequence[dict[str, Any]], classes: Sequence[str]
) -> Path:
    """Write the detections of all inputs into one file.

    Args:
        folder (Path): Where ``detections.json`` goes.
        results (Sequence[dict[str, Any]]): Answers of the inferencer.
        classes (Sequence[str]): Names of the classes.

    Returns:
        Path: The file.
    """
    label = {name: index for index, name in enumerate(classes)}
    rows = {
        result['video']: np.array(
            [
                [
                    label[entry['label']],
                    *seconds_to_frames(entry['segment'], result['fps']),
                    entry['score'],
                ]
                for entry in result['detections']
            ]
        )
        for result in results
    }
    rates = {result['video']: result['fps'] for result in results}
    path = folder / f'{ALL}.json'
    save_detections(path, rows, None, classes, rates)
    return path


def main(argv: Sequence[str] | None = None) -> int:
    """Localize in all inputs.

    Args:
        argv (Sequence[str] | None): Arguments, None takes the command line.

    Returns:
        int: Exit status.
    """
    args = parse_args(argv)
    keep_freed_memory()
    infer = SkeletonLocalizationInferencer(args.model, device=args.device)
    print(
        f'{args.model}: {len(infer.classes)} classes, '
        f'{infer.layout.num_joints} joints, {infer.fps:g} frames/s'
    )
    args.out.mkdir(parents=True, exist_ok=True)
    inputs = find_inputs(args.inputs)
    results, started = [], time.perf_counter()
    for number, (name, path) in enumerate(inputs, 1):
        place = f'[{number}/{len(inputs)}]'
        try:
            result = infer(
                path,
                fps=args.fps,
                proposals=args.proposals,
                score_threshold=args.score_threshold,
                return_scores=args.scores,
                show_dir=args.out / 'timelines' if args.show else None,
                names=[name],
            )
            text = json.dumps(result, allow_nan=False)
            file = args.out / f'{safe_file_name(name)}.json'
            file.write_text(text, encoding='utf-8')
        except Exception as error:  # one bad file never loses the others
            expected = isinstance(error, (ValueError, OSError))
            kind = '' if expected else f'{path}: {type(error).__name__}: '
            print(f'{place} error: {kind}{error}', file=sys.stderr)
            continue
        result.pop('scores', None)  # on disk; not kept for all inputs
        results.append(result)
        left_s = (time.perf_counter() - started) / number
        left_s *= len(inputs) - number
        print(
            f'{place} {name}: {len(result["detections"])} detections in '
            f'{result["num_frames"] / result["fps"]:.1f} s of motion'
            + (f', about {left_s:.0f} s left' if left_s >= 1 else ''),
            flush=True,
        )
    if not results:
        print('error: no input could be read', file=sys.stderr)
        return 1
    path = write_all(args.out, results, infer.classes)
    failed = len(inputs) - len(results)
    print(f'{path}: {len(results)} localized, {failed} failed')
    return 0


if __name__ == '__main__':
    with readable_errors():
        sys.exit(main())
