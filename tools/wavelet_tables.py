#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Prints kernels/dwt/wavelet_tables.c, the low-pass filters of every wavelet, computed from their definitions, or
with the argument `lattices` kernels/dwt/wavelet_lattices.c, the orthogonal ones as rotations.

Needs mpmath; works in 120 digits and rounds once, to double. (Rotations found from rounded filters would be wrong
in the fifth digit for db20.)

  dbN    Daubechies' extremal-phase filters: 2 (1-y)^N P(y) with P(y) = sum_k C(N-1+k, k) y^k, y = (2 - z - 1/z) / 4,
         factored with every root of P inside the unit circle (Daubechies, Ten Lectures on Wavelets, 1992, 6.4).
  symN   the same polynomial, some roots replaced by their mirror images so that the phase is nearly linear (ibid.,
         8.1.1). SYM_FLIPPED says which: bit g is the group of roots with the g-th smallest angle.
  coifK  6K taps; 2K vanishing moments of the wavelet and 2K - 1 of the scaling function (ibid., 8.2), by Newton's
         method from values of four digits.
  biorM.N  Cohen, Daubechies and Feauveau 1992. M of 1 to 3: a spline of order M on the synthesis side. 4.4, 5.5 and
         6.8: P split between both sides (BIOR_SPLIT says which roots go to synthesis, in ascending order of |y|,
         conjugates together, and how many zeros at z = -1 each side takes).

