#!/usr/bin/env python
"""What a pre-trained encoder makes of snippets: is there collapse, and where?

``python experiments/embeddings.py CHECKPOINT .. [--samples 256]`` draws two
views of training videos, by the config and the seed in the checkpoint, and
prints a row for each: how many directions the features use, how much of them
says only which video it is, and which snippets feature matching pairs.
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.nn import functional

from mmsnip.losses import match_snippets
from mmsnip.models.checkpoint import read_checkpoint
from mmsnip.models.heads.snippet_contrast import pool_snippets
from mmsnip.models.pretrainers.momentum import View
from mmsnip.registry import MODELS

__all__ = ['effective_rank', 'matching_of', 'spread_of', 'within_share']


def effective_rank(rows: Tensor) -> float:
    """Directions that rows of features use.

    Args:
        rows (Tensor): (number of rows, C).

    Returns:
        float: Participation ratio of the covariance's eigenvalues, 1..C.

    Examples:
        >>> rows = torch.cat([torch.eye(3), -torch.eye(3)])
        >>> round(effective_rank(rows), 3)
        3.0
    """
    centred = rows.double() - rows.double().mean(dim=0)
    values = torch.linalg.svdvals(centred).square()
    return float(values.sum().square() / values.square().sum())


def within_share(features: Tensor) -> float:
    """Share of the variance that lies inside of videos.

    Args:
        features (Tensor): (N, C, S).

    Returns:
        float: 0: all snippets of a video are alike, 1: all videos are.
    """
    x = features.double()
    inside = (x - x.mean(dim=2, keepdim=True)).square().mean()
    total = (x - x.mean(dim=(0, 2), keepdim=True)).square().mean()
    return float(inside / total)


def matching_of(query: Tensor, key: Tensor) -> tuple[float, float]:
    """Which key snippets the plain dot product chooses.

    Args:
        query (Tensor): Pooled features of a view, (N, C, S).
        key (Tensor): Of the other view, (N, C, S).

    Returns:
        tuple[float, float]: Key snippets chosen at all, of S, and query
        snippets whose choice is at most one place away; shares.
    """
    chosen = match_snippets(query, key)  # (N, S)
    S = chosen.shape[1]
    distinct = np.mean([len(set(row)) / S for row in chosen.tolist()])
    away = (chosen - torch.arange(S)).abs()
    return float(distinct), float((away <= 1).double().mean())


def spread_of(query: Tensor, key: Tensor) -> tuple[float, float]:
    """Alignment and uniformity of directions.

    Args:
        query (Tensor): (number of rows, C).
        key (Tensor): The positive of each, the same shape.

    Returns:
        tuple[float, float]: Mean squared distance of positives, and log of
        the mean Gaussian potential of all pairs; the lower the better.

    Source:
        Wang and Isola, arXiv 2005.10242.
    """
    query = functional.normalize(query.double(), dim=1)
    key = functional.normalize(key.double(), dim=1)
    pairs = torch.pdist(query).square()
    return (
        float((query - key).square().sum(dim=1).mean()),
        float(pairs.mul(-2).exp().mean().log()),
    )


def snippets_of_views(
    model: nn.Module, cfg: Config, samples: int, num_snippets: int
) -> tuple[Tensor, Tensor]:
    """Encoder features of the snippets of two views.

    Args:
        model (nn.Module): Pre-trainer.
        cfg (Config): Its training loader is taken, in one process.
        samples (int): N, videos or windows of them.
        num_snippets (int): S.

    Returns:
        tuple[Tensor, Tensor]: (N, C, S) each.
    """
    loader_cfg = copy.deepcopy(cfg.train_dataloader)
    loader_cfg.update(num_workers=0, persistent_workers=False)
    loader = Runner.build_dataloader(loader_cfg, seed=0)
    found: list[list[Tensor]] = [[], []]
    count = 0
    while count < samples:
        for batch in loader:
            data = model.data_preprocessor(batch)
            for number in range(2):
                lengths = data['num_frames']
                view = View(
                    data['inputs'][number],
                    data['body_mask'][number],
                    None if lengths is None else lengths[number],
                )
                features, mask = model.encode(view)
                found[number].append(
                    pool_snippets(features, num_snippets, mask)
                )
            count += len(found[0][-1])
            if count >= samples:
                break
    query, key = (torch.cat(parts)[:samples] for parts in found)
    return query, key


def describe(path: str, samples: int, trained: bool = True) -> dict:
    """All numbers of a checkpoint.

    Args:
        path (str): Checkpoint of a pre-training, which carries its config.
        samples (int): Videos or windows of them.
        trained (bool): False: as it was before the first step, for
            comparison. Defaults to True.

    Returns:
        dict[str, float]: By column.

    Raises:
        CheckpointError: If the file is no checkpoint.
        ValueError: If it carries no config of a pre-training.
    """
    checkpoint = read_checkpoint(path)
    text = (checkpoint.get('meta') or {}).get('cfg')
    cfg = Config.fromstring(text, '.py') if text else Config()
    if 'global_head' not in cfg.get('model', {}):
        raise ValueError(
            f'{path}: found no config of a pre-training in it; give a '
            'checkpoint that tools/train.py wrote for a pretrain config'
        )
    init_default_scope('mmsnip')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).eval()
    if trained:
        model.load_state_dict(checkpoint['state_dict'])
    S = -(-cfg.view_frames // model.backbone.temporal_strides_out[-1])
    with torch.inference_mode():
        query, key = snippets_of_views(model, cfg, samples, S)
    rows, others = (x.transpose(1, 2).flatten(0, 1) for x in (query, key))
    distinct, near = matching_of(query, key)
    alignment, uniformity = spread_of(rows, others)
    return dict(
        effective_rank=effective_rank(rows),
        within_videos=within_share(query),
        alignment=alignment,
        uniformity=uniformity,
        keys_chosen=distinct,
        chosen_near=near,
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Print a row a checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[2])
    parser.add_argument('checkpoints', nargs='+')
    parser.add_argument('--samples', type=int, default=256)
    args = parser.parse_args(argv)
    first = args.checkpoints[0]
    row = describe(first, args.samples, trained=False)
    _write(['checkpoint', *row])
    _write(['---'] * (len(row) + 1))
    _write(['before training', *_rounded(row)])
    for path in args.checkpoints:
        _write([path, *_rounded(describe(path, args.samples))])


def _rounded(row: Mapping[str, float]) -> list[str]:
    return [f'{value:.3f}' for value in row.values()]


def _write(cells: Sequence[str]) -> None:
    sys.stdout.write(f'| {" | ".join(cells)} |\n')
    sys.stdout.flush()


if __name__ == '__main__':
    main()
