#!/usr/bin/env bash
# From nothing to timed actions: install, synthesize data, pre-train without
# labels, localize, evaluate. Everything stays inside the checkout. Run it
# again at any time: the installation is kept, the rest is made anew.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tools/install.sh
source "$HERE/install.sh"
cd "$ROOT"

WORK=work_dirs/quickstart
START=$SECONDS
step() { echo; echo "== $1 ($((SECONDS - START)) s)"; }

# The recommended recipe with fewer epochs, so that two CPU cores are done in
# minutes.
PRETRAIN_EPOCHS=4
EPOCHS=12

step "1/4 synthesize skeletons"
rm -rf "$WORK"
"$PYTHON" tools/synthesize.py data/synthetic
export MMSNIP_ANN_FILE=data/synthetic/untrimmed.pkl

step "2/4 pre-train without labels"
"$PYTHON" tools/train.py configs/custom/pretrain.py \
    --work-dir "$WORK/pretrain" \
    --cfg-options train_cfg.max_epochs=$PRETRAIN_EPOCHS \
    "param_scheduler.1.milestones=[$((PRETRAIN_EPOCHS - 1))]"

step "3/4 localize"
MMSNIP_INIT="$WORK/pretrain/epoch_$PRETRAIN_EPOCHS.pth" \
    "$PYTHON" tools/train.py configs/custom/localize.py \
    --work-dir "$WORK/localize" \
    --cfg-options train_cfg.max_epochs=$EPOCHS train_cfg.val_interval=$EPOCHS

step "4/4 evaluate"
"$PYTHON" tools/test.py configs/custom/localize.py \
    "$WORK/localize/epoch_$EPOCHS.pth" \
    --work-dir "$WORK/test" \
    --dump "$WORK/detections.json" --dump-scores "$WORK/scores.npz" \
    --show-dir "$WORK/timelines"
"$PYTHON" tools/report.py "$WORK/scores.npz" --ann "$MMSNIP_ANN_FILE" \
    --out "$WORK/report.html"

step "done"
"$PYTHON" - "$WORK" <<'PYTHON'
import json
import sys
from pathlib import Path

work = Path(sys.argv[1])
metrics = json.loads((work / 'detections.json').read_text())['metrics']
picture = sorted((work / 'timelines').glob('*.png'))[0]
print('detections:', work / 'detections.json')
print(f"segment-mAP: {metrics['runs/mAP']:.4f} (arg-max runs), "
      f"{metrics['sweep/mAP']:.4f} (threshold sweep)")
print('picture:', picture)
print('report, opens in any browser:', work / 'report.html')
PYTHON
