"""Evaluation: compares generated images with real ones by metrics with intervals, all under one protocol.

`gansmith.evaluate`, which measures a run or a folder of images, is in `comparison/evaluate.py`.
"""