The order of taps, the shifts and the zero padding of the biorthogonal filters are those of PyWavelets.
"""
import sys

import mpmath as mp

mp.mp.dps = 120

SYM_FLIPPED = {2: 0, 3: 0, 4: 2, 5: 1, 6: 5, 7: 1, 8: 10, 9: 6, 10: 21, 11: 6, 12: 21, 13: 28, 14: 44, 15: 28,
               16: 89, 17: 142, 18: 333, 19: 116, 20: 357}

COIF_START = {
    1: "-0.0727 0.3379 0.8526 0.3849 -0.0727 -0.0157",
    2: "0.0164 -0.0415 -0.0674 0.3861 0.8127 0.4170 -0.0765 -0.0594 0.0237 0.0056 -0.0018 -0.0007",
    3: "-0.0038 0.0078 0.0235 -0.0658 -0.0611 0.4052 0.7938 0.4285 -0.0718 -0.0823 0.0346 0.0159 -0.0090 -0.0026"
       " 0.0011 0.0005 -0.0001 -0.00003",
    4: "0.00089 -0.00163 -0.00735 0.01607 0.02668 -0.08127 -0.05608 0.41531 0.78224 0.43439 -0.06663 -0.09622"
       " 0.03933 0.02508 -0.01521 -0.00566 0.00375 0.00127 -0.00059 -0.00026 0.000062 0.000031 -0.0000033 -0.0000018",
    5: "-0.000212 0.000359 0.002178 -0.004159 -0.010132 0.023408 0.028168 -0.091920 -0.052043 0.421566 0.774290"
       " 0.437982 -0.062036 -0.105563 0.041289 0.032674 -0.019758 -0.009159 0.006762 0.002432 -0.001662 -0.000638"
       " 0.000302 0.000141 -0.0000413 -0.0000213 0.0000037 0.0000021 -0.0000002 -0.0000001",
}

BIOR = ["1.1", "1.3", "1.5", "2.2", "2.4", "2.6", "2.8", "3.1", "3.3", "3.5", "3.7", "3.9", "4.4", "5.5", "6.8"]
# zeros at -1 of synthesis and analysis; which root groups of P go to synthesis
BIOR_SPLIT = {"4.4": (4, 4, [0]), "5.5": (6, 4, [0]), "6.8": (6, 8, [1])}


def multiply(a, b):
    out = [mp.mpf(0)] * (len(a) + len(b) - 1)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            out[i + j] += x * y
    return out


def scaled(h):
    """Taps that add up to sqrt(2)."""
    factor = mp.sqrt(2) / sum(h)
    return [factor * x for x in h]


def roots_of_p(n):
    """Roots of P of degree n - 1 in y, one of each conjugate pair."""
    if n == 1:
        return []
    coefficients = [mp.binomial(n - 1 + k, k) for k in range(n)][::-1]
    ys = mp.polyroots(coefficients, maxsteps=2000, extraprec=1200)
    return [y for y in ys if mp.im(y) > -mp.mpf(10) ** -60]


def real_factor(z):
    if abs(mp.im(z)) < mp.mpf(10) ** -60:
        return [mp.mpf(1), -mp.re(z)]
    return [mp.mpf(1), -2 * mp.re(z), abs(z) ** 2]


def orthogonal(n, flipped):
    """Synthesis low-pass filter of 2n taps."""
    zs = []
    for y in roots_of_p(n):
        b = 1 - 2 * y
        z = b + mp.sqrt(b * b - 1)
        zs.append(z if abs(z) < 1 else 1 / z)
    zs.sort(key=lambda z: abs(mp.arg(z)))
    h = [mp.mpf(1)]
    for _ in range(n):
        h = multiply(h, [1, 1])
    for g, z in enumerate(zs):
        h = multiply(h, real_factor(1 / z if flipped >> g & 1 else z))
    return scaled(h)


def coiflet_equations(h, k):
    """Residuals of the definition for taps h[0 ... 6k - 1] at places -2k ... 4k - 1."""
    n = len(h)
    out = [sum(h) - mp.sqrt(2)]
    for shift in range(n // 2):
        out.append(sum(h[i] * h[i + 2 * shift] for i in range(n - 2 * shift)) - (1 if shift == 0 else 0))
    for power in range(2 * k):
        out.append(sum((-1) ** i * mp.mpf(i - 2 * k) ** power * h[i] for i in range(n)))
    for power in range(1, 2 * k):
        out.append(sum(mp.mpf(i - 2 * k) ** power * h[i] for i in range(n)))
    return out


def coiflet_jacobian(h, k):
    n = len(h)
    rows = [[mp.mpf(1)] * n]
    for shift in range(n // 2):
        row = [mp.mpf(0)] * n
        for i in range(n - 2 * shift):
            row[i] += h[i + 2 * shift]
            row[i + 2 * shift] += h[i]
        rows.append(row)
    for power in range(2 * k):
        rows.append([(-1) ** i * mp.mpf(i - 2 * k) ** power for i in range(n)])
    for power in range(1, 2 * k):
        rows.append([mp.mpf(i - 2 * k) ** power for i in range(n)])
    return rows


def coiflet(k):
    """Gauss-Newton: the equations are consistent, some are redundant. Ends when all hold to 80 digits."""
    h = [mp.mpf(x) for x in COIF_START[k].split()]
    for _ in range(60):
        residual = coiflet_equations(h, k)
        if max(abs(r) for r in residual) < mp.mpf(10) ** -80:
            return scaled(h)
        step = mp.qr_solve(mp.matrix(coiflet_jacobian(h, k)), mp.matrix(residual))[0]
        h = [x - step[i] for i, x in enumerate(h)]
    raise SystemExit("coif%d did not converge" % k)


def spline_pair(m, n):
    """Analysis and synthesis filters, M and N of the name: P whole on the analysis side."""
    total = (m + n) // 2
    synthesis = [mp.mpf(1)]
    for _ in range(m):
        synthesis = multiply(synthesis, [1, 1])
    analysis = [mp.mpf(1)]
    for _ in range(n):
        analysis = multiply(analysis, [1, 1])
    p = [mp.mpf(0)]
    y_power = [mp.mpf(1)]
    for k in range(total):
        term = [mp.binomial(total - 1 + k, k) * x for x in y_power]
        pad = (len(term) - len(p)) // 2
        p = [mp.mpf(0)] * pad + p + [mp.mpf(0)] * pad
        p = [a + b for a, b in zip(p, term)]
        y_power = multiply(y_power, [mp.mpf(-1) / 4, mp.mpf(1) / 2, mp.mpf(-1) / 4])
    return scaled(multiply(analysis, p)), scaled(synthesis)


def split_pair(name):
    zeros_synthesis, zeros_analysis, chosen = BIOR_SPLIT[name]
    ys = sorted(roots_of_p((zeros_synthesis + zeros_analysis) // 2), key=abs)
    sides = {True: [mp.mpf(1)], False: [mp.mpf(1)]}
    for synthesis, zeros in ((True, zeros_synthesis), (False, zeros_analysis)):
        for _ in range(zeros):
            sides[synthesis] = multiply(sides[synthesis], [1, 1])
    for g, y in enumerate(ys):
        # (y - root) with y = (2 - z - 1/z) / 4, times -4 z: 1 + (4 root - 2) z + z^2
        factor = [mp.mpc(1), 4 * y - 2, mp.mpc(1)]
        if abs(mp.im(y)) > mp.mpf(10) ** -60:
            factor = multiply(factor, [mp.conj(x) for x in factor])
        factor = [mp.re(x) for x in factor]
        sides[g in chosen] = multiply(sides[g in chosen], factor)
    return scaled(sides[False]), scaled(sides[True])


def biorthogonal(name):
    """Both filters, centred in the same even length as PyWavelets pads them."""
    m, n = (int(x) for x in name.split("."))
    analysis, synthesis = split_pair(name) if name in BIOR_SPLIT else spline_pair(m, n)
    longest = max(len(analysis), len(synthesis))
    length = longest + (longest & 1)
    if longest & 1:  # odd, symmetric about a sample: analysis leans right, synthesis left
        left_a = (length - len(analysis) + 1) // 2
        left_s = (length - len(synthesis)) // 2
    else:
        left_a = (length - len(analysis)) // 2
        left_s = (length - len(synthesis)) // 2

    def place(h, left):
        return [mp.mpf(0)] * left + h + [mp.mpf(0)] * (length - len(h) - left)

    return place(analysis, left_a), place(synthesis, left_s)


def all_wavelets():
    for n in range(1, 21):
        h = orthogonal(n, 0)
        yield "db%d" % n, h[::-1], h
    for n in range(2, 21):
        h = orthogonal(n, SYM_FLIPPED[n])
        yield "sym%d" % n, h[::-1], h
    for k in range(1, 6):
        h = coiflet(k)
        yield "coif%d" % k, h[::-1], h
    for name in BIOR:
        analysis, synthesis = biorthogonal(name)
        yield "bior" + name, analysis, synthesis


def c_name(name):
    return name.replace(".", "_")


def print_array(name, taps):
    print("static const double %s[] = {" % name)
    for i in range(0, len(taps), 4):
        print("    " + ", ".join("%.17g" % float(x) for x in taps[i:i + 4]) + ",")
    print("};")


def lattice(h):
    """Tangents of the rotations that make up an orthogonal filter bank with synthesis low-pass h; see wavelet.h.

    With C[q] the 2 x 2 polyphase matrices of both analysis filters, oldest samples last, the last rotation is the
    one whose inverse takes the newest samples out of the low branch; peeled off, one delay fewer is left.
    """
    n = len(h)
    high = [-(-1) ** i * h[n - 1 - i] for i in range(n)]
    c = [[[f[2 * i], f[2 * i + 1]] for f in (h, high)] for i in range(n // 2 - 1, -1, -1)]
    tangents = []
    while len(c) > 1:
        low, up = c[0]
        column = 0 if abs(low[0]) + abs(up[0]) > abs(low[1]) + abs(up[1]) else 1
        t = low[column] / up[column]
        tangents.append(t)
        c = [[[m[0][j] - t * m[1][j] for j in (0, 1)], [m[1][j] + t * m[0][j] for j in (0, 1)]] for m in c]
        c = [[c[q + 1][0], c[q][1]] for q in range(len(c) - 1)]
    tangents.append(c[0][0][1] / c[0][0][0])
    return tangents[::-1]


def print_lattices():
    print("/* SPDX-License-Identifier: BSD-3-Clause */")
    print("/* Made by tools/wavelet_tables.py lattices; do not edit. */")
    print('#include "kernels/dwt/wavelet.h"\n')
    print("/* clang-format off */")
    rows = []
    for name, analysis, synthesis in all_wavelets():
        if analysis == synthesis[::-1]:
            print_array(c_name(name), lattice(synthesis))
            rows.append(c_name(name) + ",")
        else:
            rows.append("NULL,")
    print("\nconst double *const sp_wavelet_lattice[SP_WAVELET_COUNT] = {")
    for i in range(0, len(rows), 8):
        print("    " + " ".join(rows[i:i + 8]))
    print("};")


def print_filters():
    print("/* SPDX-License-Identifier: BSD-3-Clause */")
    print("/* Made by tools/wavelet_tables.py; do not edit. */")
    print('#include "kernels/dwt/wavelet.h"\n')
    print("/* clang-format off */")
    rows = []
    for name, analysis, synthesis in all_wavelets():
        own = c_name(name)
        print_array(own + "_rec", synthesis)
        if analysis == synthesis[::-1]:
            rows.append('{"%s", %d, true, NULL, %s_rec},' % (name, len(synthesis), own))
        else:
            print_array(own + "_dec", analysis)
            rows.append('{"%s", %d, false, %s_dec, %s_rec},' % (name, len(synthesis), own, own))
    print("\nconst sp_wavelet_row sp_wavelet_table[SP_WAVELET_COUNT] = {")
    for row in rows:
        print("    " + row)
    print("};")


if __name__ == "__main__":
    print_lattices() if sys.argv[1:] == ["lattices"] else print_filters()
