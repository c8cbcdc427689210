"""Intervals that hold the clean pixels, with a guarantee on the share of those that they miss.

A heuristic says where a network errs (`widths`, from `features`). A second half of the validation
images then scales the intervals so that they hold (`risk`). `calibration` has both steps, and what
a checkpoint keeps of them.
"""
