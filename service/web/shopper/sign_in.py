"""Routes of signing in with a one-time code."""

from flask import Blueprint

bp = Blueprint("shopper_sign_in", __name__)
