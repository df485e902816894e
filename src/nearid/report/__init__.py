"""A result as one HTML file that needs nothing else: no network, no script."""

from nearid.report.document import render_report, write_report

__all__ = ["render_report", "write_report"]
