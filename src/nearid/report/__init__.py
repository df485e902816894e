"""A result as one HTML file that needs nothing else: no network, no foreign script."""

from nearid.report.document import render_report, write_report
from nearid.report.page import Page, Section, render_page, write_page

__all__ = ["Page", "Section", "render_page", "render_report", "write_page", "write_report"]
