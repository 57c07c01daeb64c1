"""A checkpoint becomes a file of another runtime, checked or not kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import torch

from mmsnip.apis import SkeletonLocalizationInferencer
from mmsnip.apis.trained_model import Recipe, read_recipe
from mmsnip.evaluation import smooth_frames
from mmsnip.evaluation.protocols import evaluate_scores
from mmsnip.export.formats import (
    Runner,
    check_installed,
    quantize_weights,
)
from mmsnip.export.frame_scorer import FrameScorer
from mmsnip.export.metadata import ExportError, describe
from mmsnip.export.preparation import foreign_steps, model_inputs
from mmsnip.io.annotation import (
    complete_metainfo,
    open_annotation,
    validate_annotation,
)
from mmsnip.models.sliding import block_strides, receptive_field
from mmsnip.structures.plain import to_plain

__all__ = ['export_localizer']

LIMIT = 1e-4  # of a probability
CHECKED_VIDEOS = 5  # of an annotation file, against PyTorch


class Videos(NamedTuple):
    """Annotated videos by name: (M, T, V, C); label, start, end, (n, 3)."""

    poses: dict[str, np.ndarray]
    truth: dict[str, np.ndarray]


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
        split (str, optional): Its split. None: ``val`` where there is such a
            one, else ``test``, else all videos.
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
    if quantize not in (None, 'int8'):
        raise ExportError(f"quantize={quantize!r} is unknown; use 'int8'")
    if quantize and target != 'onnx':
        raise ExportError(
            f'--quantize int8 goes with --to onnx, not {target}: the eager '
            'quantization of torch knows linear layers only, of which a '
            'localizer has none'
        )
    if quantize and ann_file is None:
        raise ExportError(
            '--quantize int8 needs --ann FILE, annotated videos on which '
            'its loss in mAP is measured'
        )
    recipe = read_recipe(checkpoint, None)
    origin = recipe.origin
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
        videos = _read_videos(ann_file, about, split)
    suffix = f'.{quantize}{form.suffix}' if quantize else form.suffix
    path = Path(origin).with_suffix(suffix) if out is None else Path(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    stride = block_strides(infer.model.backbone)[-1]
    with _kept_if_good(path) as part:
        scorer = FrameScorer(infer.model)
        try:
            form.write(scorer, _example(infer, stride), part, about)
        except Exception as error:  # of an exporter, about any model
            raise ExportError(
                f'{origin}: the exporter to {target} cannot follow '
                f'{about["model"]}; try another format. '
                f'{type(error).__name__}: {str(error)[:400]}'
            ) from error
        run = form.run(part)
        worst = check_batches(run, infer.model, stride, about['frames']['min'])
        about['check'] = dict(limit=LIMIT, noise=worst)
        log(f'largest difference from PyTorch on noise: {worst:.1g}')
        if not foreign:
            if videos is None:
                key, seen = 'random poses', _random_poses(about)
            else:  # the shortest few, which cost least
                key, items = 'videos', videos.poses.items()
                items = sorted(items, key=lambda item: item[1].shape[1])
                seen = dict(items[:CHECKED_VIDEOS])
            # The preparation in numpy is checked along with the file.
            worst = max(
                _gap(
                    score_poses(run, poses, about, name),
                    np.array(infer(poses, return_scores=True)['scores']),
                    name,
                )
                for name, poses in seen.items()
            )
            about['check'][key] = worst
            log(f'the same on {len(seen)} {key}: {worst:.1g}')
        if quantize:
            _quantize(part, form.run, run, about, videos, log)
        form.stamp(part, about)
        form.run(part)  # it still opens
    log(f'{path}: {path.stat().st_size / 1e6:.2f} MB')
    return path


def _describe(
    recipe: Recipe,
    infer: SkeletonLocalizationInferencer,
    target: str,
) -> dict[str, Any]:
    model = infer.model
    parts = dict(backbone=model.backbone, neck=model.neck, head=model.head)
    return describe(
        recipe.metainfo,
        infer.layout,
        to_plain(recipe.pipeline),
        num_channels=infer.num_channels,
        # with joints, rate and channels all that the poses are fitted to
        expected={
            key: getattr(infer.expected, key)
            for key in (
                *('unit', 'up', 'with_score', 'num_coords', 'scale_free'),
                *('persons', 'num_person', 'max_gap'),
            )
        },
        # a person's place counts: absent ones must not be left out
        persons_by_place=getattr(model.backbone, 'data_bn_type', '') == 'MVC',
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


def _random_poses(about: Mapping[str, Any]) -> dict[str, np.ndarray]:
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


def _read_videos(
    path: str | os.PathLike[str], about: Mapping[str, Any], split: str | None
) -> Videos:
    """Videos that a model can be tested on, at least one."""
    data = open_annotation(path)
    validate_annotation(data, path)
    metainfo = complete_metainfo(data, path)
    for key in ('classes', 'joint_names'):
        found = metainfo.get(key)
        if found is not None and list(found) != list(about[key]):
            raise ExportError(
                f'{path} has other {key} than the model: {list(found)} '
                f'instead of {about[key]}'
            )
    splits = data['split'] or {}
    if split is not None and split not in splits:
        raise ExportError(
            f'{path} has no split {split!r}; it has {sorted(splits)}'
        )
    if split is None:
        split = next((s for s in ('val', 'test') if s in splits), None)
    chosen = None if split is None else set(splits[split])
    videos = Videos({}, {})
    for video in data['annotations']:
        name = video['frame_dir']
        if chosen is not None and name not in chosen:
            continue
        keypoint = np.asarray(video['keypoint'], dtype=np.float32)
        keypoint = keypoint[None] if keypoint.ndim == 3 else keypoint
        score = video.get('keypoint_score')
        if score is not None and keypoint.shape[-1] < about['num_channels']:
            score = np.reshape(score, keypoint.shape[:3])[..., None]
            keypoint = np.concatenate([keypoint, score], axis=-1)
        videos.poses[name] = keypoint.astype(np.float32, copy=False)
        rows = np.reshape(video.get('segments', ()), (-1, 2))
        labels = np.reshape(video.get('segment_labels', ()), (-1, 1))
        videos.truth[name] = np.hstack([labels, rows]).astype(np.int64)
    if not videos.poses:
        raise ExportError(f'{path}: split {split!r} has no video')
    return videos


def check_batches(
    run: Runner, model: torch.nn.Module, stride: int, least: int
) -> float:
    """Largest difference of a probability over batches of noise.

    Their sizes are those among which an exporter's assumptions show: one
    frame, fewer than the stride, odd, a multiple, long; one video and
    several of different lengths; one person and several, of whom some come
    and go, one is never there, and one video shows nobody. No batch has
    fewer than `least` frames.
    """
    rng = np.random.default_rng(0)
    V, C = model.backbone.num_joints, model.backbone.in_channels
    worst = 0.0
    for lengths, M in (
        ((1,), 1),
        ((max(stride - 1, 2),), 2),
        ((stride + 1,), 1),
        ((4 * stride,), 3),
        ((6 * stride + 3,), 2),
        ((599,), 1),
        ((1, 3 * stride + 1, 2), 2),
        ((45, 64, 51), 1),
    ):
        N, T = len(lengths), max(*lengths, least)
        keypoint = rng.normal(0, 0.5, (N, M, T, V, C)).astype(np.float32)
        mask = rng.random((N, M, T)) < 0.6
        if M > 1:
            mask[0, -1] = False
        if N > 2:
            mask[-1] = False
        valid = np.arange(T) < np.array(lengths)[:, None]
        mask &= valid[:, None]
        keypoint *= valid[:, None, :, None, None]
        batch = dict(
            keypoint=keypoint, body_mask=mask, num_frames=np.array(lengths)
        )
        tensors = {k: torch.from_numpy(v) for k, v in batch.items()}
        if min(lengths) == T:
            tensors['num_frames'] = None
        with torch.no_grad():
            logits = model(tensors.pop('keypoint'), None, **tensors)
            expected = torch.softmax(logits.float(), dim=2).numpy()
        what = f'videos of {lengths} frames, {M} persons'
        found = _call(run, batch, what)
        if found.shape != expected.shape:
            raise ExportError(
                f'{what}: the file gives scores of shape {found.shape}, '
                f'PyTorch of shape {expected.shape}'
            )
        for n, length in enumerate(lengths):
            gap = _gap(found[n, :length], expected[n, :length], what)
            worst = max(worst, gap)
    return worst


def score_poses(
    run: Runner, poses: np.ndarray, about: Mapping[str, Any], name: str
) -> np.ndarray:
    """Frame scores of a video, smoothed as the model smooths them."""
    inputs = model_inputs(poses, about)
    scores = _call(run, inputs, name)[0, : int(inputs['num_frames'][0])]
    return smooth_frames(scores, about.get('smooth_frames', 1))


def _call(
    run: Runner, inputs: Mapping[str, np.ndarray], what: str
) -> np.ndarray:
    try:
        return run(inputs)
    except Exception as error:  # of any runtime
        raise ExportError(
            f'{what}: the exported file fails, which is not kept; '
            f'{type(error).__name__}: {str(error)[:400]}'
        ) from error


def _gap(found: np.ndarray, expected: np.ndarray, what: str) -> float:
    gap = float(np.abs(found - expected).max())
    if not gap <= LIMIT:
        raise ExportError(
            f'{what}: scores of the exported file differ from PyTorch by '
            f'{gap:.2g}, more than {LIMIT:g}; the file is not kept. Either '
            'the exporter went wrong, then try another format, or the '
            "model's logits are so large (thousands) that rounding decides"
        )
    return gap


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
        metrics, _ = evaluate_scores(
            scores, videos.truth, about['classes'], proposals=['runs']
        )
        wanted = ('runs/mAP', 'runs/mAP@0.50', 'frame_accuracy')
        return scores, {key: float(metrics[key]) for key in wanted}

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
