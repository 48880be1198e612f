#include "src/run/verify.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/crc32c.h"
#include "seisproc/dist.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/stats.h"
#include "seisproc/survey_file.h"
#include "src/flow/flow.h"
#include "src/run/journal.h"

enum { PIECE_BYTES = 8 << 20, WHAT_SIZE = 160 };

typedef struct verifier {
  const char *path;
  const sp_verify_options *options;
  sp_survey *survey, *input;
  sp_dataset *traces, *noise, *input_traces, *sort_map, *trace_status; /* NULL: there is none */
  sp_gather_index *index;
  sp_journal_contents journal; /* of a part */
  sp_global first, end;        /* this rank's gathers */
  sp_gather_result *recorded;  /* [end - first] */
  const uint8_t *done;         /* [n_gathers]; NULL: all */
  float *y, *n, *x; /* a piece of /traces, of /noise; the input's piece, or its gather where traces were sorted */
  uint64_t *map;    /* a piece of /sort_map */
  uint8_t *states;  /* a piece of what became of each trace, where the file says that */
  sp_local piece;   /* traces */
  uint32_t n_samples;
  sp_verify_report report;
  sp_global first_bad;        /* gather; n_gathers: none */
  char first_what[WHAT_SIZE]; /* and what is wrong with it */
} verifier;

/* A gather of which pieces are being read. */
typedef struct open_gather {
  sp_global gather;
  uint32_t crc_traces, crc_noise;
  bool unreadable;
  bool differs;              /* from the input as processed traces and noise of it */
  bool untouched, is_zero;   /* of one that was not processed: all traces so far */
  sp_global first_different; /* trace, of the survey */
} open_gather;

/* --- opening -------------------------------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end) {
  const size_t n = strlen(text), m = strlen(end);
  return n >= m && !strcmp(text + n - m, end);
}

/* The journal of a part: what of it is on the disk, with which checksums. */
static sp_status read_journal(verifier *v, sp_global n_gathers) {
  const size_t stem = strlen(v->path) - strlen(".part"), size = stem + sizeof ".journal";
  char *path = NULL;
  SP_TRY(sp_alloc(size, "a path", (void **)&path));
  snprintf(path, size, "%.*s.journal", (int)stem, v->path);
  sp_status status = sp_journal_read(path, &sp_gather_figures, n_gathers, &v->journal);
  if (status == SP_SUCCESS && !v->journal.begun) {
    status = SP_RAISE(SP_ERR_INPUT, "%s: its journal %s is not there or empty, so nothing of it counts as done",
                      v->path, path);
  } else if (status == SP_SUCCESS && v->journal.header.n_units != n_gathers) {
    status = SP_RAISE(SP_ERR_INPUT, "%s: has %llu gathers, its journal %s is one of %llu", v->path,
                      (unsigned long long)n_gathers, path, (unsigned long long)v->journal.header.n_units);
  }
  if (status == SP_SUCCESS && v->journal.n_bad_lines) {
    sp_warn("%s: %llu damaged lines", path, (unsigned long long)v->journal.n_bad_lines);
  }
  sp_free(path);
  return status;
}

