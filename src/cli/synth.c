/* SPDX-License-Identifier: BSD-3-Clause */
/* seisproc synth: writes a synthetic survey, its noisy traces and, where asked for, those without noise.
 *
 * Ranks and threads divide the traces, each computes and writes its own: while the threads compute a block, the main
 * thread writes the one before. The bytes do not depend on how many there are.
 */
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "seisproc/clock.h"
#include "seisproc/dist.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/meter.h"
#include "seisproc/part_file.h"
#include "seisproc/ranks.h"
#include "seisproc/survey_file.h"
#include "src/cli/command.h"
#include "src/cli/synth_options.h"

enum { BLOCK_BYTES = 16 << 20, MAX_COLUMNS = 32 };

/* One of the files in the making. */
typedef struct output {
  const char *path;
  char *part;
  sp_lock *lock; /* rank 0 */
  sp_survey *survey;
  sp_dataset *traces;
  sp_dataset *headers[MAX_COLUMNS];
} output;

/* Traces that are computed and written together. */
typedef struct block {
  sp_global first;
  sp_local n;
  float *rows[SP_SYNTH_PARTS]; /* NULL: not wanted */
} block;

typedef struct maker {
  const sp_synth *synth;
  sp_ranks ranks;
  output outputs[SP_SYNTH_PARTS];
  block blocks[2];
  int32_t *values; /* of a header column, for one block */
  sp_local block_traces;
  uint32_t n_samples;
  int threads;
  sp_meter meter;
} maker;

/* --- the files ------------------------------------------------------------------------------------------------- */

static void describe(const sp_synth_config *c, int part, char *text, size_t size) {
  static const char *const names[SP_SYNTH_PARTS] = {"reflections", "reflections and ground roll",
                                                    "reflections, ground roll and random noise"};
  static const char *const media[] = {"", ", diffractors constant", ", diffractors gradient"};
  snprintf(text, size,
           "seisproc " SP_VERSION " synth: %s; gathers %llu, traces %.15g, spread %.15g, largest %.15g, samples %u, "
           "interval-ms %.15g, noise %.15g, ground-roll %.15g, seed %llu%s",
           names[part], (unsigned long long)c->n_gathers, c->mean_traces, c->spread, c->largest, c->n_samples,
           c->interval_s * 1e3, c->noise, c->ground_roll, (unsigned long long)c->seed, media[c->medium]);
}

/* Rank 0 alone. */
static sp_status create_file(const sp_synth *synth, const sp_synth_config *config, int part, const char *path) {
  char history[512];
  describe(config, part, history, sizeof history);
  const sp_gather_index *index = sp_synth_index(synth);
  sp_survey_info info = {.n_traces = index->n_traces,
                         .n_gathers = index->n_gathers,
                         .n_samples = config->n_samples,
                         .sample_interval_us = config->interval_s * 1e6,
                         .created_by = "seisproc " SP_VERSION,
                         .gather_key = "fldr",
                         .content = "input",
                         .history = history};
  sp_uuid_derive(history, info.uuid);
  char names[MAX_COLUMNS][32];
  sp_dataset_spec datasets[MAX_COLUMNS + 3];
  size_t n = 0;
  for (size_t c = 0; sp_synth_header_name(c); c++) {
    snprintf(names[c], sizeof names[c], "/headers/%s", sp_synth_header_name(c));
    datasets[n++] = (sp_dataset_spec){names[c], SP_INT32, index->n_traces, 0, sp_synth_header_units(c)};
  }
  datasets[n++] = (sp_dataset_spec){"/gathers/first_trace", SP_UINT64, index->n_gathers + 1, 0, NULL};
  datasets[n++] = (sp_dataset_spec){"/gathers/key", SP_INT64, index->n_gathers, 0, NULL};
  datasets[n++] = (sp_dataset_spec){"/traces", SP_FLOAT32, index->n_traces, config->n_samples, NULL};
  return sp_survey_create(path, &info, datasets, n, NULL, 0);
}

/* Rank 0 alone: the file with all but what belongs to single traces. */
static sp_status prepare_file(const sp_synth *synth, const sp_synth_config *config, int part, const char *path) {
  SP_TRY(create_file(synth, config, part, path));
  const sp_gather_index *index = sp_synth_index(synth);
  sp_survey *survey;
  SP_TRY(sp_survey_open(MPI_COMM_NULL, path, true, &survey));
  sp_status status = sp_dataset_write_whole(survey, "/gathers/first_trace", index->n_gathers + 1, index->first_trace);
  if (status == SP_SUCCESS) status = sp_dataset_write_whole(survey, "/gathers/key", index->n_gathers, index->key);
  sp_survey_close(survey);
  return status;
}

static sp_status open_output(const sp_ranks *ranks, output *out) {
  SP_TRY(sp_survey_open(ranks->comm, out->part, true, &out->survey));
  SP_TRY(sp_dataset_open(out->survey, "/traces", &out->traces));
  for (size_t c = 0; sp_synth_header_name(c); c++) {
    char path[64];
    snprintf(path, sizeof path, "/headers/%s", sp_synth_header_name(c));
    SP_TRY(sp_dataset_open(out->survey, path, &out->headers[c]));
  }
  return SP_SUCCESS;
}

