# SPDX-License-Identifier: BSD-3-Clause
"""Prestack Kirchhoff time migration trace by trace in double precision, and data with known answers: what the kernels
of pstm are compared with. Formulas as in kernels/pstm/formula.h, written for clarity; filters by convolution."""

import numpy as np

HALF_LENGTHS = np.array([0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64])


def derivative(trace, dt, line, oversample):
    """-d/dt, or on a line the half derivative with spectrum sqrt(-i w), on the finer grid."""
    n = len(trace)
    length = 1 << int(np.ceil(np.log2(2 * n)))
    spectrum = np.fft.rfft(trace, length)
    iw = 2j * np.pi * np.fft.rfftfreq(length, dt)
    spectrum *= np.sqrt(-iw) if line else -iw
    spectrum[-1] = 0
    wide = np.zeros(length * oversample // 2 + 1, complex)
    wide[: len(spectrum)] = spectrum
    return np.fft.irfft(wide, length * oversample)[: (n - 1) * oversample + 1] * oversample


def triangles(fine, oversample):
    """Rows: the trace under the triangle of each half length."""
    rows = []
    for half in HALF_LENGTHS * oversample:
        j = np.arange(-half, half + 1)
        rows.append(np.convolve(fine, (1 - np.abs(j) / (half + 1)) / (half + 1), mode="full")[half: half + len(fine)])
    return np.array(rows)


def cosine(x):
    return 0.5 + 0.5 * np.cos(np.pi * np.clip(x, 0, 1))


def leg(h, tau, v, eta, far):
    z2 = (tau / 2 * v) ** 2
    return np.sqrt(tau ** 2 / 4 + h ** 2 / v ** 2 - 2 * eta * h ** 4 / (v ** 2 * (z2 + far * h ** 2)))


def migrate(data, dt, source, receiver, area, points, tau, velocity, eta=0.0, far=1.0, spacing=(25.0, 25.0), start=0.0,
            axes=((1, 0), (0, 1)), line=False, weights="true", antialias=True, aperture=np.inf, aperture_taper=0.2,
            max_dip=90.0, dip_taper=0.0, stretch=0.0, oversample=4):
    """Image [points][tau] and hits. `axes`: unit vectors of the grid."""
    shape = (len(points), len(tau))
    velocity, eta, far = (np.broadcast_to(np.asarray(a, float), shape) for a in (velocity, eta, far))
    axes = np.asarray(axes, float)
    image, hits = np.zeros(shape), np.zeros(shape, int)
    for i, trace in enumerate(data):
        fine = derivative(np.asarray(trace, float), dt, line, oversample)
        bank = triangles(fine, oversample)
        for m, point in enumerate(points):
            v, to_s, to_r = velocity[m], axes @ (point - source[i]), axes @ (point - receiver[i])
            distance = np.linalg.norm(to_s + to_r) / 2
            if distance > aperture:
                continue
            ts = leg(np.linalg.norm(to_s), tau, v, eta[m], far[m])
            tr = leg(np.linalg.norm(to_r), tau, v, eta[m], far[m])
            slope = (to_s[:, None] / ts + to_r[:, None] / tr) / v ** 2
            upward = tau / 2 * (1 / ts + 1 / tr)
            dip = np.degrees(np.arctan2(v * np.hypot(*slope), upward))
            w = np.full(len(tau), area[i], float)
            if np.isfinite(aperture) and aperture_taper > 0:
                w *= cosine((distance - aperture * (1 - aperture_taper)) / (aperture * aperture_taper))
            if max_dip < 90:
                w *= (dip < max_dip) * (cosine((dip - max_dip + dip_taper) / dip_taper) if dip_taper > 0 else 1)
            if stretch > 0:
                w *= 2 / upward <= stretch
            if weights != "none":
                w *= tau / v * (1 / ts ** 2 + 1 / tr ** 2) * (ts + tr if weights == "true" else 1)
                w *= np.sqrt(2 * np.pi * v ** 2 * ts * tr / (ts + tr)) if line else 1
            at = (ts + tr - (start if np.isscalar(start) else start[i])) / dt * oversample
            inside = (at >= 0) & (at < len(fine) - 1) & (w > 0)
            j = np.where(inside, at, 0).astype(int)
            rows = bank[:, j] + (at - j) * (bank[:, j + 1] - bank[:, j])
            if antialias:
                k = np.minimum(np.maximum(np.abs(slope[0]) * spacing[0], np.abs(slope[1]) * spacing[1]) / dt, 64)
                value = np.array([np.interp(x, HALF_LENGTHS, rows[:, n]) for n, x in enumerate(k)])
            else:
                value = rows[0]
            image[m] += np.where(inside, w * value, 0)
            hits[m] += inside
    return image, hits


# --- data with known answers -------------------------------------------------------------------------------------


def ricker(t, f):
    a = (np.pi * f * t) ** 2
    return (1 - 2 * a) * np.exp(-a)


def ricker_slope(t, f):
    b = (np.pi * f) ** 2
    return (4 * b * b * t ** 3 - 6 * b * t) * np.exp(-b * t * t)


def plane(source, receiver, n, dt, c, f, depth, dip, azimuth, reflectivity):
    """Reflection from the plane through (0, 0, depth) that deepens by `dip` towards `azimuth`, by the mirrored source;
    a leg's amplitude is 1 / (4 pi r)."""
    a, q = np.radians(dip), np.radians(azimuth)
    normal = np.array([-np.sin(a) * np.sin(q), -np.sin(a) * np.cos(q), np.cos(a)])
    s, r = (np.column_stack([p, np.zeros(len(p))]) for p in (source, receiver))
    away = (np.array([0, 0, depth]) - s) @ normal
    length = np.linalg.norm(s + 2 * away[:, None] * normal - r, axis=1)[:, None]
    return reflectivity / (4 * np.pi * length) * ricker(np.arange(n) * dt - length / c, f)


def facet(source, receiver, n, dt, c, f, at):
    """A small horizontal reflector with coefficient times area 1 at `at` = (x, y, z)."""
    s, r = (np.linalg.norm(np.column_stack([p, np.zeros(len(p))]) - at, axis=1)[:, None] for p in (source, receiver))
    return (at[2] / s + at[2] / r) / c / (16 * np.pi ** 2 * s * r) * ricker_slope(np.arange(n) * dt - (s + r) / c, f)


def common_offset(half, step, offset, azimuth=90.0, line=False):
    """Sources, receivers and cell areas of a common-offset survey, midpoints on a square (or a line) about 0."""
    g = np.arange(-half, half + step / 2, step)
    x, y = (g, 0 * g) if line else (a.ravel() for a in np.meshgrid(g, g, indexing="ij"))
    q = np.radians(azimuth)
    h, m = offset / 2 * np.array([np.sin(q), np.cos(q)]), np.column_stack([x, y])
    return m - h, m + h, np.full(len(m), step if line else step * step)


def peak(x, y):
    """Place and value of the largest |y|, by a parabola."""
    i = min(max(int(np.argmax(np.abs(y))), 1), len(y) - 2)
    a, b, c = y[i - 1: i + 2]
    at = 0.5 * (a - c) / (a - 2 * b + c)
    return x[i] + at * (x[1] - x[0]), b - 0.25 * (a - c) * at
