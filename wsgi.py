"""The WSGI entry point: `gunicorn wsgi:app`, with the settings of the environment. `unspoken serve` does more."""

from service.app import create_app
from service.config import read_settings

app = create_app(read_settings())
