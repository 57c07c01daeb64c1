"""A column map: what the columns of a table mean, told by a YAML file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from mmsnip.io.formats.table import DELIMITERS
from mmsnip.skeleton.layout import get_layout, tree_root
from mmsnip.structures import DataError, show
from mmsnip.structures.files import read_text

__all__ = ['ColumnMap', 'load_column_map', 'parse_column_map']

_LIMIT = 2**20  # bytes of a map
_ROLES = ('x', 'y', 'z', 'score')


def _delimiter(value: str) -> str:
    if value in DELIMITERS or (len(value) == 1 and value.isprintable()):
        return value
    raise ValueError(f'expected one character, or one of {list(DELIMITERS)}')


def _roles(value: Any) -> Any:
    """Columns of one joint by role."""
    if isinstance(value, list) and 2 <= len(value) <= 4:
        value = dict(zip(_ROLES, value))
    if (
        not isinstance(value, Mapping)
        or not {'x', 'y'} <= set(value)
        or not set(value) <= set(_ROLES)
    ):
        raise ValueError(
            'expected [x, y], [x, y, z], [x, y, z, score] or a dict of these '
            'keys'
        )
    return dict(value)


def _layout(name: str) -> str:
    get_layout(name)  # refuses an unknown one and names those that are
    return name


def _names(value: Any) -> Any:
    return [str(n) if type(n) is int else n for n in value or ()] or None


Column = Annotated[int, Field(ge=0)] | str  # an index from 0, or a name
Joint = Annotated[dict[str, Column], BeforeValidator(_roles)]
Line = Annotated[int, Field(ge=1)]


class ColumnMap(BaseModel):
    """Meaning of a table's columns; what is left out is guessed.

    A column is a name of the header or an index from 0. `joints` belongs to
    wide tables, a row a frame; `joint` and `coordinates` to long ones, a row
    a joint.

    Attributes:
        delimiter (str | None): A character, or ``tab``, ``space``,
            ``comma``, ``semicolon``.
        header (bool | None): Whether the first row names the columns.
        header_rows (list[int] | int | None): Lines of the file, from 1, that
            name the columns together: ``[2, 3]`` joins the cells of both,
            ``hip`` over ``x`` to ``hip_x``; a cell that is empty takes that
            on its left. Lines above the last of them are no data.
        frame (int | str | None): Column of the frame number.
        person (int | str | None): Column of the person.
        time (int | str | None): Column of the time.
        time_unit (str | None): Its unit: ``s``, ``ms``, ``us`` or ``ns``.
        scale (float): Factor on coordinates.
        unit (str | None): Their unit after it: ``m``, ``cm``, ``mm``,
            ``pixel`` or ``normalized``; None says ``m`` where `scale` is not
            1.
        up (str | None): Axis of the file that points up, ``z``, ``-y``, ..
        fps (float | None): Frames a second, instead of what `time` says.
        layout (str | None): Name of a built-in layout; joints are brought
            to its order.
        joint_names (list[str] | None): V names, in the order wanted.
        parents (list[int] | None): Parent of each, -1 for the root.
        joints (dict | None): For each joint its columns, ``[x, y]``, ``[x,
            y, z]``, ``[x, y, z, score]`` or a dict of x, y, z, score.
        joint (int | str | None): Column of the joint's name or number.
        coordinates (dict | None): Columns of x, y, z, score, given as in
            `joints`.
    """

    model_config = ConfigDict(extra='forbid', frozen=True, strict=True)

    delimiter: Annotated[str, AfterValidator(_delimiter)] | None = None
    header: bool | None = None
    header_rows: list[Line] | Line | None = None
    frame: Column | None = None
    person: Column | None = None
    time: Column | None = None
    time_unit: Literal['s', 'ms', 'us', 'ns'] | None = None
    scale: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    unit: Literal['m', 'cm', 'mm', 'pixel', 'normalized'] | None = None
    up: Literal['x', '-x', 'y', '-y', 'z', '-z'] | None = None
    fps: Annotated[float, Field(gt=0, lt=1e6)] | None = None
    layout: Annotated[str, AfterValidator(_layout)] | None = None
    joint_names: Annotated[list[str], BeforeValidator(_names)] | None = None
    parents: list[int] | None = None
    joints: Annotated[dict[str, Joint], Field(min_length=1)] | None = None
    joint: Column | None = None
    coordinates: Joint | None = None

    @model_validator(mode='after')
    def _agree(self) -> ColumnMap:
        names = self.joint_names
        if self.joints and (self.joint is not None or self.coordinates):
            raise ValueError(
                "'joints' is for a row a frame, 'joint' and 'coordinates' for "
                'a row a joint; give one of them'
            )
        if self.layout and (names or self.parents):
            raise ValueError(
                "give 'layout', or 'joint_names' and 'parents', not both"
            )
        if names and len(set(names)) < len(names):
            raise ValueError("'joint_names' has a name twice")
        if self.parents is not None:
            V = len(names or self.joints or self.parents)
            if len(self.parents) != V:
                raise ValueError(
                    f'found {len(self.parents)} parents for {V} joints'
                )
            tree_root('column map', tuple(self.parents))
        return self

    @property
    def names_columns(self) -> bool:
        """Whether it says which columns are which, not only what they are."""
        return not self.model_fields_set <= {
            *('scale', 'unit', 'up', 'fps', 'layout', 'joint_names'),
            'parents',
        }

    @property
    def known_joints(self) -> list[str]:
        """V names in the order wanted; empty where the table has them."""
        if self.layout is not None:
            return list(get_layout(self.layout).joint_names)
        return list(self.joint_names or ())

    def over(self, **known: Any) -> ColumnMap:
        """This map, and what a format knows where this one is silent."""
        stated = {key: getattr(self, key) for key in self.model_fields_set}
        return ColumnMap(**{**known, **stated})


def load_column_map(path: str | os.PathLike[str]) -> ColumnMap:
    """Read a column map; YAML of plain values only."""
    import yaml

    text = read_text(path, _LIMIT)
    try:
        values = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = ' '.join(str(error).split())[:200]
        raise DataError(
            f'{path} cannot be read as YAML ({reason}); expected a key and '
            'a value on each line'
        ) from None
    return parse_column_map(values, str(path))


def parse_column_map(values: Any, source: str) -> ColumnMap:
    """Check a column map given as a dict; the key that is wrong is named."""
    if isinstance(values, ColumnMap):
        return values
    if not isinstance(values, Mapping):
        raise DataError(
            f'{source}: found {show(values)}, expected keys and values'
        )
    values = {str(k): v for k, v in values.items() if v is not None}
    if isinstance(values.get('joints'), Mapping):
        values['joints'] = {str(k): v for k, v in values['joints'].items()}
    unknown = sorted(set(values) - set(ColumnMap.model_fields))
    if unknown:
        raise DataError(
            f'{source}: unknown keys {unknown}; the keys are '
            f'{list(ColumnMap.model_fields)}'
        )
    try:
        return ColumnMap(**values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        kinds = ('int', 'str', 'constrained-int')  # of a union; no keys
        path = '.'.join(str(p) for p in first['loc'] if p not in kinds)
        reason = first['msg'].removeprefix('Value error, ')
        where = f', key {path!r}: found {show(first["input"])}' if path else ''
        raise DataError(f'{source}{where}: {reason}') from None
