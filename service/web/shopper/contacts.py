"""Routes of a shopper's contacts: prove one, see them all, remove one; and the accounts that wait for a word."""

from flask import Blueprint

bp = Blueprint("shopper_contacts", __name__)
