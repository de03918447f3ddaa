"""What can go wrong with a measurement."""


class MeasurementFailed(Exception):
    """A figure that would say nothing: a server did not start, or answers were not the ones to be measured."""
