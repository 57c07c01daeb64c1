"""Timed actions of poses: ``onnx_segments.py MODEL.onnx POSES.npy [FPS]``.

Needs numpy and onnxruntime; POSES is (T, V, C) or (M, T, V, C).
"""

import json
import sys

import numpy as np
import onnxruntime

from mmsnip.evaluation import run_detections, smooth_frames
from mmsnip.export.preparation import model_inputs

session = onnxruntime.InferenceSession(
    sys.argv[1], providers=['CPUExecutionProvider']
)
about = json.loads(session.get_modelmeta().custom_metadata_map['mmsnip'])
fps = float(sys.argv[3]) if len(sys.argv) > 3 else None
inputs = model_inputs(np.load(sys.argv[2]), about, fps)
scores = session.run(['scores'], inputs)[0][0, : inputs['num_frames'][0]]
scores = smooth_frames(scores, about['smooth_frames'])
for label, start, end, score in run_detections(scores):
    start_s, end_s = start / about['fps'], end / about['fps']
    name = about['classes'][int(label)]
    print(f'{start_s:8.2f} {end_s:8.2f} s  {score:.2f}  {name}')
