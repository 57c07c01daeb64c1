"""A checkpoint becomes a file of another runtime, checked or not kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from mmsnip.apis import SkeletonLocalizationInferencer
from mmsnip.apis.trained_model import Recipe, read_recipe
from mmsnip.export.accuracy import Videos, read_videos, segment_map
from mmsnip.export.checking import (
    LIMIT,
    check_batches,
    check_poses,
    random_cases,
    score_poses,
)
from mmsnip.export.errors import ExportError
from mmsnip.export.formats import check_installed
from mmsnip.export.frame_scorer import FrameScorer
from mmsnip.export.metadata import describe
from mmsnip.export.preparation import foreign_steps
from mmsnip.export.quantize import quantize_weights
from mmsnip.export.runner import Runner
from mmsnip.io.annotation import to_plain
from mmsnip.models.sliding import block_strides, receptive_field

__all__ = ['export_localizer']

CHECKED_VIDEOS = 5  # of an annotation file, against PyTorch


def export_localizer(
    checkpoint: str | os.PathLike[str],
    target: str = 'onnx',
    out: str | os.PathLike[str] | None = None,
    quantize: str | None = None,
    ann_file: str | os.PathLike[str] | None = None,
    split: str | None = None,
    log: Callable[[str], None] = lambda line: None,
) -> Path:
    """Export a localizer and compare the file with PyTorch.

    Args:
        checkpoint (str | os.PathLike[str]): Checkpoint file or work folder.
        target (str): ``onnx``, ``torchscript`` or ``exported-program``.
        out (str | os.PathLike[str], optional): File. None: beside the
            checkpoint, with another ending.
        quantize (str, optional): ``int8`` stores weights in eight bits and
            measures on ``ann_file`` what that costs.
        ann_file (str | os.PathLike[str], optional): Annotated videos of the
            same classes and joints.
        split (str, optional): Its split, see `read_videos`.
        log (Callable[[str], None]): Is told each result.

    Returns:
        Path: The file.

    Raises:
        CheckpointError: If the checkpoint holds no localizer.
        ExportError: If something is not installed, options do not go
            together, or the file does not say what PyTorch says; it is not
            kept then.
    """
    form = check_installed(target)
    _check_quantize(quantize, target, ann_file)
    recipe = read_recipe(checkpoint, None)
    infer = SkeletonLocalizationInferencer(checkpoint, device='cpu')
    about = _describe(recipe, infer, target)
    foreign = foreign_steps(about['pipeline'])
    if foreign:
        log(
            f'note: {foreign} in the test pipeline is none of ours; whoever '
            'uses the file has to do the same'
        )
        if ann_file is not None:
            raise ExportError(f'--ann cannot be used with {foreign}')
    videos = None
    if ann_file is not None:
        videos = read_videos(ann_file, about, split)
    path = Path(out) if out else _beside(recipe.origin, form.suffix, quantize)
    path.parent.mkdir(parents=True, exist_ok=True)
    stride = block_strides(infer.model.backbone)[-1]
    with _kept_if_good(path) as part:
        scorer = FrameScorer(infer.model)
        try:
            form.write(scorer, _example(infer, stride), part, about)
        except Exception as error:  # of an exporter, about any model
            raise ExportError(
                f'{recipe.origin}: the exporter to {target} cannot follow '
                f'{about["model"]}; try another format. '
                f'{type(error).__name__}: {str(error)[:400]}'
            ) from error
        run = form.run(part)
        worst = check_batches(
            run, infer.model, random_cases(stride), about['frames']['min']
        )
        about['check'] = dict(limit=LIMIT, noise=worst)
        log(f'largest difference from PyTorch on noise: {worst:.1g}')
        if not foreign:
            seen = _first(videos) or _random_poses(infer, about)
            worst = check_poses(run, infer, about, seen)
            key = 'videos' if videos else 'random poses'
            about['check'][key] = worst
            log(f'the same on {len(seen)} {key}: {worst:.1g}')
        if quantize:
            _quantize(part, form.run, run, about, videos, log)
        form.stamp(part, about)
        form.run(part)  # it still opens
    log(f'{path}: {path.stat().st_size / 1e6:.2f} MB')
    return path


def _check_quantize(
    quantize: str | None, target: str, ann_file: Any
) -> None:
    if quantize is None:
        return
    if quantize != 'int8':
        raise ExportError(f"quantize={quantize!r} is unknown; use 'int8'")
    if target != 'onnx':
        raise ExportError(
            f'--quantize int8 goes with --to onnx, not {target}: the eager '
            'quantization of torch knows linear layers only, of which a '
            'localizer has none'
        )
    if ann_file is None:
        raise ExportError(
            '--quantize int8 needs --ann FILE, annotated videos on which '
            'its loss in mAP is measured'
        )


def _describe(
    recipe: Recipe, infer: SkeletonLocalizationInferencer, target: str
) -> dict[str, Any]:
    model = infer.model
    parts = dict(backbone=model.backbone, neck=model.neck, head=model.head)
    by_place = getattr(model.backbone, 'data_bn_type', None) == 'MVC'
    return describe(
        recipe.metainfo,
        infer.layout,
        to_plain(recipe.pipeline),
        num_channels=infer.num_channels,
        # a person's place counts: absent ones must not be left out
        persons_by_place=by_place,
        frames=dict(
            min=1,
            # longer videos pass PyTorch in chunks that overlap by as much
            max=model.chunk_rule.chunk_size,
            overlap=receptive_field(model),
        ),
        # of the scores, which the network does not smooth itself
        smooth_frames=model.smooth_frames,
        format=target,
        precision='float32',
        model={
            key: None if part is None else type(part).__name__
            for key, part in parts.items()
        },
        num_parameters=sum(p.numel() for p in model.parameters()),
        checkpoint=Path(recipe.origin).name,
        torch=torch.__version__,
    )


def _beside(origin: str, suffix: str, quantize: str | None) -> Path:
    suffix = f'.{quantize}{suffix}' if quantize else suffix
    return Path(origin).with_suffix(suffix)


def _example(
    infer: SkeletonLocalizationInferencer, stride: int
) -> tuple[torch.Tensor, ...]:
    """Inputs of which no two sizes that are free agree."""
    N, M, T = 3, 2, 2 * stride + 1
    backbone = infer.model.backbone
    generator = torch.Generator().manual_seed(0)
    shape = (N, M, T, backbone.num_joints, backbone.in_channels)
    return (
        torch.randn(shape, generator=generator),
        torch.ones((N, M, T), dtype=torch.bool),
        torch.tensor([T, T - 3, T - 1]),
    )


@contextmanager
def _kept_if_good(path: Path) -> Iterator[str]:
    """Such a name elsewhere, which moves here where nothing is raised."""
    with TemporaryDirectory(prefix='.export-', dir=path.parent) as folder:
        part = Path(folder) / path.name
        yield str(part)
        os.replace(part, path)


def _first(videos: Videos | None) -> dict[str, np.ndarray]:
    """The shortest few, which cost least."""
    if videos is None:
        return {}
    poses = sorted(videos.poses.items(), key=lambda item: item[1].shape[1])
    return dict(poses[:CHECKED_VIDEOS])


def _random_poses(
    infer: SkeletonLocalizationInferencer, about: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """Two walks through space; of two persons one is there half the time."""
    V, C = len(about['joint_names']), about['num_channels']
    rng = np.random.default_rng(0)
    found = {}
    for M, T in ((1, 61), (2, 90)):
        poses = rng.normal(0, 0.02, (M, T, V, C)).cumsum(axis=1)
        poses += rng.normal(0, 0.5, (M, 1, V, C))
        poses[1:, : T // 2] = 0
        found[f'random poses of {M} persons'] = poses.astype(np.float32)
    return found


def _quantize(
    part: str,
    open_file: Callable[[str], Runner],
    run: Runner,
    about: dict[str, Any],
    videos: Videos,
    log: Callable[[str], None],
) -> None:
    """Quantize the file in place; note what it costs."""

    def measure(run: Runner) -> tuple[dict, dict]:
        scores = {
            name: score_poses(run, poses, about, name)
            for name, poses in videos.poses.items()
        }
        return scores, segment_map(scores, videos.truth, about['classes'])

    before, whole = measure(run)
    done, total = quantize_weights(part)
    after, small = measure(open_file(part))
    worst = max(float(np.abs(after[n] - before[n]).max()) for n in before)
    about['precision'] = 'int8 weights'
    about['quantized'] = dict(
        share_of_weights=done / total,
        largest_difference=worst,
        videos=len(before),
        float32=whole,
        int8=small,
    )
    log(f'int8: {done / total:.1%} of the weights, scores move by {worst:.2g}')
    for key, value in whole.items():
        log(
            f'{key}: {value:.4f} in float32, {small[key]:.4f} in int8 '
            f'({small[key] - value:+.4f}, {len(before)} videos)'
        )
