"""The blueprint of the reports; their modules add the pages."""

from flask import Blueprint

pages = Blueprint("reports", __name__, url_prefix="/reports")
