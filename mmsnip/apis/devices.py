"""Where a model is to run, checked before anything is read for it."""

from __future__ import annotations

import torch
from mmengine.device import get_device

from mmsnip.structures import DataError

__all__ = ['DeviceError', 'choose_device']


class DeviceError(DataError):
    """A device cannot be used; the message says which ones can."""


def choose_device(device: str | torch.device | None = None) -> torch.device:
    """A device that a tensor was on.

    Args:
        device (str | torch.device, optional): Such as 'cpu' or 'cuda:0'; None
            takes a GPU if there is one.

    Returns:
        torch.device: That device.

    Raises:
        DeviceError: If it is no device, PyTorch was built without it, or it
            is not there.
    """
    if device is None:
        device = get_device()
    try:
        chosen = torch.device(device)
    except (RuntimeError, TypeError):  # lists all kinds there ever were
        raise _refused(device, 'PyTorch knows no such device') from None
    try:
        torch.zeros(1, device=chosen).tolist()
    except (AssertionError, ImportError, RuntimeError) as error:
        why = (str(error) or type(error).__name__).splitlines()[0]
        raise _refused(device, why.split('. ')[0][:200]) from None
    return chosen


def _refused(device: str | torch.device, why: str) -> DeviceError:
    there = ', '.join(_there())
    return DeviceError(
        f'device {str(device)!r} cannot be used: {why}; PyTorch '
        f'{torch.__version__} finds {there} here, name one of these, or none'
    )


def _there() -> list[str]:
    found = ['cpu']
    found += [f'cuda:{index}' for index in range(torch.cuda.device_count())]
    mps = getattr(torch.backends, 'mps', None)
    if mps is not None and mps.is_available():
        found.append('mps')
    return found
