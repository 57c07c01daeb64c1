"""Networks as the field writes them: what ours are measured against.

Straight from the published formulas, one operation after the other, with the
published parameter names. ``tests/test_yardsticks.py`` checks them against
the golden numbers.
"""

from benchmarks.plain.agcn import PlainAGCN
from benchmarks.plain.ctrgcn import PlainCTRGCN

__all__ = ['PlainAGCN', 'PlainCTRGCN']
