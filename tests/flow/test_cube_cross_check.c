/* SPDX-License-Identifier: BSD-3-Clause */
/* ranks: 1 2 3 5 */
/* timeout: 60 */
/* The filter of a cube against the 3-D transform of fftw3-mpi: other plans, another distribution, the same result. */
#include <fftw3-mpi.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/fk/zone.h"
#include "seisproc/dist.h"
#include "seisproc/memory.h"
#include "src/flow/volume/cube_filter.h"

enum { NX = 24, NY = 21, NT = 48, CELLS = NX * NY }; /* lengths that are not padded */

static const double DT = 0.004, DX = 25, DY = 20;

static float sample(uint32_t cell, uint32_t t) {
  uint32_t z = (cell * NT + t) * 2654435761u + 12345u;
  z ^= z >> 15;
  z *= 2246822519u;
  z ^= z >> 13;
  return (float)z * 0x1p-32f - 0.5f;
}

/* What is removed, by fftw3-mpi: the whole cube on every rank. */
static void remove_by_mpi(const sp_fk_zone *zone, float *removed) {
  ptrdiff_t n0, first;
  fftwf_mpi_init();
  const ptrdiff_t size = fftwf_mpi_local_size_3d(NX, NY, NT / 2 + 1, MPI_COMM_WORLD, &n0, &first);
  fftwf_complex *spectrum = fftwf_alloc_complex((size_t)size);
  float *data = fftwf_alloc_real(2 * (size_t)size);
  fftwf_plan there = fftwf_mpi_plan_dft_r2c_3d(NX, NY, NT, data, spectrum, MPI_COMM_WORLD, FFTW_ESTIMATE);
  fftwf_plan back = fftwf_mpi_plan_dft_c2r_3d(NX, NY, NT, spectrum, data, MPI_COMM_WORLD, FFTW_ESTIMATE);
  const ptrdiff_t row = 2 * (NT / 2 + 1);
  for (ptrdiff_t i = 0; i < n0 * NY; i++) {
    for (uint32_t t = 0; t < NT; t++) data[i * row + t] = sample((uint32_t)(first * NY + i), t);
  }
  fftwf_execute(there);
  const sp_fk_grid grid = {.mt = NT, .mx = NX, .my = NY, .dt = DT, .dx = DX, .dy = DY};
  for (uint32_t f = 0; f <= NT / 2; f++) {
    const sp_fk_slice slice = sp_fk_slice_at(zone, &grid, f);
    for (ptrdiff_t i = 0; i < n0 * NY; i++) {
      const double share =
          sp_fk_removed_share(zone, &grid, &slice, (uint32_t)(first + i / NY), (uint32_t)(i % NY)) / (CELLS * NT);
      spectrum[i * (NT / 2 + 1) + f][0] *= (float)share;
      spectrum[i * (NT / 2 + 1) + f][1] *= (float)share;
    }
  }
  fftwf_execute(back);
  memset(removed, 0, CELLS * NT * sizeof *removed);
  for (ptrdiff_t i = 0; i < n0 * NY; i++) memcpy(removed + (first * NY + i) * NT, data + i * row, NT * sizeof *data);
  MPI_Allreduce(MPI_IN_PLACE, removed, CELLS * NT, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
  fftwf_destroy_plan(there);
  fftwf_destroy_plan(back);
  fftwf_free(spectrum);
  fftwf_free(data);
}

/* The same by the filter of a cube. */
static void remove_by_planes(const sp_fk_filter *filter, float *removed) {
  sp_thread_team *team;
  sp_cube_filter *cube;
  static uint32_t cell[CELLS];
  for (uint32_t i = 0; i < CELLS; i++) cell[i] = i;
  assert_int_equal(sp_thread_team_create(2, &team), SP_SUCCESS);
  const sp_cube_spec spec = {.ranks = sp_ranks_of(MPI_COMM_WORLD),
                             .team = team,
                             .filter = filter,
                             .n_traces = CELLS,
                             .cell = cell,
                             .nx = NX,
                             .ny = NY,
                             .dx = DX,
                             .dy = DY};
  assert_int_equal(sp_cube_filter_create(&spec, &cube), SP_SUCCESS);
  const sp_share share = sp_cube_filter_share(cube);
  float *traces = malloc((share.count + 1) * NT * sizeof *traces);
  for (uint64_t i = 0; i < share.count * NT; i++) {
    traces[i] = sample((uint32_t)(share.first + i / NT), (uint32_t)(i % NT));
  }
  memset(removed, 0, CELLS * NT * sizeof *removed);
  sp_cube_filter_forward(cube, 0, share.count, traces);
  sp_cube_filter_wait(cube);
  assert_int_equal(sp_cube_filter_run(cube), SP_SUCCESS);
  sp_cube_filter_back(cube, 0, share.count, traces, removed + share.first * NT);
  sp_cube_filter_wait(cube);
  MPI_Allreduce(MPI_IN_PLACE, removed, CELLS * NT, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
  sp_cube_filter_destroy(cube);
  sp_thread_team_destroy(team);
  free(traces);
}

static void compare(const sp_fk_common *params, const sp_fk_sector *sector) {
  static float one[CELLS * NT], other[CELLS * NT];
  sp_fk_filter filter;
  sp_fk_filter_set(params, sector, 30, -60, NT, DT, &filter);
  remove_by_planes(&filter, one);
  remove_by_mpi(&filter.zone, other);
  double error = 0, norm = 0;
  for (int i = 0; i < CELLS * NT; i++) {
    error += ((double)one[i] - other[i]) * ((double)one[i] - other[i]);
    norm += (double)other[i] * other[i];
  }
  assert_true(norm > 1);
  assert_true(sqrt(error / norm) < 1e-6);
}

static void agrees_with_fftw3_mpi(void **state) {
  const sp_fk_sector sector = {.azimuth = 100, .width = 80, .taper = 15},
                     both = {.azimuth = 10, .width = 60, .taper = 20, .two_sided = true};
  sp_fk_common params = {.vmin = 500, .vmax = 2500, .taper = 0.2, .edge = SP_FK_EDGE_ZERO, .edge_traces = 4};
  compare(&params, NULL);
  compare(&params, &sector);
  compare(&params, &both);
  params.mode = SP_FK_PASS;
  params.f = (sp_numbers){.n = 4, .value = {5, 20, 70, 90}};
  compare(&params, &sector);
  params.aliases = 1;
  compare(&params, NULL);
}

int main(int argc, char **argv) {
  if (sp_comm_start(&argc, &argv) != SP_SUCCESS) return 1;
  const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_fftw3_mpi)};
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  sp_comm_finish();
  return failed;
}
