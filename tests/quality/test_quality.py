# SPDX-License-Identifier: BSD-3-Clause
"""Denoising is as good as docs/quality.md says, through the program, on published benchmarks and real surveys."""

import pytest

import benchmarks
import peer_methods
import peers
import quality


@pytest.mark.parametrize("name", benchmarks.PAIRS)
def test_signal_to_noise(tmp_path, request, name):
    data = request.getfixturevalue("data_dir") if name in benchmarks.NEED_DATA else None
    assert not quality.measure(tmp_path, data, name)


@pytest.mark.parametrize("name", benchmarks.REAL)
def test_strong_samples_keep_their_energy(tmp_path, data_dir, name):
    assert not quality.measure(tmp_path, data_dir, name)


def test_the_page_is_made_from_the_figures():
    page = quality.PAGE.read_text()
    assert quality.fill(page, quality.read_figures()) == page, "tests/quality/quality.py --update writes it"
    assert quality.fill_tables(page, peers.tables(peers.read_figures())) == page, "tests/quality/peers.py writes it"


def test_peers_leave_plane_waves_alone():
    """Three of them are of rank 3, and in a line four traces tell the next."""
    clean, noisy = peers.linear(1)
    assert peers.snr(clean, noisy) == pytest.approx(-8.34, abs=0.05)
    few = clean[:, :8, :8]
    assert peers.snr(few, peer_methods.drr(few, 3)) > 200
    assert peers.snr(few, peer_methods.drr(few, 2)) < 20
    assert peers.snr(clean, peer_methods.lines(peer_methods.fx_decon, clean, 4)) > 30


def test_a_loss_of_a_tenth_of_a_decibel_is_found():
    stated = quality.read_figures()["snr"]["synth"]
    worse = dict(stated, dwt=stated["dwt"] - 0.11)
    assert quality.differences(stated, worse, quality.DECIBELS) == [
        f"dwt: {worse['dwt']:.2f}, stated is {stated['dwt']:.2f}"]
    assert not quality.differences(stated, stated, quality.DECIBELS)
    assert quality.differences(stated, {"before": 0}, quality.DECIBELS)
