/* SPDX-License-Identifier: BSD-3-Clause */
/* Gathers of an output read again. Pieces of a gather are read and compared as they come; only where traces were sorted
 * is the whole gather of the input in memory. */
#include "src/flow/gather/recheck.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/crc32c.h"
#include "seisproc/memory.h"
#include "seisproc/pack.h"
#include "seisproc/processor.h"
#include "seisproc/share.h"
#include "seisproc/survey_file.h"
#include "src/flow/flow.h"
#include "src/pack/packer.h"

enum { PIECE_BYTES = 8 << 20 };

struct sp_recheck {
  const char *path;
  sp_survey *survey, *input;
  sp_dataset *traces, *noise, *input_traces, *sort_map, *trace_status; /* NULL: there is none */
  sp_placed_rows *placed[2]; /* of /traces and /noise, in OUT.packed; NULL: all are in the file */
  sp_gather_index *index;
  float *y, *n, *x; /* a piece of /traces, of /noise; the input's piece, or its gather where traces were sorted */
  uint64_t *map;    /* a piece of /sort_map */
  uint8_t *states;  /* a piece of what became of each trace, where the file says that */
  sp_local piece;   /* traces */
  uint32_t n_samples;
  sp_dataset *rounding; /* errors of gathers whose samples were rounded; NULL */
  double slack;         /* largest error of a trace and its noise together, of what they lost when they were packed */
};

/* A gather of which pieces are being read. */
typedef struct open_gather {
  sp_global gather;
  const sp_gather_result *recorded;
  uint64_t bytes;
  uint32_t crc_traces, crc_noise;
  bool unreadable;
  const char *damage;        /* of one that is unreadable: of a packed chunk of it; else "" */
  bool differs;              /* from the input as processed traces and noise of it */
  bool untouched, is_zero;   /* of one that was not processed: all traces so far */
  sp_global first_different; /* trace, of the survey */
} open_gather;

/* --- opening -------------------------------------------------------------------------------------------------- */

static sp_status add_slack(sp_recheck *r, const char *path) {
  char *codec = NULL;
  double error = 0;
  SP_TRY(sp_survey_find_text(r->survey, path, "codec", &codec));
  const bool lossy = codec && !strcmp(codec, "zfp");
  sp_free(codec);
  if (lossy) SP_TRY(sp_survey_get_real(r->survey, path, "max_error", &error));
  r->slack += error;
  return SP_SUCCESS;
}

static sp_status open_input(sp_recheck *r, const char *path) {
  if (!r->noise) {
    return SP_RAISE(SP_ERR_INPUT, "%s: has no /noise that could be added to /traces; that takes a job of mode both",
                    r->path);
  }
  char *uuid = NULL;
  SP_TRY(sp_survey_open(MPI_COMM_NULL, path, false, &r->input));
  SP_TRY(sp_survey_get_text(r->survey, "/", "input_uuid", &uuid));
  const sp_survey_info *info = sp_survey_get_info(r->input);
  const bool same = !strcmp(uuid, info->uuid);
  sp_free(uuid);
  if (same) SP_TRY(sp_survey_select_as(r->input, r->survey));
  if (!same || info->n_traces != r->index->n_traces || info->n_samples != r->n_samples) {
    return SP_RAISE(SP_ERR_INPUT, "%s: is not what %s was made from", path, r->path);
  }
  SP_TRY(sp_dataset_open(r->input, "/traces", &r->input_traces));
  SP_TRY(add_slack(r, "/traces"));
  SP_TRY(add_slack(r, "/noise"));
  if (sp_survey_has(r->survey, SP_SCALE_GROUP "/error")) {
    SP_TRY(sp_dataset_open(r->survey, SP_SCALE_GROUP "/error", &r->rounding));
  }
  if (sp_survey_has(r->survey, SP_TRACE_STATUS_PATH)) {
    SP_TRY(sp_dataset_open(r->survey, SP_TRACE_STATUS_PATH, &r->trace_status));
  }
  if (!sp_survey_has(r->survey, "/sort_map")) return SP_SUCCESS;
  return sp_dataset_open(r->survey, "/sort_map", &r->sort_map);
}

