/* SPDX-License-Identifier: BSD-3-Clause */
/* Filters one cube for tests written in Python, on any number of ranks:
 *
 *   tool_cube IN OUT NX NY N_SAMPLES INTERVAL DX DY AZIMUTH_X AZIMUTH_Y THREADS SLAB [key=value]...
 *
 * IN holds n traces: a line with n, then n cells (uint32), then their samples (float32); OUT gets the filtered traces,
 * then a byte a trace with what became of it. SLAB: traces that are given at once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/fkk/fkk.h"
#include "seisproc/dist.h"
#include "seisproc/memory.h"
#include "seisproc/share.h"
#include "src/flow/volume/cube_filter.h"

static void require(int fine, const char *what) {
  if (fine) return;
  fprintf(stderr, "tool_cube: %s\n", what);
  sp_comm_abort(SP_ERR_INTERNAL);
}

static void set_params(int argc, char **argv, sp_fkk_params *params) {
  char why[SP_WHY_SIZE];
  sp_processor_example(&sp_processor_fkk, params);
  for (int i = 0; i < argc; i++) {
    char *value = strchr(argv[i], '=');
    require(value != NULL, argv[i]);
    *value++ = '\0';
    const sp_param *param = sp_param_find(sp_processor_fkk.params, argv[i]);
    require(param && sp_param_parse(param, value, params, why, sizeof why) == SP_SUCCESS, why);
  }
  require(sp_processor_fkk.check(params, why, sizeof why) == SP_SUCCESS, why);
}

/* The ranks write their traces one after the other. */
static void write_in_turn(const sp_cube_filter *cube, const char *path, uint64_t n, unsigned n_samples, float *traces,
                          const float *removed) {
  const sp_share share = sp_cube_filter_share(cube);
  const uint64_t end = share.first + share.count < n ? share.first + share.count : n;
  int rank, size;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  for (int turn = 0; turn < size; turn++) {
    if (turn == rank) {
      FILE *out = fopen(path, turn ? "r+b" : "wb");
      require(out != NULL, "output");
      for (uint64_t i = share.first; i < end; i++) {
        float *row = traces + i * n_samples;
        const char state = (char)sp_cube_filter_state(cube, i - share.first);
        for (unsigned k = 0; k < n_samples; k++) row[k] -= removed[i * n_samples + k];
        require(!fseek(out, (long)(i * n_samples * sizeof *row), SEEK_SET), "output");
        require(fwrite(row, sizeof *row, n_samples, out) == n_samples, "output");
        require(!fseek(out, (long)(n * n_samples * sizeof *row + i), SEEK_SET) && fputc(state, out) != EOF, "output");
      }
      require(!fclose(out), "output");
    }
    MPI_Barrier(MPI_COMM_WORLD);
  }
}

int main(int argc, char **argv) {
  require(sp_comm_start(&argc, &argv) == SP_SUCCESS && argc >= 13, "usage");
  sp_fkk_params params;
  set_params(argc - 13, argv + 13, &params);
  const unsigned n_samples = (unsigned)atoi(argv[5]);
  sp_fk_filter filter;
  sp_fkk_filter_of(&params, atof(argv[9]), atof(argv[10]), n_samples, atof(argv[6]), &filter);
  FILE *in = fopen(argv[1], "rb");
  unsigned long long n = 0;
  require(in && fscanf(in, "%llu", &n) == 1 && fgetc(in) == '\n', "input");
  uint32_t *cell = malloc(n * sizeof *cell);
  float *traces = malloc(n * n_samples * sizeof *traces), *removed = malloc(n * n_samples * sizeof *removed);
  require(fread(cell, sizeof *cell, n, in) == n && fread(traces, sizeof *traces * n_samples, n, in) == n, "input");
  fclose(in);
  sp_thread_team *team;
  require(sp_thread_team_create(atoi(argv[11]), &team) == SP_SUCCESS, "team");
  const sp_cube_spec spec = {.ranks = sp_ranks_of(MPI_COMM_WORLD),
                             .team = team,
                             .filter = &filter,
                             .n_traces = n,
                             .cell = cell,
                             .nx = (uint32_t)atoi(argv[3]),
                             .ny = (uint32_t)atoi(argv[4]),
                             .dx = atof(argv[7]),
                             .dy = atof(argv[8]),
                             .mean = params.duplicates == SP_FKK_MEAN,
                             .scratch = *params.scratch.text ? params.scratch.text : NULL};
  sp_cube_filter *cube;
  require(sp_cube_filter_create(&spec, &cube) == SP_SUCCESS, "cube");
  const sp_share share = sp_cube_filter_share(cube);
  const uint64_t end = share.first + share.count < n ? share.first + share.count : n, slab = (uint64_t)atoi(argv[12]);
  SP_EACH_PIECE (p, share.first, end, slab) {
    sp_cube_filter_forward(cube, p.first - share.first, p.count, traces + p.first * n_samples);
  }
  sp_cube_filter_wait(cube);
  const uint64_t allocations = sp_alloc_count();
  require(sp_cube_filter_run(cube) == SP_SUCCESS, "run");
  require(params.duplicates == SP_FKK_MEAN || sp_alloc_count() == allocations, "the filter has allocated memory");
  SP_EACH_PIECE (p, share.first, end, slab) {
    sp_cube_filter_back(cube, p.first - share.first, p.count, traces + p.first * n_samples,
                        removed + p.first * n_samples);
  }
  sp_cube_filter_wait(cube);
  write_in_turn(cube, argv[2], n, n_samples, traces, removed);
  sp_cube_filter_destroy(cube);
  sp_thread_team_destroy(team);
  free(cell);
  free(traces);
  free(removed);
  sp_comm_finish();
  return 0;
}
