"""The door for shoppers: an app backend's bearer token, or our web app's cookie."""
