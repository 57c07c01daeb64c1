"""The metafiles of ``configs/``, made from what the configs build.

``python -m tests.metafiles`` writes them anew.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import yaml
from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ('custom', 'localization', 'snippet')
PAPER = dict(
    Title='Skeleton-Snippet Contrastive Learning with Multiscale Feature '
    'Fusion for Action Localization',
    URL='https://arxiv.org/abs/2512.16504',
)
DATA = {'babel': 'BABEL', 'pkummd': 'PKU-MMD', 'ntu60': 'NTU RGB+D'}
NECKS = {
    'UShapeFusionNeck': 'nested U-shape',
    'PyramidFusionNeck': 'feature pyramid',
    'UNetFusionNeck': 'U-Net',
    None: 'linear',
}
# Older than the grammar of the other names; outside programs use it.
OLD_NAMES = {'ctrgcn_ntu_pretrain': 'skeletonclr_ctrgcn_1xb128_600e_ntu60'}


def config_paths(folder: str) -> list[Path]:
    return sorted((ROOT / 'configs' / folder).glob('*.py'))


def metafile(folder: str) -> dict:
    """What ``configs/FOLDER/metafile.yml`` shall hold."""
    models, collections = [], {}
    for path in config_paths(folder):
        cfg = Config.fromfile(path)
        kind = cfg.model.type
        if kind == 'SkeletonLocalizer':
            neck = cfg.model.get('neck')
            parts = [cfg.model.backbone.type, NECKS[neck and neck.type]]
        else:
            parts = [cfg.model.backbone.type, 'snippet contrast']
        optimizer = cfg.optim_wrapper.optimizer.type
        collections.setdefault(kind, set()).add(optimizer)
        name = OLD_NAMES.get(path.stem, path.stem)
        data = [shown for word, shown in DATA.items() if word in name]
        models.append(
            dict(
                Name=path.stem,
                Config=path.relative_to(ROOT).as_posix(),
                **{'In Collection': kind},
                Metadata={
                    'Architecture': parts,
                    'Training Data': (data or ['any annotation file'])[0],
                },
            )
        )
    return dict(
        Collections=[
            dict(
                Name=kind,
                Metadata={'Training Techniques': sorted(optimizers)},
                Paper=PAPER,
                README=f'configs/{folder}/README.md',
            )
            for kind, optimizers in sorted(collections.items())
        ],
        Models=models,
    )


def text_of(content: dict) -> str:
    return yaml.safe_dump(content, sort_keys=False, width=79)


def main() -> None:
    from mmsnip.io.annotation import save_annotation
    from tests.tools.conftest import annotation

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'swings.pkl'
        save_annotation(path, annotation())
        os.environ['MMSNIP_ANN_FILE'] = str(path)
        for name in FOLDERS:
            out = ROOT / 'configs' / name / 'metafile.yml'
            out.write_text(text_of(metafile(name)), encoding='utf-8')
    index = {'Import': [f'configs/{name}/metafile.yml' for name in FOLDERS]}
    (ROOT / 'model-index.yml').write_text(text_of(index), encoding='utf-8')


if __name__ == '__main__':
    main()
