"""A shell's warm commands are told from cold ones by nothing but time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.docs.shim import program

# A page's own tool: what it says about itself tells how it was started.
TOOL = """\
import os, sys
import mmengine.runner
print(sys.argv[1:], os.getcwd(), os.environ['WORD'], sys.stdin.read())
print('torch is ready:', hasattr(sys.modules.get('tests.warm'), 'start'))
print('to be read last', file=sys.stderr)
if 'raise' in sys.argv:
    raise KeyError('no such joint')
if 'stop' in sys.argv:
    os.kill(os.getpid(), 15)
sys.exit(int(sys.argv[1]) if sys.argv[1:] else None)
"""


@pytest.fixture
def shell(warm_folder, page_environment, tmp_path):
    if warm_folder is None:
        pytest.skip('commands cannot be forked here')
    tools = tmp_path / 'a page' / 'tools'
    tools.mkdir(parents=True)
    (tools / 'tell.py').write_text(TOOL)

    def run(text, **options):
        return subprocess.run(
            ['bash', '-euo', 'pipefail', '-c', text],
            cwd=tools.parent,
            env={**page_environment, 'WORD': 'one'},
            input='given',
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            **options,
        )

    return run


def test_arguments_folder_environment_and_streams_are_the_shells(shell):
    done = shell("WORD='t w o' python tools/tell.py 0 'a b' '' '$x'")

    assert done.stdout.startswith("['0', 'a b', '', '$x'] ")
    assert '/a page t w o given\ntorch is ready: True\n' in done.stdout
    assert done.stderr == 'to be read last\n'


@pytest.mark.parametrize(
    ('word', 'status', 'said'),
    [
        ('', 0, ''),
        ('3', 3, ''),
        ('raise', 1, "KeyError: 'no such joint'"),
        ('stop', 143, ''),
    ],
)
def test_the_exit_status_is_the_programs(shell, word, status, said):
    done = shell(f'python tools/tell.py {word} || echo "it was $?" && exit 0')

    assert (f'it was {status}\n' in done.stdout) == bool(status)
    assert said in done.stderr


def test_mmsnip_is_the_command_line(shell):
    done = shell('mmsnip validate "no such.pkl" | cat; echo and on')
    mmsnip = Path(sys.executable).parent / 'mmsnip'
    cold = shell(f'{mmsnip} validate "no such.pkl"')

    assert done.returncode == cold.returncode != 0
    assert done.stdout == cold.stdout != ''
    assert done.stderr == cold.stderr


def test_a_command_leaves_nothing_for_the_next(shell):
    done = shell("""
        echo 'import sys' > tools/twice.py
        echo 'sys.path.append("left")' >> tools/twice.py
        echo 'print(sys.path.count("left"))' >> tools/twice.py
        python tools/twice.py
        python tools/twice.py""")

    assert done.stdout == '1\n1\n'


def test_the_first_mmsnip_after_a_mark_starts_cold(shell, warm_folder):
    (warm_folder / 'cold').touch()
    say = 'PYTHONVERBOSE=1 mmsnip validate no.pkl 2>&1 || true'

    first, second = shell(say), shell(say)

    assert 'import site' in first.stdout or "import 'site'" in first.stdout
    assert 'site' not in second.stdout
    assert not (warm_folder / 'cold').exists()


@pytest.mark.parametrize(
    ('name', 'words'),
    [
        ('mmsnip', []),
        ('mmsnip', ['--help']),
        ('mmsnip', ['doctor', '--quick']),
        ('python', []),
        ('python', ['-']),
        ('python', ['-c', 'print()']),
        ('python', ['-m', 'pip']),
        ('python', ['other/x.py']),
        ('python', ['tools/none.py']),
    ],
)
def test_whatever_else_is_typed_starts_cold(name, words):
    assert program(name, words) is None


def test_a_shell_that_is_killed_takes_its_command_along(
    warm_folder, page_environment, tmp_path
):
    if warm_folder is None:
        pytest.skip('commands cannot be forked here')
    (tmp_path / 'tools').mkdir()
    (tmp_path / 'tools' / 'wait.py').write_text(
        'import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(60)\n'
    )
    waiting = subprocess.Popen(
        [warm_folder / 'python', 'tools/wait.py'],
        cwd=tmp_path,
        env=page_environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    command = int(waiting.stdout.readline())

    waiting.kill()
    waiting.communicate()

    for _ in range(100):
        if not is_alive(command):
            break
        time.sleep(0.1)
    assert not is_alive(command)


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
