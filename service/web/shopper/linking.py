"""Routes of link requests and claims."""

from flask import Blueprint

bp = Blueprint("shopper_linking", __name__)
