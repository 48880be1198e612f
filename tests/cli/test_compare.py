# SPDX-License-Identifier: BSD-3-Clause
"""seisproc compare against NumPy, over sorted outputs, and over files that cannot be compared."""

import json

import numpy as np
import pytest

import harness
from surveys import write_survey

FIRST = [0, 3, 3, 40, 41, 120]


@pytest.fixture
def pair():
    rng = np.random.default_rng(3)
    a = rng.normal(size=(120, 77)).astype("f4")
    b = a.copy()
    b[50:] += rng.normal(size=(70, 77)).astype("f4") * 0.1
    b[97, 33] += 9
    return a, b


def compare(seisproc, a, b, *arguments, ranks=None, check=0):
    return json.loads(seisproc("compare", a, b, "--json", *arguments, ranks=ranks, check=check).stdout)


def snr(a, b):
    return 20 * np.log10(np.linalg.norm(a.astype(float)) / np.linalg.norm(a.astype(float) - b))


@pytest.mark.parametrize("ranks", [None, 1, 3])
def test_figures_are_numpys(seisproc, tmp_path, pair, ranks):
    a, b = pair
    found = compare(seisproc, write_survey(tmp_path / "a.h5", a, FIRST, key=[7, 8, 9, 10, -2]),
                    write_survey(tmp_path / "b.h5", b, FIRST), ranks=ranks)
    assert found["snr_db"] == pytest.approx(snr(a, b), rel=1e-12)
    assert found["rms_reference"] == pytest.approx(np.sqrt(np.mean(a.astype(float)**2)), rel=1e-12)
    assert found["rms_difference"] == pytest.approx(np.sqrt(np.mean((a.astype(float) - b)**2)), rel=1e-12)
    assert found["max_difference"] == np.abs(a.astype(float) - b).max()
    assert found["max_at"] == {"trace": 97, "sample": 33}
    assert found["first_different"] == {"trace": 50, "gather": 4, "key": -2, "trace_in_gather": 9}
    assert found["different_traces"] == 70 and found["not_finite"] == 0 and not found["identical"]
    assert (found["n_traces"], found["n_samples"], found["dataset"]) == (120, 77, "/traces")


def test_the_same_figures_on_any_number_of_ranks(seisproc, tmp_path):
    rng = np.random.default_rng(4)
    a = rng.normal(size=(9000, 700)).astype("f4")  # several units
    b = a + rng.normal(size=a.shape).astype("f4")
    first = [0, 10, 5000, 5001, 9000]
    paths = write_survey(tmp_path / "a.h5", a, first), write_survey(tmp_path / "b.h5", b, first)
    texts = {seisproc("compare", *paths, "--json", ranks=r).stdout for r in (None, 2, 5)}
    assert len(texts) == 1
    assert json.loads(texts.pop())["snr_db"] == pytest.approx(snr(a, b), rel=1e-12)


def test_identical(seisproc, tmp_path, pair):
    a = pair[0]
    a[5, 6], a[7, 8] = np.nan, -0.0
    paths = write_survey(tmp_path / "a.h5", a, FIRST), write_survey(tmp_path / "b.h5", a, FIRST)
    found = compare(seisproc, *paths, "--identical")
    assert found["identical"] and found["snr_db"] is None and found["first_different"] is None
    assert found["max_difference"] == 0 and found["max_at"] is None
    assert "identical" in seisproc("compare", *paths).stdout
    a[7, 8] = 0.0  # equal as a number, but not the same bits
    write_survey(paths[1], a, FIRST)
    assert compare(seisproc, *paths, "--identical", check=1)["first_different"]["trace"] == 7


def test_checks_set_the_exit_status(seisproc, tmp_path, pair):
    paths = write_survey(tmp_path / "a.h5", pair[0], FIRST), write_survey(tmp_path / "b.h5", pair[1], FIRST)
    level = snr(*pair)
    seisproc("compare", *paths, "--min-snr", str(level - 0.01))
    result = seisproc("compare", *paths, "--min-snr", str(level + 0.01), "--quiet", check=1)
    assert result.stdout == "" and result.stderr == ""
    seisproc("compare", *paths, "--identical", "--quiet", check=1, ranks=2)


