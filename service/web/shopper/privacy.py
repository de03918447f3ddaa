"""Routes of consent, export, erasure and the audit."""

from flask import Blueprint

bp = Blueprint("shopper_privacy", __name__)
