"""The notebook runs from its first cell to its last."""

from __future__ import annotations

import ast
import importlib.util
import json
import sys
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / 'examples' / 'colab.ipynb'
# Less of the same, in place of what a reader waits minutes for.
SHORTER = {
    "'--videos', '40'": "'--videos', '24'",
    'EPOCHS = 6\n': 'EPOCHS = 2\n',
}


@pytest.fixture
def cells():
    """Sources of the code cells."""
    found = json.loads(NOTEBOOK.read_text(encoding='utf-8'))
    return [
        ''.join(cell['source'])
        for cell in found['cells']
        if cell['cell_type'] == 'code'
    ]


def test_the_notebook_is_one_and_holds_no_output():
    found = json.loads(NOTEBOOK.read_text(encoding='utf-8'))

    assert (found['nbformat'], found['nbformat_minor']) == (4, 5)
    ids = [cell['id'] for cell in found['cells']]
    assert len(set(ids)) == len(ids)
    for cell in found['cells']:
        if cell['cell_type'] == 'code':
            assert cell['outputs'] == []
            assert cell['execution_count'] is None


def test_the_notebook_asks_for_the_neighbours_that_the_project_needs(cells):
    tree = ast.parse(cells[0])
    values = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and hasattr(node.targets[0], 'id')
    }
    lines = (ROOT / 'requirements' / 'mminstall.txt').read_text().split()

    assert ast.literal_eval(values['NEIGHBOURS']) == lines


def shorter(source):
    """A cell with smaller numbers."""
    for text, instead in SHORTER.items():
        source = source.replace(text, instead)
    return source


def run_by_kernel(folder):
    """Run it as Jupyter does."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        cell.source = shorter(cell.source)
    resources = {'metadata': {'path': str(folder)}}
    NotebookClient(notebook, timeout=600, resources=resources).execute()
    return [
        output for cell in notebook.cells for output in cell.get('outputs', ())
    ]


def run_by_hand(cells, monkeypatch):
    """Run it one cell after the other in one namespace."""
    shown = []
    display = types.ModuleType('IPython.display')
    display.Image = lambda filename: Path(filename).read_bytes()
    display.display = shown.append
    monkeypatch.setitem(sys.modules, 'IPython', types.ModuleType('IPython'))
    monkeypatch.setitem(sys.modules, 'IPython.display', display)
    names = {'__name__': '__main__'}
    for number, source in enumerate(cells):
        exec(compile(shorter(source), f'cell {number}', 'exec'), names)
    assert shown
    assert all(picture.startswith(b'\x89PNG') for picture in shown)


@pytest.mark.slow
def test_every_cell_runs_and_the_last_shows_a_picture(
    cells, tmp_path, monkeypatch
):
    assert all(''.join(cells).count(text) == 1 for text in SHORTER)
    monkeypatch.chdir(tmp_path)
    for name in ('MMSNIP_ANN_FILE', 'MMSNIP_INIT', 'PYTHONWARNINGS'):
        monkeypatch.setenv(name, '')  # the notebook sets them; undone behind
    monkeypatch.setenv('OMP_NUM_THREADS', '1')  # other tests run beside it
    monkeypatch.delenv('MMSNIP_SPLIT', raising=False)
    monkeypatch.delenv('MMSNIP_STREAM', raising=False)

    kernel = all(map(importlib.util.find_spec, ('nbclient', 'ipykernel')))
    if kernel:
        outputs = run_by_kernel(tmp_path)
        assert any('image/png' in o.get('data', {}) for o in outputs)
    else:
        run_by_hand(cells, monkeypatch)

    metrics = json.loads(Path('work/detections.json').read_text())['metrics']
    assert metrics['runs/mAP'] > 0.2  # 0.1 for joints of one frame
    assert list(Path('work/timelines').glob('*.png'))