def test_samples_that_are_not_finite_are_left_out(seisproc, tmp_path, pair):
    a, b = pair
    a[60, 1], b[61, 2], a[62, 3], b[62, 3] = np.nan, -np.inf, np.inf, np.inf
    found = compare(seisproc, write_survey(tmp_path / "a.h5", a, FIRST), write_survey(tmp_path / "b.h5", b, FIRST))
    good = np.isfinite(a) & np.isfinite(b)
    assert found["snr_db"] == pytest.approx(snr(a[good], b[good]), rel=1e-12)
    assert found["not_finite"] == 2
    assert found["max_difference"] == np.abs(a[good].astype(float) - b[good]).max()


def test_noise_can_be_compared(seisproc, tmp_path, pair):
    a, b = pair
    paths = [write_survey(tmp_path / f"{name}.h5", np.zeros_like(x), FIRST, content="processed", extra={"noise": x},
                          attributes={"job": np.bytes_("-"), "input_uuid": np.bytes_("-")})
             for name, x in (("a", a), ("b", b))]
    assert compare(seisproc, *paths)["identical"]
    found = compare(seisproc, *paths, "--dataset", "noise")
    assert found["dataset"] == "/noise" and found["snr_db"] == pytest.approx(snr(a, b), rel=1e-12)


def shuffled(first, seed):
    rng = np.random.default_rng(seed)
    return np.concatenate([a + rng.permutation(b - a) for a, b in zip(first[:-1], first[1:])]).astype("<u8")


def sorted_survey(path, traces, order, first, **more):
    return write_survey(path, traces[order], first, extra={"sort_map": order}, content="processed",
                        attributes={"job": np.bytes_("sort"), "input_uuid": np.bytes_("f00")}, **more)


@pytest.mark.parametrize("ranks", [None, 3])
def test_sorted_outputs_are_matched_by_their_maps(seisproc, tmp_path, pair, ranks):
    a, b = pair
    plain = write_survey(tmp_path / "plain.h5", a, FIRST)
    one = sorted_survey(tmp_path / "one.h5", b, shuffled(FIRST, 1), FIRST)
    two = sorted_survey(tmp_path / "two.h5", a, shuffled(FIRST, 2), FIRST)
    found = compare(seisproc, plain, one, ranks=ranks)
    assert found["matched_by_sort_map"] and found["snr_db"] == pytest.approx(snr(a, b), rel=1e-12)
    assert found["max_at"] == {"trace": 97, "sample": 33} and found["first_different"]["trace"] == 50
    found = compare(seisproc, two, one, ranks=ranks)
    assert found["snr_db"] == pytest.approx(snr(a, b), rel=1e-12)
    order = list(shuffled(FIRST, 2))
    assert found["max_at"] == {"trace": order.index(97), "sample": 33}
    assert found["first_different"]["trace"] == min(order.index(t) for t in range(50, 120))
    assert compare(seisproc, two, plain, "--identical", ranks=ranks)["identical"]


def test_a_survey_is_matched_with_the_job_that_sorted_it_again(seisproc, tmp_path, pair):
    """The second job's map counts in the first job's output, whose own map is then of no concern."""
    a = pair[0]
    order, again = shuffled(FIRST, 1), shuffled(FIRST, 2)
    one = sorted_survey(tmp_path / "one.h5", a, order, FIRST, uuid="00000000-0000-4000-8000-00000000000a")
    two = write_survey(tmp_path / "two.h5", a[order][again], FIRST, extra={"sort_map": again}, content="processed",
                       attributes={"job": np.bytes_("sort"),
                                   "input_uuid": np.bytes_("00000000-0000-4000-8000-00000000000a")})
    assert compare(seisproc, one, two, "--identical")["identical"]
    assert compare(seisproc, two, one, "--identical")["identical"]


