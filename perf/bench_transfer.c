/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading and writing alone, together and by each rank itself: the same rows of the same file, in turns.
 *
 *   transfer [DIR [RANKS [MB]]]     (/tmp, 4 and 256 unless told)
 *
 * Slabs of 64 KB to 20 MB, dealt round the ranks as a job deals them. Collective transfers go through the program's own
 * module (collective.h); independent reads through H5Dread, independent writes past the page cache, as in a job. Every
 * write is followed by a sync of the file, which counts. Medians of five turns; the file is in the page cache, as far
 * as that holds it, since all have read it before. Each rank checks the rows that it reads. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "perf/bench.h"
#include "perf/self_start.h"
#include "seisproc/clock.h"
#include "seisproc/collective.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/trace_store.h"
#include "src/base/activity.h"
#include "tests/store/small_survey.h"

enum { N_SAMPLES = 1000, TURNS = 5, ROW = N_SAMPLES * sizeof(float) };

typedef struct bench {
  int rank, size;
  const char *path;
  uint64_t n_traces;
  float *rows;
  sp_activity activity;
} bench;

static void create(const bench *b) {
  const sp_survey_info info = small_survey_info(b->n_traces, 1, N_SAMPLES);
  const sp_dataset_spec datasets[] = {{"/traces", SP_FLOAT32, b->n_traces, N_SAMPLES, NULL},
                                      {"/gathers/first_trace", SP_UINT64, 2, 0, NULL},
                                      {"/gathers/key", SP_INT64, 1, 0, NULL}};
  if (b->rank == 0) require(sp_survey_create(b->path, &info, datasets, 3, NULL, 0));
  MPI_Barrier(MPI_COMM_WORLD);
}

static void fill(const bench *b, uint64_t first, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) b->rows[(size_t)i * N_SAMPLES] = (float)(first + i);
}

static void check(const bench *b, uint64_t first, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) require_right(b->rows[(size_t)i * N_SAMPLES] == (float)(first + i), "a row");
}

/* Seconds for all rows, in slabs of so many, from the first rank's start to the last one's end. */
static double move_all(bench *b, bool writes, bool together, uint32_t slab) {
  sp_survey *survey;
  sp_trace_source *source = NULL;
  sp_trace_sink *sink = NULL;
  sp_collective *group = NULL;
  require(sp_survey_open(MPI_COMM_WORLD, b->path, writes, &survey));
  if (writes) require(sp_trace_sink_open(survey, "/traces", true, &sink));
  if (!writes) require(sp_trace_source_open(survey, "/traces", &source));
  const sp_collective_config config = {
      .comm = MPI_COMM_WORLD, .writes = writes, .most_waiting = INFINITY, .activity = &b->activity};
  require(sp_collective_create(&config, &group));
  sp_dataset *dataset = writes ? sp_trace_sink_dataset(sink) : sp_trace_source_dataset(source);
  MPI_Barrier(MPI_COMM_WORLD);
  const double start = sp_now();
  for (uint64_t round = 0; round < b->n_traces; round += (uint64_t)slab * (uint64_t)b->size) {
    const uint64_t first = round + (uint64_t)b->rank * slab;
    const uint64_t left = first < b->n_traces ? b->n_traces - first : 0;
    const uint32_t n = left < slab ? (uint32_t)left : slab;
    if (writes) fill(b, first, n);
    if (together) {
      const sp_collective_rows own = {.n_planes = 1, .plane = {{dataset, b->rows}}, .first = n ? first : 0, .n = n};
      sp_collective_news news = {.stays = true};
      bool moved = true, independent = false;
      require(writes ? sp_collective_write(group, &own, &news, &independent) : sp_collective_read(group, &own, &moved));
      require_right(moved && !independent, "a transfer");
    } else if (n) {
      require(writes ? sp_trace_sink_write_independent(sink, first, n, b->rows)
                     : sp_trace_source_read_independent(source, first, n, b->rows));
    }
    if (!writes) check(b, first, n);
  }
  if (writes) require(sp_sync_file(b->path));
  MPI_Barrier(MPI_COMM_WORLD);
  const double seconds = sp_now() - start;
  sp_collective_destroy(group);
  sp_trace_source_close(source);
  sp_trace_sink_close(sink);
  sp_survey_close(survey);
  return seconds;
}

static void measure(bench *b, bool writes, uint32_t slab) {
  double seconds[2][TURNS];
  for (int turn = -1; turn < TURNS; turn++) {
    for (int together = 0; together < 2; together++) {
      const double s = move_all(b, writes, together, slab);
      if (turn >= 0) seconds[together][turn] = s;
    }
  }
  const double alone = median(seconds[0], TURNS), together = median(seconds[1], TURNS);
  if (b->rank) return;
  printf("%-5s %8.0f KB  independent %7.3f GB/s  collective %7.3f GB/s  times over independent %5.2f\n",
         writes ? "write" : "read", slab * (ROW / 1e3), 1e-9 * (double)b->n_traces * ROW / alone,
         1e-9 * (double)b->n_traces * ROW / together, together / alone);
  fflush(stdout);
}

int main(int argc, char **argv) {
  static const uint32_t slabs[] = {16, 256, 1250, 5000};
  char path[256], ranks[16];
  snprintf(ranks, sizeof ranks, "%s", argc > 2 ? argv[2] : "4");
  if (!sp_comm_launched()) {
    start_under_mpirun(ranks, argc, argv);
    return 1;
  }
  require(sp_comm_start(&argc, &argv));
  bench b = {.path = path, .n_traces = (uint64_t)(argc > 3 ? atoi(argv[3]) : 256) * 250};
  MPI_Comm_rank(MPI_COMM_WORLD, &b.rank);
  MPI_Comm_size(MPI_COMM_WORLD, &b.size);
  snprintf(path, sizeof path, "%s/seisproc-bench-transfer.h5", argc > 1 ? argv[1] : "/tmp");
  void *rows = NULL;
  require(sp_calloc(5000, ROW, "rows", &rows));
  b.rows = rows;
  create(&b);
  for (size_t i = 0; i < sizeof slabs / sizeof slabs[0]; i++) measure(&b, true, slabs[i]);
  for (size_t i = 0; i < sizeof slabs / sizeof slabs[0]; i++) measure(&b, false, slabs[i]);
  MPI_Barrier(MPI_COMM_WORLD);
  if (b.rank == 0) unlink(path);
  sp_free(rows);
  sp_comm_finish();
  return 0;
}