static void close_output(output *out) {
  for (size_t c = 0; c < MAX_COLUMNS; c++) {
    sp_dataset_close(out->headers[c]);
    out->headers[c] = NULL;
  }
  sp_dataset_close(out->traces);
  sp_survey_close(out->survey);
  out->traces = NULL;
  out->survey = NULL;
}

static sp_status prepare_outputs(maker *m, const sp_synth_arguments *args) {
  for (int p = 0; p < SP_SYNTH_PARTS; p++) {
    output *out = &m->outputs[p];
    if (!args->path[p]) continue;
    out->path = args->path[p];
    SP_ALIKE(SP_ON_RANK_0(&m->ranks, sp_part_begin(out->path, &out->part, &out->lock)));
    SP_ALIKE(sp_ranks_agree(&m->ranks, m->ranks.rank ? sp_part_path(out->path, &out->part) : SP_SUCCESS));
    SP_ALIKE(SP_ON_RANK_0(&m->ranks, prepare_file(m->synth, &args->config, p, out->part)));
    SP_ALIKE(sp_ranks_agree(&m->ranks, open_output(&m->ranks, out)));
  }
  return SP_SUCCESS;
}

/* Gives complete files their own names, the noisy survey last: where it is, all are. */
static sp_status publish(maker *m) {
  for (int p = 0; p < SP_SYNTH_PARTS; p++) {
    output *out = &m->outputs[p];
    if (!out->path) continue;
    SP_ALIKE(SP_ON_RANK_0(&m->ranks, sp_part_publish(out->part, out->path)));
    sp_free(out->part);
    sp_lock_release(out->lock);
    out->part = NULL;
    out->lock = NULL;
  }
  return SP_SUCCESS;
}

/* --- the traces ------------------------------------------------------------------------------------------------ */

/* What a thread does of a block. */
typedef struct thread_part {
  const sp_synth *synth;
  sp_global first;
  sp_local n;
  float *rows[SP_SYNTH_PARTS];
} thread_part;

static void *compute_share(void *argument) {
  const thread_part *s = argument;
  sp_synth_traces(s->synth, s->first, s->n, s->rows);
  return NULL;
}

/* Threads at work on a block. */
typedef struct team {
  pthread_t threads[SP_SYNTH_MAX_THREADS];
  thread_part parts[SP_SYNTH_MAX_THREADS];
  int running;
} team;

static void start_block(const maker *m, const block *b, team *t) {
  t->running = 0;
  for (int i = 0; i < m->threads; i++) {
    const sp_share share = sp_share_even(b->n, m->threads, i);
    thread_part *s = &t->parts[i];
    *s = (thread_part){.synth = m->synth, .first = b->first + share.first, .n = (sp_local)share.count};
    for (int p = 0; p < SP_SYNTH_PARTS; p++) s->rows[p] = b->rows[p] ? b->rows[p] + share.first * m->n_samples : NULL;
    if (t->running == i && pthread_create(&t->threads[i], NULL, compute_share, s) == 0) {
      t->running++;
    } else {
      compute_share(s); /* no more threads to be had */
    }
  }
}

static void finish_block(team *t) {
  for (int i = 0; i < t->running; i++) pthread_join(t->threads[i], NULL);
}

static sp_status write_block(const maker *m, const block *b) {
  for (size_t c = 0; sp_synth_header_name(c); c++) {
    sp_synth_headers(m->synth, c, b->first, b->n, m->values);
    for (int p = 0; p < SP_SYNTH_PARTS; p++) {
      if (b->rows[p]) SP_TRY(sp_dataset_write_independent(m->outputs[p].headers[c], b->first, b->n, m->values));
    }
  }
  for (int p = 0; p < SP_SYNTH_PARTS; p++) {
    if (b->rows[p]) SP_TRY(sp_dataset_write_independent(m->outputs[p].traces, b->first, b->n, b->rows[p]));
  }
  return SP_SUCCESS;
}

static sp_status allocate(maker *m) {
  void *memory;
  for (int b = 0; b < 2; b++) {
    for (int p = 0; p < SP_SYNTH_PARTS; p++) {
      if (!m->outputs[p].path) continue;
      SP_TRY(sp_alloc((size_t)m->block_traces * m->n_samples * sizeof(float), "a block of traces", &memory));
      m->blocks[b].rows[p] = memory;
    }
  }
  SP_TRY(sp_alloc(m->block_traces * sizeof(int32_t), "a header column", &memory));
  m->values = memory;
  return SP_SUCCESS;
}