@pytest.mark.parametrize("ranks", [None, 2])
def test_a_sorted_gather_larger_than_a_unit(seisproc, tmp_path, ranks):
    rng = np.random.default_rng(5)
    a = rng.normal(size=(2500, 2000)).astype("f4")  # units are 8 MB
    first = [0, 2400, 2500]
    plain = write_survey(tmp_path / "a.h5", a, first)
    mixed = sorted_survey(tmp_path / "b.h5", a, shuffled(first, 6), first)
    assert compare(seisproc, plain, mixed, "--identical", ranks=ranks)["identical"]
    assert compare(seisproc, mixed, plain, "--identical", ranks=ranks)["identical"]


@pytest.mark.parametrize("ranks", [None, 3])
def test_what_cannot_be_compared_is_refused_in_one_line(seisproc, tmp_path, pair, ranks):
    a = pair[0]
    plain = write_survey(tmp_path / "a.h5", a, FIRST)
    fewer = write_survey(tmp_path / "fewer.h5", a[:-1])
    shorter = write_survey(tmp_path / "shorter.h5", a[:, :-1], FIRST)
    order = shuffled(FIRST, 1)
    other = sorted_survey(tmp_path / "other.h5", a, order, [0, 60, 120, 120, 120, 120])
    astray = order.copy()
    astray[2] = 50
    wrong = sorted_survey(tmp_path / "wrong.h5", a, astray, FIRST)
    twice = shuffled(FIRST, 1)
    twice[0] = twice[1]
    double = sorted_survey(tmp_path / "double.h5", a, twice, FIRST)
    cases = [
        ((plain, fewer), "119"),
        ((plain, shorter), "76"),
        ((plain, tmp_path / "none.h5"), "none.h5"),
        ((plain, tmp_path), "directory"),
        ((plain, plain, "--dataset", "noise"), "/noise"),
        ((plain, plain, "--dataset", "gathers/key"), "does not hold traces"),
        ((plain, other), "different gathers"),
        ((plain, wrong), "in another gather"),
        ((double, plain), "never says"),
    ]
    for arguments, said in cases if ranks is None else cases[::3]:
        result = seisproc("compare", *arguments, ranks=ranks, check=1)
        assert said in result.stderr and result.stderr.count("error:") == 1, result


@pytest.mark.skipif(not harness.FAULTY.exists(), reason="no program with fault switches")
@pytest.mark.parametrize("n", [3, 12, 25])
def test_a_rank_without_memory_ends_all_with_1(tmp_path, pair, n):
    a, b = pair
    paths = write_survey(tmp_path / "a.h5", a, FIRST), write_survey(tmp_path / "b.h5", b, FIRST)
    result = harness.run([harness.FAULTY, "compare", *paths], 3, env={"SEISPROC_FAULT": f"allocation:{n}@1"},
                         tmp=tmp_path)
    assert result.returncode == 1 and not result.timed_out, str(result)
    assert result.stderr.count("cannot allocate") == 1 and "SNR" not in result.stdout, str(result)


def test_mistakes_are_refused(seisproc):
    for arguments in [("a",), ("a", "b", "c"), ("a", "b", "--min-snr", "x"), ("a", "b", "--dataset", 99 * "x")]:
        seisproc("compare", *arguments, check=1)


def test_text_is_made_for_a_human(seisproc, tmp_path, pair):
    a, b = pair
    paths = write_survey(tmp_path / "a.h5", a, FIRST), write_survey(tmp_path / "b.h5", b, FIRST)
    out = seisproc("compare", *paths).stdout
    assert f"{snr(a, b):.2f} dB" in out and "trace 97, sample 33 (0.066 s)" in out
    assert "70; the first is trace 50, trace 9 of gather 4 (cdp 5)" in out