static sp_status make_buffers(sp_recheck *r) {
  const size_t row = r->n_samples * sizeof(float);
  const uint64_t fits = PIECE_BYTES / row < 1 ? 1 : PIECE_BYTES / row, n = r->index->n_traces ? r->index->n_traces : 1;
  r->piece = (sp_local)(fits < n ? fits : n);
  const sp_local n_input = r->sort_map ? r->index->max_traces : r->piece;
  SP_TRY(sp_alloc(r->piece * row, "traces", &r->y));
  if (r->noise) SP_TRY(sp_alloc(r->piece * row, "noise", &r->n));
  if (r->input) SP_TRY(sp_alloc(n_input * row, "the input's traces", &r->x));
  if (r->sort_map) SP_TRY(sp_alloc(r->piece * sizeof(uint64_t), "the sort map", &r->map));
  if (r->trace_status) SP_TRY(sp_alloc(r->piece, "the status of traces", &r->states));
  return SP_SUCCESS;
}

static sp_status open_all(sp_recheck *r, const char *gathers, const char *against) {
  SP_TRY(sp_survey_open(MPI_COMM_NULL, r->path, false, &r->survey));
  SP_TRY(sp_survey_select(r->survey, gathers));
  r->n_samples = sp_survey_get_info(r->survey)->n_samples;
  SP_TRY(sp_survey_read_index(r->survey, true, &r->index));
  SP_TRY(sp_dataset_open(r->survey, "/traces", &r->traces));
  if (sp_survey_has(r->survey, "/noise")) SP_TRY(sp_dataset_open(r->survey, "/noise", &r->noise));
  if (against) SP_TRY(open_input(r, against));
  return make_buffers(r);
}

sp_status sp_recheck_open(const char *path, const char *gathers, const char *against, sp_recheck **out) {
  void *block;
  SP_TRY(sp_calloc(1, sizeof(sp_recheck), "a survey to be read again", &block));
  sp_recheck *r = block;
  r->path = path;
  const sp_status status = open_all(r, gathers, against);
  if (status == SP_SUCCESS) {
    *out = r;
  } else {
    sp_recheck_close(r);
  }
  return status;
}

void sp_recheck_close(sp_recheck *r) {
  if (!r) return;
  sp_free(r->states);
  sp_free(r->map);
  sp_free(r->x);
  sp_free(r->n);
  sp_free(r->y);
  sp_gather_index_destroy(r->index);
  sp_dataset_close(r->rounding);
  sp_dataset_close(r->trace_status);
  sp_dataset_close(r->sort_map);
  sp_dataset_close(r->input_traces);
  sp_survey_close(r->input);
  for (int plane = 0; plane < 2; plane++) sp_placed_rows_close(r->placed[plane]);
  sp_dataset_close(r->noise);
  sp_dataset_close(r->traces);
  sp_survey_close(r->survey);
  sp_free(r);
}

sp_status sp_recheck_add_chunks(sp_recheck *r, const sp_job *job, const char *packed, uint64_t chunk_rows,
                                const sp_chunk *chunks, size_t n) {
  const sp_pack_options options = sp_pack_options_of(job);
  sp_chunk_form form;
  bool packs;
  SP_TRY(sp_pack_form_of_results(&options, sp_survey_get_info(r->survey), &form, &packs));
  if (!packs || form.rows != chunk_rows) {
    return SP_RAISE(SP_ERR_INPUT, "%s: its journal has chunks of %llu rows, which are none of its job's", r->path,
                    (unsigned long long)chunk_rows);
  }
  for (uint32_t plane = 0; plane < (r->noise ? 2 : 1); plane++) {
    SP_TRY(sp_placed_rows_open(packed, &form, r->index->n_traces, plane, chunks, n, &r->placed[plane]));
  }
  return SP_SUCCESS;
}

const sp_gather_index *sp_recheck_index(const sp_recheck *r) {
  return r->index;
}

uint64_t sp_recheck_gather_bytes(const sp_recheck *r, sp_global gather) {
  const uint64_t n_traces = r->index->first_trace[gather + 1] - r->index->first_trace[gather];
  return n_traces * r->n_samples * sizeof(float) * (r->noise ? 2 : 1);
}

/* --- what was recorded ---------------------------------------------------------------------------------------- */

/* Reads rows first ... of a dataset in pieces that a 32-bit count can say; they must have row_length elements. */
static sp_status read_rows(const sp_recheck *r, const char *path, uint64_t row_length, sp_global first, sp_global n,
                           void **out) {
  sp_dataset *dataset = NULL;
  char *rows = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_dataset_open(r->survey, path, &dataset));
  if (sp_dataset_row_length(dataset) != row_length) {
    status = SP_RAISE(SP_ERR_INPUT, "%s: %s has %llu figures a gather, must be %llu", r->path, path,
                      (unsigned long long)sp_dataset_row_length(dataset), (unsigned long long)row_length);
    goto out;
  }
  const size_t row = sp_dataset_row_length(dataset) * sp_type_size(sp_dataset_type(dataset));
  SP_TRY_GOTO(out, sp_calloc(n + 1, row, "checksums", &rows));
  for (sp_global at = 0; at < n && status == SP_SUCCESS;) {
    const sp_local count = (sp_local)(n - at < (1u << 30) ? n - at : 1u << 30);
    status = sp_dataset_read(dataset, first + at, count, rows + at * row);
    at += count;
  }
