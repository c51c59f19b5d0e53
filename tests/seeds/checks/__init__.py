# SPDX-License-Identifier: Apache-2.0
"""Checks of built rows, by topic."""
