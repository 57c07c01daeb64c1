"""One HTML file that shows results: where a model errs, and how it looks.

Numpy, the standard library and the rooms below; the page's sources lie in
``page/``.
"""

from __future__ import annotations

from mmsnip.report.build import build_report
from mmsnip.report.results import load_results

__all__ = ['build_report', 'load_results']
