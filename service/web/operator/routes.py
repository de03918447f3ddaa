"""Routes for the brand's operators."""

from flask import Blueprint

bp = Blueprint("operator", __name__)