/* Computes and writes this rank's share; not collective. */
static sp_status make_traces(maker *m) {
  const uint64_t n_traces = sp_synth_index(m->synth)->n_traces;
  const sp_share share = sp_ranks_share(&m->ranks, n_traces);
  team threads;
  sp_status status = SP_SUCCESS;
  const block *ready = NULL;
  int turn = 0;
  uint64_t done = 0;
  for (sp_share p; (p = sp_share_piece(done, share.count, m->block_traces)).count || ready; turn = !turn) {
    if (status != SP_SUCCESS) break;
    block *next = p.count ? &m->blocks[turn] : NULL;
    if (next) {
      next->first = share.first + p.first;
      next->n = (sp_local)p.count;
      start_block(m, next, &threads);
      done += next->n;
    }
    if (ready) status = write_block(m, ready);
    if (next) finish_block(&threads);
    ready = next;
    sp_meter_show_traces(&m->meter, "synth", (double)done / (double)share.count, n_traces,
                         m->n_samples * sizeof(float));
  }
  return status;
}

/* Where things are: what a migration is to find. */
static void report_diffractors(const maker *m, sp_synth_medium medium) {
  double centre[2];
  if (medium == SP_SYNTH_LAYERS) return;
  sp_synth_centre(m->synth, centre);
  for (size_t i = 0; sp_synth_scatterer_at(i); i++) {
    const sp_synth_scatterer *d = sp_synth_scatterer_at(i);
    printf("  scatterer at x %.0f, y %.0f, depth %.0f m: %.2f ms\n", centre[0] + d->x, centre[1] + d->y, d->z,
           1e3 * sp_synth_vertical_time(medium, d->z));
  }
  for (size_t i = 0; sp_synth_plane_at(i); i++) {
    const sp_synth_plane *p = sp_synth_plane_at(i);
    printf("  plane with coefficient %g below x %.0f, y %.0f at %.0f m: %.2f ms, dip %g degrees to %g\n",
           p->reflectivity, centre[0], centre[1], p->depth, 1e3 * sp_synth_vertical_time(medium, p->depth),
           medium == SP_SYNTH_GRADIENT ? 0 : p->dip, p->azimuth);
  }
}

static void report(const maker *m, double written) {
  const sp_gather_index *index = sp_synth_index(m->synth);
  const double seconds = sp_now() - m->meter.started_at;
  double bytes = 0;
  for (int p = 0; p < SP_SYNTH_PARTS; p++) {
    if (m->outputs[p].path) bytes += (double)index->n_traces * m->n_samples * sizeof(float);
  }
  printf("%s: %llu gathers, %llu traces of %u samples, largest gather %u; %.2f GB in %.1f s (%.2f GB/s, synced "
         "after %.1f s)\n",
         m->outputs[SP_SYNTH_NOISY].path, (unsigned long long)index->n_gathers, (unsigned long long)index->n_traces,
         m->n_samples, index->max_traces, 1e-9 * bytes, written, 1e-9 * bytes / fmax(written, 1e-3), seconds);
}

static sp_status make(maker *m, const sp_synth_arguments *args) {
  sp_synth *synth = NULL;
  double written = 0;
  sp_status status;
  SP_ALIKE_GOTO(out, SP_ON_RANK_0(&m->ranks, sp_synth_create(&args->config, &synth))); /* its errors are said once */
  SP_ALIKE_GOTO(out, sp_ranks_agree(&m->ranks, synth ? SP_SUCCESS : sp_synth_create(&args->config, &synth)));
  m->synth = synth;
  m->n_samples = args->config.n_samples;
  const sp_local fits = (sp_local)(BLOCK_BYTES / (m->n_samples * sizeof(float)));
  m->block_traces = fits ? fits : 1;
  SP_ALIKE_GOTO(out, prepare_outputs(m, args));
  SP_ALIKE_GOTO(out, sp_ranks_agree(&m->ranks, allocate(m)));
  SP_ALIKE_GOTO(out, sp_ranks_agree(&m->ranks, make_traces(m)));
  written = sp_meter_end(&m->meter, false);
  for (int p = 0; p < SP_SYNTH_PARTS; p++) close_output(&m->outputs[p]);
  SP_TRY_GOTO(out, publish(m));
  if (!args->quiet && m->ranks.rank == 0) {
    report(m, written);
    report_diffractors(m, (sp_synth_medium)args->config.medium);
  }
out:
  for (int p = 0; p < SP_SYNTH_PARTS; p++) {
    close_output(&m->outputs[p]);
    if (m->ranks.rank == 0) sp_part_discard(m->outputs[p].part);
    sp_free(m->outputs[p].part);
    sp_lock_release(m->outputs[p].lock);
    for (int b = 0; b < 2; b++) sp_free(m->blocks[b].rows[p]);
  }
  sp_free(m->values);
  sp_synth_destroy(synth);
  return status;
}

int sp_cli_synth(int argc, char **argv) {
  sp_synth_arguments args;
  sp_synth_parse(argc, argv, &args);
  maker m = {0};
  const sp_status started = sp_ranks_start(&argc, &argv, &m.ranks);
  if (started != SP_SUCCESS) return sp_status_exit_code(started);
  const int cores = sp_ranks_threads(&m.ranks);
  m.threads = args.threads ? args.threads : cores < SP_SYNTH_MAX_THREADS ? cores : SP_SYNTH_MAX_THREADS;
  m.meter = sp_meter_start(m.ranks.rank == 0 && !args.quiet);
  return sp_ranks_finish(&m.ranks, make(&m, &args));
}
