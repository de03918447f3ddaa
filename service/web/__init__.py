"""The doors: one folder an audience, with its routes and the models of its requests and answers."""
