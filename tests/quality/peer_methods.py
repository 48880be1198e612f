# SPDX-License-Identifier: BSD-3-Clause
"""What others do against random noise, on arrays [sample][trace] or [sample][inline][crossline] of double precision.

Each is told what it cannot find by itself: the true noise level, the true rank, or the parameters that the truth shows
to be best. `fk_denoise` is told nothing.
"""

import itertools

import numpy as np


def lines(function, x, *arguments):
    """A section by itself, a cube line by line."""
    if x.ndim == 2:
        return function(x, *arguments)
    return np.stack([function(np.ascontiguousarray(x[:, :, k]), *arguments) for k in range(x.shape[2])], axis=2)


# --- f-x deconvolution (Canales, 1984; Gulunay, 1986) ----------------------------------------------------------------


def predicted(x, length, whitening):
    """x[n] from the `length` values before it; the filter has the least squares error over all of x."""
    rows = np.lib.stride_tricks.sliding_window_view(x, length)[:-1, ::-1]
    normal = rows.conj().T @ rows
    normal += whitening * np.trace(normal).real / length * np.eye(length)
    return rows @ np.linalg.solve(normal, rows.conj().T @ x[length:])


def fx_decon(x, length=4, whitening=0.01):
    """Each frequency of a section predicted from both sides; the mean of both, one of them at the ends."""
    spectra = np.fft.rfft(x, axis=0)
    for f, row in enumerate(spectra):
        if not np.any(row):
            continue
        total, count = np.zeros_like(row), np.zeros(len(row))
        total[length:] += predicted(row, length, whitening)
        total[:-length] += predicted(row[::-1], length, whitening)[::-1]
        count[length:] += 1
        count[:-length] += 1
        spectra[f] = total / count
    return np.fft.irfft(spectra, len(x), axis=0)


# --- damped rank reduction (Huang et al., 2016; Chen et al., 2016) ---------------------------------------------------


def hankel_places(shape):
    """Of a block Hankel matrix of Hankel matrices: the trace that each of its elements is."""
    n_rows = [n // 2 + 1 for n in shape]
    row = np.array(list(itertools.product(*(range(n) for n in n_rows))))
    column = np.array(list(itertools.product(*(range(n - r + 1) for n, r in zip(shape, n_rows)))))
    place = row[:, None] + column[None]
    return np.ravel_multi_index(np.moveaxis(place, -1, 0), shape)


def damped(matrix, rank, damping):
    """The strongest `rank` singular values s, each less by the share (next / s)**damping of itself."""
    u, s, v = np.linalg.svd(matrix, full_matrices=False)
    kept = s[:rank] * (1 - (s[rank] / np.maximum(s[:rank], 1e-300))**damping)
    return (u[:, :rank] * kept) @ v[:rank]


def drr(x, rank, damping=4):
    """Each frequency's Hankel matrix of all traces, of less rank, damped; antidiagonals are averaged. Zeros to twice
    the length, as published programs fill up: without them it is 0.5 to 0.9 dB worse."""
    place, n_filled = hankel_places(x.shape[1:]), 2 * len(x)
    spectra = np.fft.rfft(x.reshape(len(x), -1), n_filled, axis=0)
    count = np.bincount(place.ravel(), minlength=spectra.shape[1])
    for f, row in enumerate(spectra):
        matrix = damped(row[place], rank, damping).ravel()
        spectra[f] = (np.bincount(place.ravel(), matrix.real) + 1j * np.bincount(place.ravel(), matrix.imag)) / count
    return np.fft.irfft(spectra, n_filled, axis=0)[:len(x)].reshape(x.shape)


# --- packages --------------------------------------------------------------------------------------------------------


def structure_oriented(x, which, smoothing, radius):
    """pyseistr: slopes of the noisy data by plane-wave destruction, then the mean or the median along them."""
    import pyseistr

    if x.ndim == 2:
        slope = pyseistr.dip2dc(x, rect=[smoothing, smoothing, 1], verb=0)
        function = {"mean": pyseistr.somean2dc, "median": pyseistr.somf2dc}[which]
        return np.asarray(function(x, slope, radius, 2, 1.0, verb=0)).reshape(x.shape)
    slopes = pyseistr.dip3dc(x, rect=[smoothing] * 3, verb=0)
    function = {"mean": pyseistr.somean3dc, "median": pyseistr.somf3dc}[which]
    return np.asarray(function(x, *slopes, radius, radius, 0.01, 2, verb=0)).reshape(x.shape)


def bm3d(x, sigma):
    from bm3d import bm3d as package

    return lines(lambda line: package(line, sigma), x)


def bm4d(x, sigma):
    from bm4d import bm4d as package

    return np.squeeze(package(x.reshape(len(x), x.shape[1], -1), sigma)).reshape(x.shape)
