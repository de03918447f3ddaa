"""The demo: the main job from end to end, by the real service, the real till client and a real QR decoder."""
