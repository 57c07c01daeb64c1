"""The scripts, asked as the shells ask them."""

from __future__ import annotations

import shlex
import shutil
import subprocess

import pytest

from mmsnip.cli import completion
from mmsnip.cli.arguments import Arguments, Option
from mmsnip.cli.shell_bash import bash_script
from mmsnip.cli.shell_fish import fish_script
from mmsnip.cli.shell_zsh import zsh_script

HELP = Option(('-h', '--help'), 'show it', False)
TREE = {
    'train': Arguments(
        "train, it's [slow]: really",
        (
            HELP,
            Option(('--work-dir',), 'a folder', True),
            Option(('--launcher',), 'who', True, ('none', 'slurm')),
        ),
        takes_config=True,
    ),
    'prepare': Arguments(
        'convert',
        (HELP,),
        below={
            'ntu': Arguments('NTU', (HELP, Option(('--quiet',), '', False))),
            'pose-json': Arguments(
                'poses', (Option(('--unit',), 'of', True, ('m', 'mm')),)
            ),
        },
    ),
    'completion': Arguments('script', (HELP,), ('bash', 'zsh')),
}
CONFIGS = ['configs/custom/localize.py', 'configs/custom/pretrain.py']


def in_order(words):
    """The same name in each process, which a set's own order has not."""
    return ' '.join(sorted(words) if isinstance(words, set) else words)


ASK = """\
source {script}
COMP_WORDS=({words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_mmsnip
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
CASES = [
    (['tr'], {'train'}),
    (['--v'], {'--version'}),
    (['train', '--w'], {'--work-dir'}),
    (['train', 'x.py', '--l'], {'--launcher'}),
    (['train', '--launcher', ''], {'none', 'slurm'}),
    (['train', 'configs/custom/p'], {'configs/custom/pretrain.py'}),
    (['prepare', ''], {'ntu', 'pose-json'}),
    (['prepare', 'p'], {'pose-json'}),
    (['prepare', 'ntu', '--q'], {'--quiet'}),
    (['prepare', 'pose-json', '--unit', ''], {'m', 'mm'}),
    (['completion', 'z'], {'zsh'}),
]


def quoted(words):
    return ' '.join(f"'{word}'" for word in words)


def shell(name):
    found = shutil.which(name)
    if found is None:
        pytest.skip(f'{name} is not installed')
    return found


def ask_bash(script, words, folder):
    done = subprocess.run(
        [shell('bash'), '--norc', '--noprofile', '-c']
        + [ASK.format(script=script, words=quoted(['mmsnip', *words]))],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    assert done.stderr == ''
    return set(filter(None, done.stdout.splitlines()))


@pytest.fixture
def bash_file(tmp_path):
    path = tmp_path / 'mmsnip.bash'
    path.write_text(bash_script(TREE, CONFIGS))
    return path


@pytest.mark.parametrize(
    ('words', 'expected'), CASES, ids=in_order
)
def test_bash_completes_what_there_is(words, expected, bash_file, tmp_path):
    assert ask_bash(bash_file, words, tmp_path) == expected


def test_bash_completes_commands_and_both_flags(bash_file, tmp_path):
    found = ask_bash(bash_file, [''], tmp_path)

    assert found == {*TREE, '--help', '--version'}


def test_bash_offers_own_configs_beside_those_that_came(bash_file, tmp_path):
    (tmp_path / 'my config.py').write_text('')

    found = ask_bash(bash_file, ['train', 'my'], tmp_path)

    assert found == {'my config.py'}


def test_bash_leaves_file_names_to_readline(bash_file, tmp_path):
    (tmp_path / 'a.bvh').write_text('')

    assert ask_bash(bash_file, ['prepare', 'ntu', 'a'], tmp_path) == set()
    assert 'complete -o default' in bash_file.read_text()


def test_bash_completes_the_real_command(tmp_path, capsys):
    completion.main(['bash'])
    script = tmp_path / 'real.bash'
    script.write_text(capsys.readouterr().out)

    assert 'train' in ask_bash(script, [''], tmp_path)
    assert ask_bash(script, ['train', '--resu'], tmp_path) == {'--resume'}
    assert ask_bash(script, ['train', 'configs/custom/loc'], tmp_path) == {
        'configs/custom/localize.py'
    }
    assert ask_bash(script, ['doctor', '--r'], tmp_path) == {'--report'}


def test_zsh_reads_the_script(tmp_path):
    path = tmp_path / '_mmsnip'
    path.write_text(zsh_script(TREE, CONFIGS))

    done = subprocess.run(
        [shell('zsh'), '-f', '-n', path],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, '')


# zsh completes in a terminal only: a pseudo one, and what it shows. Words to
# wait for are computed, so that their echo is not taken for them.
ZSH = """\
zmodload zsh/zpty
zpty z {zsh} -f -i
zpty -w z 'PS1=; fpath=({folder} $fpath); autoload -U compinit; compinit -u -D'
zpty -w z 'bindkey "^I" list-choices; LISTMAX=1000; COLUMNS=80; cd {folder}'
zpty -w z 'print is$((6 * 7))ready'
zpty -r z text '*is42ready*'
zpty -w -n z $'mmsnip {words}\\t'
sleep 1
zpty -w z $'\\x15print is$((6 * 7))done'
zpty -r z text '*is42done*'
print -r -- $text
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ('words', 'expected'),
    [
        ('tr', ["train, it's [slow]: really"]),
        ('train --', ['--work-dir', 'a folder', '--launcher']),
        ('train --launcher ', ['none   slurm']),
        ('prepare ', ['ntu', 'pose-json', 'poses']),
        ('prepare pose-json --unit ', ['m   mm']),
        ('completion ', ['bash  zsh']),
        ('train configs/custom/', ['localize.py', 'pretrain.py']),
    ],
)
def test_zsh_completes_what_there_is(words, expected, tmp_path):
    zsh = shell('zsh')
    (tmp_path / '_mmsnip').write_text(zsh_script(TREE, CONFIGS))

    done = subprocess.run(
        [zsh, '-f', '-c']
        + [ZSH.format(zsh=zsh, folder=tmp_path, words=words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    shown = done.stdout
    assert [text for text in expected if text not in shown] == [], shown


@pytest.mark.parametrize(
    ('words', 'expected'), CASES, ids=in_order
)
def test_fish_completes_what_there_is(words, expected, tmp_path):
    fish = shell('fish')
    path = tmp_path / 'mmsnip.fish'
    path.write_text(fish_script(TREE, CONFIGS))
    line = ' '.join(['mmsnip', *words])

    done = subprocess.run(
        [fish, '--no-config', '-c', f'source {path}; complete -C "{line}"'],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={'HOME': str(tmp_path), 'PATH': '/usr/bin:/bin'},
    )

    found = {row.split('\t')[0] for row in done.stdout.splitlines()}
    assert done.stderr == ''
    assert expected <= found


def test_quotes_in_a_help_end_nothing():
    row = next(
        line
        for line in zsh_script(TREE, CONFIGS).splitlines()
        if 'commands=(' in line and 'train' in line
    )

    words = shlex.split(row.split('(', 1)[1][:-1])

    assert words == [
        "train:train, it's [slow]: really",
        'prepare:convert',
        'completion:script',
    ]
