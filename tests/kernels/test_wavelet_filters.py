# SPDX-License-Identifier: BSD-3-Clause
"""The filter table against PyWavelets', and the table's C source against its generator."""

import re
import subprocess
import sys

import numpy as np
import pytest
import pywt

import harness
import reference

# PyWavelets' own digits: its symN and some biorN.M are rounded to twelve or so, the others to sixteen.
PYWT_DIGITS = {"sym": 2e-11, "bior": 1e-12, "db": 1e-15, "coif": 1e-15}


def table():
    """name -> (analysis, synthesis), read from kernels/dwt/wavelet_tables.c."""
    text = (harness.ROOT / "kernels" / "dwt" / "wavelet_tables.c").read_text()
    arrays = {name: np.array([float(x) for x in body.replace("\n", " ").split(",") if x.strip()])
              for name, body in re.findall(r"static const double (\w+)\[\] = \{([^}]*)\};", text)}
    rows = re.findall(r'\{"([\w.]+)", (\d+), \w+, (\w+), (\w+)\}', text)
    return {name: (arrays[rec][::-1] if dec == "NULL" else arrays[dec], arrays[rec], int(taps))
            for name, taps, dec, rec in rows}


def test_all_wavelets_are_there_and_in_order():
    assert list(table()) == reference.WAVELETS


@pytest.mark.parametrize("name", reference.WAVELETS)
def test_filters_are_those_of_pywavelets(name):
    dec, rec, taps = table()[name]
    wavelet = pywt.Wavelet(name)
    assert taps == wavelet.dec_len == len(dec) == len(rec)
    limit = PYWT_DIGITS[re.match("[a-z]+", name).group()]
    assert np.abs(dec - wavelet.dec_lo).max() <= limit
    assert np.abs(rec - wavelet.rec_lo).max() <= limit


@pytest.mark.parametrize("name", reference.WAVELETS)
def test_filters_reconstruct(name):
    """sum_i dec[i] rec[i + 2 s] is 1 at one even shift and 0 at all others: to the rounding of the table."""
    dec, rec, taps = table()[name]
    product = np.convolve(dec, rec)
    expected = np.zeros_like(product)
    expected[taps - 1] = 1
    assert np.abs(product[taps - 1::2] - expected[taps - 1::2]).max() < 2e-15
    assert np.abs(product[taps - 1::-2] - expected[taps - 1::-2]).max() < 2e-15


def test_table_is_what_its_generator_prints():
    pytest.importorskip("mpmath", reason="the generator needs mpmath")
    made = subprocess.run([sys.executable, harness.ROOT / "tools" / "wavelet_tables.py"], capture_output=True,
                          text=True, timeout=100, check=True).stdout
    assert made == (harness.ROOT / "kernels" / "dwt" / "wavelet_tables.c").read_text()
