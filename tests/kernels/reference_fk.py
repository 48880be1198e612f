# SPDX-License-Identifier: BSD-3-Clause
"""Inputs with known answers for the velocity filters, and the reference implementation where it is there."""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

import harness


def load_oracle():
    """The reference in double precision, no part of the project: ../shared/oracle/fkk.py, or below $SEISPROC_ORACLE."""
    folder = Path(os.environ.get("SEISPROC_ORACLE", harness.ROOT.parent / "shared" / "oracle"))
    path = folder / "fkk.py"
    if not path.is_file():
        pytest.skip("no reference of the velocity filter: neither $SEISPROC_ORACLE nor ../shared/oracle is there")
    spec = importlib.util.spec_from_file_location("oracle_fkk", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ricker(t, f0):
    a = (np.pi * f0 * t) ** 2
    return (1 - 2 * a) * np.exp(-a)


def plane_wave(n, d, velocity, azimuth, f0, t0):
    """w(t - (x sin a + y cos a) / v) on a grid [t][x][y] whose x axis points east and y axis north."""
    t = np.arange(n[0])[:, None, None] * d[0]
    x = (np.arange(n[1]) - n[1] / 2)[None, :, None] * d[1]
    y = (np.arange(n[2]) - n[2] / 2)[None, None, :] * d[2]
    a = np.radians(azimuth)
    return ricker(t - t0 - (x * np.sin(a) + y * np.cos(a)) / velocity, f0)


def linear_noise(n_samples, n_traces, dt, dx, velocity, f0, t0):
    """A wave [trace][sample] that travels with the traces' order."""
    return plane_wave((n_samples, n_traces, 1), (dt, dx, 1), velocity, 90, f0, t0)[:, :, 0].T


def decibels(a, b):
    return 20 * np.log10(np.linalg.norm(a) / np.linalg.norm(b))


def snr(signal, estimate):
    return -decibels(np.asarray(estimate, float) - signal, signal)


def inner(u, share=0.15):
    """The inner part of every axis that has more than one point."""
    return u[tuple(slice(int(share * n), n - int(share * n)) if n > 1 else slice(None) for n in u.shape)]


def relative(got, expected):
    return np.linalg.norm(np.asarray(got, float) - expected) / np.linalg.norm(expected)


def worst_trace(got, expected, given):
    """Largest relative distance of a trace that keeps more than 1 % of its energy; traces are along the last axis."""
    norm, input_norm = np.linalg.norm(expected, axis=-1), np.linalg.norm(given, axis=-1)
    kept = norm ** 2 > 0.01 * input_norm ** 2
    return np.max(np.linalg.norm(np.asarray(got, float) - expected, axis=-1)[kept] / norm[kept], initial=0)