out:
  sp_dataset_close(dataset);
  if (status == SP_SUCCESS) {
    *out = rows;
  } else {
    sp_free(rows);
  }
  return status;
}

sp_status sp_recheck_recorded(const sp_recheck *r, sp_global first, sp_global n, sp_gather_result *results) {
  void *crc = NULL, *state = NULL;
  sp_status status;
  if (!sp_survey_has(r->survey, "/integrity/crc32c")) {
    return SP_RAISE(SP_ERR_INPUT, "%s: holds no checksums; only what `seisproc run` wrote does", r->path);
  }
  const size_t columns = r->noise ? 2 : 1;
  SP_TRY_GOTO(out, read_rows(r, "/integrity/crc32c", columns, first, n, &crc));
  SP_TRY_GOTO(out, read_rows(r, "/integrity/status", 1, first, n, &state));
  for (sp_global g = 0; g < n; g++) {
    const uint32_t *row = (const uint32_t *)crc + g * columns;
    results[g] = (sp_gather_result){
        .reason = ((const uint8_t *)state)[g], .crc_traces = row[0], .crc_noise = columns == 2 ? row[1] : 0};
  }
out:
  sp_free(state);
  sp_free(crc);
  return status;
}

/* --- one gather ----------------------------------------------------------------------------------------------- */

/* A sample of the input that is not finite was removed, kept, or counted as zero. */
static bool accounts_for(float y, float n, float x) {
  return !isfinite(n) || (n == 0 && !memcmp(&x, &y, sizeof x)) || y + n == 0;
}

/* Whether the noise is x - y, rounded once, but for what was lost since. */
static bool adds_up(const float *y, const float *n, const float *x, size_t count, double slack) {
  bool good = true;
  for (size_t i = 0; i < count; i++) {
    const double off = fabs((double)x[i] - y[i] - n[i]);
    if (!isfinite(x[i])) {
      good &= accounts_for(y[i], n[i], x[i]);
      continue;
    }
    good &= off <= fabs((double)n[i]) * (0.5 * FLT_EPSILON) + FLT_TRUE_MIN + slack;
  }
  return good;
}

static bool all_zero(const float *rows, size_t count) {
  bool zero = true;
  for (size_t i = 0; i < count; i++) zero &= rows[i] == 0;
  return zero;
}

static bool all_finite(const float *x, size_t count) {
  bool finite = true;
  for (size_t i = 0; i < count; i++) finite &= isfinite(x[i]) != 0;
  return finite;
}

/* A trace of the gather against the one of the input that it was made from. */
static void compare_trace(const sp_recheck *r, open_gather *g, uint32_t reason, sp_global trace, const float *y,
                          const float *n, const float *x) {
  const size_t count = r->n_samples;
  if (adds_up(y, n, x, count, r->slack)) {
    g->is_zero = g->is_zero && all_zero(y, count) && all_zero(n, count);
    return;
  }
  const bool zeroed = all_zero(n, count) && all_zero(y, count);
  if (reason == SP_REASON_BAD_TRACES && zeroed && !all_finite(x, count)) return; /* by on_error: zero */
  /* a dead gather was dead in the input: zeros for anything else are a loss */
  if (!sp_reason_is_processed(reason) && reason != SP_REASON_DEAD && all_zero(n, count)) {
    g->untouched = g->untouched && !memcmp(x, y, count * sizeof *x);
    g->is_zero = g->is_zero && all_zero(y, count);
    if (g->untouched || g->is_zero) return;
  }
  if (!g->differs) g->first_different = trace;
  g->differs = true;
}

/* The input's traces for rows `first` ... of the survey; where the output was sorted, the whole gather they are from.
 */
