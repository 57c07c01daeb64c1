"""Configs that no component can be built from end in a line."""

from __future__ import annotations

import pytest
from mmengine.registry import DefaultScope

from mmsnip.apis.construction import explain_construction
from mmsnip.cli.command_line import readable_errors
from mmsnip.registry import MODELS, TRANSFORMS


def localizer(**head):
    return dict(
        type='SkeletonLocalizer',
        backbone=dict(
            type='AGCN',
            graph_cfg=dict(layout='coco', mode='spatial'),
            base_channels=8,
        ),
        head=dict(type='FrameLocalizationHead', **head),
    )


@pytest.mark.parametrize(
    ('registry', 'config', 'line'),
    [
        (
            MODELS,
            localizer(num_clases=3),
            "FrameLocalizationHead takes no argument 'num_clases'; did you "
            "mean 'num_classes'?",
        ),
        (
            TRANSFORMS,
            dict(type='RandomWindow', zzz=3),
            "RandomWindow takes no argument 'zzz'; it takes size",
        ),
        (
            TRANSFORMS,
            dict(type='SkeletonStream', heading_line='knees'),
            "SkeletonStream: stream='joint' must hold one or more of ",
        ),
        (
            TRANSFORMS,
            dict(type='RandomWindows', size=3),
            'RandomWindows is not in the ',
        ),
        (
            MODELS,
            localizer(),
            'FrameLocalizationHead',
        ),
    ],
    ids=['misspelt', 'unlike any', 'value', 'type', 'missing'],
)
def test_what_cannot_be_built_is_named_in_a_line(
    registry, config, line, capsys
):
    scope = DefaultScope.overwrite_default_scope('mmsnip')
    with pytest.raises(SystemExit) as stopped, readable_errors(), scope:
        registry.build(config)

    assert stopped.value.code == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f'error: {line}')
    assert printed.endswith('(MMSNIP_TRACEBACK=1 shows where)\n')
    assert printed.count('\n') == 1


def test_the_traceback_is_there_for_the_asking(monkeypatch):
    monkeypatch.setenv('MMSNIP_TRACEBACK', '1')

    with pytest.raises(TypeError, match='sise'), readable_errors():
        TRANSFORMS.build(dict(type='mmsnip.RandomWindow', sise=3))


def test_what_fails_while_nothing_is_built_keeps_its_traceback():
    assert explain_construction(ValueError('no')) is None
    with pytest.raises(ValueError, match='no'), readable_errors():
        raise ValueError('no')
