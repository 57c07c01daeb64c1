"""The scripts, asked as the shells ask them."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from mmsnip.cli.command_line import main

ASK = """\
source {script}
COMP_WORDS=({words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
COMPREPLY=()
_shtab_mmsnip
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def shell(name):
    found = shutil.which(name)
    if found is None:
        pytest.skip(f'{name} is not installed')
    return found


@pytest.fixture
def script(tmp_path, capsys):
    def write(name):
        assert main(['completion', name]) == 0
        path = tmp_path / f'mmsnip.{name}'
        path.write_text(capsys.readouterr().out)
        return path

    return write


@pytest.mark.parametrize(
    ('words', 'expected'),
    [
        (['tr'], {'train'}),
        (['train', '--resu'], {'--resume'}),
        (['train', '--launcher', 's'], {'slurm'}),
        (['train', 'configs/custom/loc'], {'configs/custom/localize.py'}),
        (['prepare', 'nt'], {'ntu'}),
        (['prepare', 'ntu', '--qui'], {'--quiet'}),
        (['completion', 'z'], {'zsh'}),
        (['infer', 'a.b'], {'a.bvh'}),
    ],
)
def test_bash_completes_what_there_is(words, expected, script, tmp_path):
    (tmp_path / 'a.bvh').write_text('')
    quoted = ' '.join(f"'{word}'" for word in ['mmsnip', *words])

    done = subprocess.run(
        [shell('bash'), '--norc', '--noprofile', '-c']
        + [ASK.format(script=script('bash'), words=quoted)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    assert set(done.stdout.split()) == expected, done.stderr


@pytest.mark.parametrize(
    ('name', 'options'),
    [('zsh', ['-f', '-n']), ('fish', ['-n']), ('tcsh', ['-f', '-n'])],
)
def test_other_shells_read_their_script(name, options, script):
    done = subprocess.run(
        [shell(name), *options, script(name)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, '')