static bool read_input(sp_recheck *r, const open_gather *g, sp_global first, sp_local count) {
  const sp_global *ends = r->index->first_trace + g->gather;
  if (r->trace_status && sp_dataset_read(r->trace_status, first, count, r->states) != SP_SUCCESS) return false;
  if (!r->sort_map) return sp_dataset_read(r->input_traces, first, count, r->x) == SP_SUCCESS;
  if (sp_dataset_read(r->sort_map, first, count, r->map) != SP_SUCCESS) return false;
  for (sp_local i = 0; i < count; i++) {
    if (r->map[i] < ends[0] || r->map[i] >= ends[1]) return false;
  }
  if (first > ends[0]) return true; /* the gather's first piece brought all of it */
  return sp_dataset_read(r->input_traces, ends[0], (sp_local)(ends[1] - ends[0]), r->x) == SP_SUCCESS;
}

static void compare_piece(sp_recheck *r, open_gather *g, sp_global first, sp_local count) {
  const size_t row = r->n_samples;
  const sp_global first_of_gather = r->index->first_trace[g->gather];
  if (!read_input(r, g, first, count)) {
    g->unreadable = true;
    return;
  }
  for (sp_local i = 0; i < count; i++) {
    const sp_global at = r->sort_map ? r->map[i] - first_of_gather : i;
    if (r->states) g->untouched = g->is_zero = true; /* each trace speaks for itself */
    compare_trace(r, g, r->states ? r->states[i] : g->recorded->reason, first + i, r->y + i * row, r->n + i * row,
                  r->x + at * row);
  }
}

/* Rows of one plane; those that are packed beside the file take the place of what lies there. */
static sp_status read_plane(sp_dataset *dataset, sp_placed_rows *placed, open_gather *g, sp_global first,
                            sp_local count, float *rows) {
  SP_TRY(sp_dataset_read(dataset, first, count, rows));
  if (!placed) return SP_SUCCESS;
  const sp_status status = sp_placed_rows_read(placed, first, count, rows);
  g->damage = sp_placed_rows_damage(placed);
  return status;
}

static sp_status read_output(sp_recheck *r, open_gather *g, sp_global first, sp_local count) {
  SP_TRY(read_plane(r->traces, r->placed[0], g, first, count, r->y));
  return r->noise ? read_plane(r->noise, r->placed[1], g, first, count, r->n) : SP_SUCCESS;
}

static void read_piece(sp_recheck *r, open_gather *g, sp_global first, sp_local count) {
  const size_t bytes = (size_t)count * r->n_samples * sizeof(float);
  if (read_output(r, g, first, count) != SP_SUCCESS) {
    g->unreadable = true;
    return;
  }
  g->crc_traces = sp_crc32c(g->crc_traces, r->y, bytes);
  if (r->noise) g->crc_noise = sp_crc32c(g->crc_noise, r->n, bytes);
  g->bytes += bytes * (r->noise ? 2 : 1);
  if (r->input) compare_piece(r, g, first, count);
}

static void conclude(const open_gather *g, sp_recheck_finding *out) {
  const sp_gather_result *recorded = g->recorded;
  out->bad = true;
  out->unreadable = g->unreadable;
  if (g->unreadable) {
    snprintf(out->what, SP_RECHECK_WHAT, "%s", g->damage[0] ? g->damage : "cannot be read");
  } else if (g->crc_traces != recorded->crc_traces) {
    snprintf(out->what, SP_RECHECK_WHAT, "/traces has checksum %08x, recorded is %08x", g->crc_traces,
             recorded->crc_traces);
  } else if (g->crc_noise != recorded->crc_noise) {
    snprintf(out->what, SP_RECHECK_WHAT, "/noise has checksum %08x, recorded is %08x", g->crc_noise,
             recorded->crc_noise);
  } else {
    out->bad = false;
    out->not_equal = g->differs;
    snprintf(out->what, SP_RECHECK_WHAT, "/traces + /noise is not the input, from trace %llu on",
             (unsigned long long)g->first_different);
  }
}

void sp_recheck_gather(sp_recheck *r, sp_global gather, const sp_gather_result *recorded, sp_recheck_finding *out) {
  open_gather g = {.gather = gather, .recorded = recorded, .damage = "", .untouched = true, .is_zero = true};
  float error = 0;
  *out = (sp_recheck_finding){0};
  if (r->rounding && sp_dataset_read(r->rounding, gather, 1, &error) != SP_SUCCESS) g.unreadable = true;
  if (r->rounding) r->slack = 2 * (double)error; /* of a trace and of its noise */
  SP_EACH_PIECE (p, r->index->first_trace[gather], r->index->first_trace[gather + 1], r->piece) {
    if (!g.unreadable) read_piece(r, &g, p.first, (sp_local)p.count);
  }
  out->bytes = g.bytes;
  conclude(&g, out);
}