/* Reads rows of a dataset, this rank's, in pieces that a 32-bit count can say; they must have row_length elements. */
static sp_status read_share(const verifier *v, const char *path, uint64_t row_length, void **out) {
  sp_dataset *dataset = NULL;
  char *rows = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_dataset_open(v->survey, path, &dataset));
  if (sp_dataset_row_length(dataset) != row_length) {
    status = SP_RAISE(SP_ERR_INPUT, "%s: %s has %llu figures a gather, must be %llu", v->path, path,
                      (unsigned long long)sp_dataset_row_length(dataset), (unsigned long long)row_length);
    goto out;
  }
  const size_t row = sp_dataset_row_length(dataset) * sp_type_size(sp_dataset_type(dataset));
  const sp_global n = v->end - v->first;
  SP_TRY_GOTO(out, sp_calloc(n + 1, row, "checksums", (void **)&rows));
  for (sp_global at = 0; at < n && status == SP_SUCCESS;) {
    const sp_local count = (sp_local)(n - at < (1u << 30) ? n - at : 1u << 30);
    status = sp_dataset_read(dataset, v->first + at, count, rows + at * row);
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

/* What the file itself says of its gathers. */
static sp_status read_integrity(verifier *v) {
  void *crc = NULL, *state = NULL;
  sp_status status;
  if (!sp_survey_has(v->survey, "/integrity/crc32c")) {
    return SP_RAISE(SP_ERR_INPUT, "%s: holds no checksums; only what `seisproc run` wrote does", v->path);
  }
  const size_t columns = v->noise ? 2 : 1;
  SP_TRY_GOTO(out, read_share(v, "/integrity/crc32c", columns, &crc));
  SP_TRY_GOTO(out, read_share(v, "/integrity/status", 1, &state));
  for (sp_global g = 0; g < v->end - v->first; g++) {
    const uint32_t *row = (const uint32_t *)crc + g * columns;
    v->recorded[g] = (sp_gather_result){
        .reason = ((const uint8_t *)state)[g], .crc_traces = row[0], .crc_noise = columns == 2 ? row[1] : 0};
  }
out:
  sp_free(state);
  sp_free(crc);
  return status;
}

static sp_status read_recorded(verifier *v) {
  const sp_global n = v->end - v->first;
  SP_TRY(sp_calloc(n + 1, sizeof *v->recorded, "checksums", (void **)&v->recorded));
  if (!ends_with(v->path, ".part")) return read_integrity(v);
  SP_TRY(read_journal(v, v->index->n_gathers));
  memcpy(v->recorded, (const sp_gather_result *)v->journal.figures + v->first, n * sizeof *v->recorded);
  v->done = v->journal.done;
  return SP_SUCCESS;
}

static sp_status open_input(verifier *v) {
  const char *path = v->options->against;
  if (!v->noise) {
    return SP_RAISE(SP_ERR_INPUT, "%s: has no /noise that could be added to /traces; that takes a job of mode both",
                    v->path);
  }
  char *uuid = NULL;
  SP_TRY(sp_survey_open(MPI_COMM_NULL, path, false, &v->input));
  SP_TRY(sp_survey_get_text(v->survey, "/", "input_uuid", &uuid));
  const sp_survey_info *info = sp_survey_get_info(v->input);
  const bool same = !strcmp(uuid, info->uuid);
  sp_free(uuid);
  if (!same || info->n_traces != v->index->n_traces || info->n_samples != v->n_samples) {
    return SP_RAISE(SP_ERR_INPUT, "%s: is not what %s was made from", path, v->path);
  }
  SP_TRY(sp_dataset_open(v->input, "/traces", &v->input_traces));
  if (sp_survey_has(v->survey, SP_TRACE_STATUS_PATH)) {
    SP_TRY(sp_dataset_open(v->survey, SP_TRACE_STATUS_PATH, &v->trace_status));
  }
  if (!sp_survey_has(v->survey, "/sort_map")) return SP_SUCCESS;
  return sp_dataset_open(v->survey, "/sort_map", &v->sort_map);
}

/* This rank's gathers: from the one in which its share of the traces begins. */
static void take_share(verifier *v, int rank, int size) {
  const sp_gather_index *index = v->index;
  const sp_global shares[2] = {index->n_traces / (sp_global)size * (sp_global)rank,
                               index->n_traces / (sp_global)size * (sp_global)(rank + 1)};
  sp_global *const ends[2] = {&v->first, &v->end};
  for (int i = 0; i < 2; i++) {
    sp_global low = 0, high = index->n_gathers;
    while (low < high) {
      const sp_global middle = low + (high - low) / 2;
      if (index->first_trace[middle] < shares[i]) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    *ends[i] = low;
  }
  if (rank == 0) v->first = 0;
  if (rank == size - 1) v->end = index->n_gathers;
}

static sp_status make_buffers(verifier *v) {
  const size_t row = v->n_samples * sizeof(float);
  const uint64_t fits = PIECE_BYTES / row < 1 ? 1 : PIECE_BYTES / row, n = v->index->n_traces ? v->index->n_traces : 1;
  v->piece = (sp_local)(fits < n ? fits : n);
  const sp_local n_input = v->sort_map ? v->index->max_traces : v->piece;
  SP_TRY(sp_alloc(v->piece * row, "traces", (void **)&v->y));
  if (v->noise) SP_TRY(sp_alloc(v->piece * row, "noise", (void **)&v->n));
  if (v->input) SP_TRY(sp_alloc(n_input * row, "the input's traces", (void **)&v->x));
  if (v->sort_map) SP_TRY(sp_alloc(v->piece * sizeof(uint64_t), "the sort map", (void **)&v->map));
  if (v->trace_status) SP_TRY(sp_alloc(v->piece, "the status of traces", (void **)&v->states));
  return SP_SUCCESS;
}

/* Each rank opens the file for itself: reading takes no agreement. */
static sp_status open_all(verifier *v, int rank, int size) {
  SP_TRY(sp_survey_open(MPI_COMM_NULL, v->path, false, &v->survey));
  v->n_samples = sp_survey_get_info(v->survey)->n_samples;
  SP_TRY(sp_survey_read_index(v->survey, true, &v->index));
  v->first_bad = v->index->n_gathers;
  SP_TRY(sp_dataset_open(v->survey, "/traces", &v->traces));
  if (sp_survey_has(v->survey, "/noise")) SP_TRY(sp_dataset_open(v->survey, "/noise", &v->noise));
  take_share(v, rank, size);
  SP_TRY(read_recorded(v));
  if (v->options->against) SP_TRY(open_input(v));
  return make_buffers(v);
}

static void close_all(verifier *v) {
  sp_free(v->states);
  sp_free(v->map);
  sp_free(v->x);
  sp_free(v->n);
  sp_free(v->y);
  sp_free(v->recorded);
  sp_journal_contents_free(&v->journal);
  sp_gather_index_destroy(v->index);
  sp_dataset_close(v->trace_status);
  sp_dataset_close(v->sort_map);
  sp_dataset_close(v->input_traces);
  sp_survey_close(v->input);
  sp_dataset_close(v->noise);
  sp_dataset_close(v->traces);
  sp_survey_close(v->survey);
}

/* --- one gather ----------------------------------------------------------------------------------------------- */

/* A sample of the input that is not finite was removed, kept, or counted as zero. */
static bool accounts_for(float y, float n, float x) {
  return !isfinite(n) || (n == 0 && !memcmp(&x, &y, sizeof x)) || y + n == 0;
}

/* Whether the noise is x - y, rounded once. */
static bool adds_up(const float *y, const float *n, const float *x, size_t count) {
  bool good = true;
  for (size_t i = 0; i < count; i++) {
    const double off = fabs((double)x[i] - y[i] - n[i]);
    if (!isfinite(x[i])) {
      good &= accounts_for(y[i], n[i], x[i]);
      continue;
    }
    good &= off <= fabs((double)n[i]) * (0.5 * FLT_EPSILON) + FLT_TRUE_MIN;
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
static void compare_trace(const verifier *v, open_gather *g, uint32_t reason, sp_global trace, const float *y,
                          const float *n, const float *x) {
  const size_t count = v->n_samples;
  if (adds_up(y, n, x, count)) {
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
static bool read_input(verifier *v, const open_gather *g, sp_global first, sp_local count) {
  const sp_global *ends = v->index->first_trace + g->gather;
  if (v->trace_status && sp_dataset_read(v->trace_status, first, count, v->states) != SP_SUCCESS) return false;
  if (!v->sort_map) return sp_dataset_read(v->input_traces, first, count, v->x) == SP_SUCCESS;
  if (sp_dataset_read(v->sort_map, first, count, v->map) != SP_SUCCESS) return false;
  for (sp_local i = 0; i < count; i++) {
    if (v->map[i] < ends[0] || v->map[i] >= ends[1]) return false;
  }
  if (first > ends[0]) return true; /* the gather's first piece brought all of it */
  return sp_dataset_read(v->input_traces, ends[0], (sp_local)(ends[1] - ends[0]), v->x) == SP_SUCCESS;
}

static void compare_piece(verifier *v, open_gather *g, sp_global first, sp_local count) {
  const size_t row = v->n_samples;
  const sp_global first_of_gather = v->index->first_trace[g->gather];
  if (!read_input(v, g, first, count)) {
    g->unreadable = true;
    return;
  }
  const uint32_t gather_reason = v->recorded[g->gather - v->first].reason;
  for (sp_local i = 0; i < count; i++) {
    const sp_global at = v->sort_map ? v->map[i] - first_of_gather : i;
    if (v->states) g->untouched = g->is_zero = true; /* each trace speaks for itself */
    compare_trace(v, g, v->states ? v->states[i] : gather_reason, first + i, v->y + i * row, v->n + i * row,
                  v->x + at * row);
  }
}

static void read_piece(verifier *v, open_gather *g, sp_global first, sp_local count) {
  const size_t bytes = (size_t)count * v->n_samples * sizeof(float);
  if (sp_dataset_read(v->traces, first, count, v->y) != SP_SUCCESS ||
      (v->noise && sp_dataset_read(v->noise, first, count, v->n) != SP_SUCCESS)) {
    g->unreadable = true;
    return;
  }
  g->crc_traces = sp_crc32c(g->crc_traces, v->y, bytes);
  if (v->noise) g->crc_noise = sp_crc32c(g->crc_noise, v->n, bytes);
  v->report.bytes += bytes * (v->noise ? 2 : 1);
  if (v->input) compare_piece(v, g, first, count);
}

/* What is wrong with a gather, as text; false where nothing is. */
static bool judge(const verifier *v, const open_gather *g, char what[WHAT_SIZE]) {
  const sp_gather_result *recorded = &v->recorded[g->gather - v->first];
  if (g->unreadable) {
    snprintf(what, WHAT_SIZE, "cannot be read");
  } else if (g->crc_traces != recorded->crc_traces) {
    snprintf(what, WHAT_SIZE, "/traces has checksum %08x, recorded is %08x", g->crc_traces, recorded->crc_traces);
  } else if (g->crc_noise != recorded->crc_noise) {
    snprintf(what, WHAT_SIZE, "/noise has checksum %08x, recorded is %08x", g->crc_noise, recorded->crc_noise);
  } else if (g->differs) {
    snprintf(what, WHAT_SIZE, "/traces + /noise is not the input, from trace %llu on",
             (unsigned long long)g->first_different);
  } else {
    return false;
  }
  return true;
}

static void count_gather(verifier *v, const open_gather *g) {
  sp_verify_report *report = &v->report;
  const uint32_t reason = v->recorded[g->gather - v->first].reason;
  report->n_gathers++;
  report->count[reason < SP_REASON_COUNT ? reason : SP_REASON_OK]++;
  char what[WHAT_SIZE];
  if (!judge(v, g, what)) return;
  if (g->differs && !g->unreadable && strstr(what, "is not the input")) {
    report->n_not_equal++;
  } else {
    report->n_bad++;
  }
  if (v->options->name_all) {
    char text[SP_GATHER_TEXT];
    sp_log(SP_LOG_ERROR, "%s: %s: %s", v->path, sp_gather_text(v->index, g->gather, text), what);
  }
  if (v->first_bad < v->index->n_gathers) return;
  v->first_bad = g->gather;
  memcpy(v->first_what, what, WHAT_SIZE);
}

static void verify_share(verifier *v) {
  for (sp_global gather = v->first; gather < v->end; gather++) {
    if (v->done && !v->done[gather]) {
      v->report.n_left++;
      continue;
    }
    open_gather g = {.gather = gather, .untouched = true, .is_zero = true};
    const sp_global end = v->index->first_trace[gather + 1];
    for (sp_global at = v->index->first_trace[gather]; at < end && !g.unreadable; at += v->piece) {
      read_piece(v, &g, at, (sp_local)(end - at < v->piece ? end - at : v->piece));
    }
    v->report.n_traces += end - v->index->first_trace[gather];
    count_gather(v, &g);
  }
}

/* --- all ranks -------------------------------------------------------------------------------------------------- */

static sp_status add_up_reports(MPI_Comm comm, verifier *v) {
  sp_verify_report *r = &v->report;
  enum { N_SUMS = 6 + SP_REASON_COUNT };
  uint64_t sums[N_SUMS] = {r->n_gathers, r->n_traces, r->n_left, r->n_bad, r->n_not_equal, r->bytes};
  memcpy(sums + 6, r->count, sizeof r->count);
  SP_MPI_ALL(MPI_Allreduce(MPI_IN_PLACE, sums, N_SUMS, MPI_UINT64_T, MPI_SUM, comm));
  SP_MPI_ALL(MPI_Allreduce(MPI_IN_PLACE, &r->seconds, 1, MPI_DOUBLE, MPI_MAX, comm));
  r->n_gathers = sums[0];
  r->n_traces = sums[1];
  r->n_left = sums[2];
  r->n_bad = sums[3];
  r->n_not_equal = sums[4];
  r->bytes = sums[5];
  memcpy(r->count, sums + 6, sizeof r->count);
  return SP_SUCCESS;
}

/* The rank with the first bad gather of all names it. */
static sp_status name_first(MPI_Comm comm, const verifier *v) {
  sp_global first = v->first_bad;
  if (comm != MPI_COMM_NULL) SP_MPI_ALL(MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_UINT64_T, MPI_MIN, comm));
  if (first == v->first_bad && first < v->index->n_gathers && !v->options->name_all) {
    char text[SP_GATHER_TEXT];
    sp_log(SP_LOG_ERROR, "%s: %s is the first bad one: %s", v->path, sp_gather_text(v->index, first, text),
           v->first_what);
  }
  return SP_SUCCESS;
}

sp_status sp_verify(MPI_Comm comm, const char *path, const sp_verify_options *options, sp_verify_report *out) {
  verifier v = {.path = path, .options = options};
  const bool alone = comm == MPI_COMM_NULL;
  int rank = 0, size = 1;
  if (!alone) {
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &size);
  }
  /* rank 0 first, so that a file that will not do is one line */
  sp_status status = rank == 0 ? open_all(&v, rank, size) : SP_SUCCESS;
  SP_ALIKE_GOTO(out, alone ? status : sp_agree(comm, status));
  status = rank == 0 ? SP_SUCCESS : open_all(&v, rank, size);
  SP_ALIKE_GOTO(out, alone ? status : sp_agree(comm, status));
  const double start = sp_now();
  verify_share(&v);
  v.report.seconds = sp_now() - start;
  if (!alone) SP_TRY_GOTO(out, add_up_reports(comm, &v));
  SP_TRY_GOTO(out, name_first(comm, &v));
  *out = v.report;
out:
  close_all(&v);
  return status;
}
