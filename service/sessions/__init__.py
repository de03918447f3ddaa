"""Shopper sessions: opened by a site for its logged-in user, for an app backend or for our web app."""
