/* SPDX-License-Identifier: BSD-3-Clause */
/* Gathers before and after a job. Invariant: whatever is at hand of before, after and noise has the same traces, in the
 * order of the survey that is looked at, and no sample that is not finite. */
#include "src/qc/gather_view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/quote.h"
#include "seisproc/side_file.h"

enum { MOST_SAMPLES = 1 << 26 }; /* of one panel */

/* --- opening ---------------------------------------------------------------------------------------------------- */

/* The input's path as the last run that noted one says, in the history beside the output; empty where none does. */
static void find_recorded_input(const char *output, char *path, size_t size) {
  char *history = NULL, line[4096];
  path[0] = '\0';
  if (sp_side_path(output, SP_SIDE_RUNS, &history) != SP_SUCCESS) return;
  FILE *file = sp_side_read(history);
  while (file && fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = '\0';
    if (!strncmp(line, "input ", 6)) snprintf(path, size, "%s", line + 6);
  }
  if (file) fclose(file);
  sp_free(history);
}

static sp_status check_match(const sp_view_source *s, const char *input_uuid) {
  const sp_survey_info *out = sp_survey_get_info(s->survey), *in = sp_survey_get_info(s->against);
  if (strcmp(input_uuid, in->uuid)) {
    return SP_RAISE(SP_ERR_INPUT, "%s is not the input of %s: its uuid is %s, that of the input was %s",
                    s->against_path, s->path, in->uuid, input_uuid);
  }
  if (in->n_traces == out->n_traces && in->n_samples == out->n_samples && in->n_gathers == out->n_gathers) {
    return SP_SUCCESS;
  }
  return SP_RAISE(SP_ERR_INPUT, "%s has another shape than %s: they cannot be matched trace by trace", s->against_path,
                  s->path);
}

static sp_status open_against(sp_view_source *s, const char *against, const char *uuid) {
  SP_TRY(sp_strdup(against, &s->against_path));
  SP_TRY(sp_survey_open(MPI_COMM_NULL, against, false, &s->against));
  if (!strcmp(uuid, sp_survey_get_info(s->against)->uuid)) SP_TRY(sp_survey_select_as(s->against, s->survey));
  SP_TRY(check_match(s, uuid));
  return sp_trace_source_open(s->against, "/traces", &s->against_traces);
}

/* An output whose shape is another (an image) has no traces before. */
static bool keeps_shape(const sp_view_source *s) {
  char *job = NULL;
  if (sp_survey_find_text(s->survey, "/", "job", &job) != SP_SUCCESS || !job) return false;
  const bool image = strstr(job, ": pstm\n") != NULL;
  sp_free(job);
  return !image;
}

static sp_status look_for_input(sp_view_source *s, const char *against) {
  char *uuid = NULL, recorded[4096];
  SP_TRY(sp_survey_find_text(s->survey, "/", "input_uuid", &uuid));
  s->is_input = !uuid || !strcmp(sp_survey_get_info(s->survey)->content, "input");
  sp_status status = SP_SUCCESS;
  if (against && s->is_input) {
    status = SP_RAISE(SP_ERR_USAGE, "%s is no output of a job: there is nothing to look at it against", s->path);
  } else if (against) {
    status = open_against(s, against, uuid);
  } else if (!s->is_input && !s->noise && keeps_shape(s)) {
    find_recorded_input(s->path, recorded, sizeof recorded);
    if (recorded[0] && !access(recorded, R_OK)) status = open_against(s, recorded, uuid);
  }
  sp_free(uuid);
  return status;
}

static sp_status find_unit(sp_view_source *s) {
  static const char *const columns[] = {"/headers/offset", "/headers/sx", "/headers/gx", "/headers/cdpx"};
  for (size_t i = 0; i < sizeof columns / sizeof columns[0] && !s->unit[0]; i++) {
    char *units = NULL;
    if (!sp_survey_has(s->survey, columns[i])) continue;
    SP_TRY(sp_survey_find_text(s->survey, columns[i], "units", &units));
    if (units) snprintf(s->unit, sizeof s->unit, "%s", units);
    sp_free(units);
  }
  return SP_SUCCESS;
}

sp_status sp_view_open(const char *path, const char *gathers, const char *against, sp_view_source *s) {
  SP_TRY(sp_strdup(path, &s->path));
  SP_TRY(sp_survey_open(MPI_COMM_NULL, path, false, &s->survey));
  SP_TRY(sp_survey_select(s->survey, gathers));
  SP_TRY(sp_survey_read_index(s->survey, true, &s->index));
  SP_TRY(sp_trace_source_open(s->survey, "/traces", &s->traces));
  s->holds_noise = !strcmp(sp_survey_get_info(s->survey)->content, "noise");
  if (!s->holds_noise && sp_survey_has(s->survey, "/noise")) {
    SP_TRY(sp_trace_source_open(s->survey, "/noise", &s->noise));
  }
  SP_TRY(look_for_input(s, against));
  if (s->against && sp_survey_has(s->survey, "/sort_map")) {
    SP_TRY(sp_dataset_open(s->survey, "/sort_map", &s->sort_map));
  }
  return find_unit(s);
}

void sp_view_close(sp_view_source *s) {
  sp_dataset_close(s->sort_map);
  sp_trace_source_close(s->against_traces);
  sp_survey_close(s->against);
  sp_trace_source_close(s->noise);
  sp_trace_source_close(s->traces);
  sp_gather_index_destroy(s->index);
  sp_survey_close(s->survey);
  sp_free(s->against_path);
  sp_free(s->path);
  *s = (sp_view_source){0};
}

/* --- finding ---------------------------------------------------------------------------------------------------- */

static sp_status refuse_gather(const sp_view_source *s, const char *text) {
  char quoted[SP_QUOTE_SIZE], first[SP_GATHER_TEXT], last[SP_GATHER_TEXT];
  const sp_gather_index *index = s->index;
  if (index->n_gathers == 0) return SP_RAISE(SP_ERR_USAGE, "%s has no gathers", s->path);
  return SP_RAISE(SP_ERR_USAGE, "no gather '%s' in %s; they go from %s to %s, and by number from #0 to #%llu",
                  sp_quote(text, quoted), s->path, sp_gather_key_text(index->key_name, index->key[0], first),
                  sp_gather_key_text(index->key_name, index->key[index->n_gathers - 1], last),
                  (unsigned long long)index->n_gathers - 1);
}

sp_status sp_view_find(const sp_view_source *s, const char *text, sp_global *gather) {
  const sp_gather_index *index = s->index;
  char *end;
  if (text[0] == '#') {
    const unsigned long long number = strtoull(text + 1, &end, 10);
    if (!text[1] || *end || text[1] == '-' || number >= index->n_gathers) return refuse_gather(s, text);
    *gather = number;
    return SP_SUCCESS;
  }
  const char *value = strchr(text, '=') ? strchr(text, '=') + 1 : text;
  const size_t name = value > text ? (size_t)(value - text - 1) : 0;
  if (name && (strlen(index->key_name) != name || strncmp(index->key_name, text, name))) return refuse_gather(s, text);
  int64_t key = strtoll(value, &end, 10);
  if (end == value) return refuse_gather(s, text);
  if (*end == ',') key = sp_gather_key_join(key, strtoll(end + 1, &end, 10));
  if (*end) return refuse_gather(s, text);
  for (sp_global g = 0; g < index->n_gathers; g++) {
    if (index->key[g] != key) continue;
    *gather = g;
    return SP_SUCCESS;
  }
  return refuse_gather(s, text);
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

sp_status sp_view_column(const sp_view_source *s, const char *name, sp_global first, sp_local n, double **values) {
  char path[SP_NAME_LENGTH + 16];
  sp_header_column *column = NULL;
  *values = NULL;
  snprintf(path, sizeof path, "/headers/%s", name);
  if (!sp_survey_has(s->survey, path)) return SP_SUCCESS;
  SP_TRY(sp_header_column_check_time(s->survey, name));
  SP_TRY(sp_header_column_open(s->survey, name, &column));
  sp_status status = sp_calloc(n, sizeof **values, "a column", values);
  if (status == SP_SUCCESS && n > 0) status = sp_header_column_read(column, first, n, *values);
  sp_header_column_close(column);
  if (status == SP_SUCCESS) return status;
  sp_free(*values);
  *values = NULL;
  return status;
}

/* Every step-th trace of the gather. */
static sp_status read_traces(const sp_view_source *s, sp_trace_source *from, const sp_gather_view *v, float **rows) {
  const sp_global first = s->index->first_trace[v->gather];
  SP_TRY(sp_alloc((size_t)v->n_traces * v->n_samples * sizeof(float), "a gather", rows));
  if (v->step == 1) return sp_trace_source_read_independent(from, first, v->n_traces, *rows);
  for (sp_local i = 0; i < v->n_traces; i++) {
    SP_TRY(sp_trace_source_read_independent(from, first + (sp_global)i * v->step, 1, *rows + (size_t)i * v->n_samples));
  }
  return SP_SUCCESS;
}

/* Those traces of the input that the survey's are made of. */
static sp_status read_before(const sp_view_source *s, const sp_gather_view *v, float **rows) {
  const sp_global first = s->index->first_trace[v->gather], end = s->index->first_trace[v->gather + 1];
  if (!s->sort_map) return read_traces(s, s->against_traces, v, rows);
  SP_TRY(sp_alloc((size_t)v->n_traces * v->n_samples * sizeof(float), "a gather", rows));
  for (sp_local i = 0; i < v->n_traces; i++) {
    uint64_t place;
    SP_TRY(sp_dataset_read_independent(s->sort_map, first + (sp_global)i * v->step, 1, &place));
    if (place < first || place >= end) {
      return SP_RAISE(SP_ERR_INPUT, "%s: /sort_map says %llu within a gather of traces %llu to %llu", s->path,
                      (unsigned long long)place, (unsigned long long)first, (unsigned long long)end - 1);
    }
    SP_TRY(sp_trace_source_read_independent(s->against_traces, place, 1, *rows + (size_t)i * v->n_samples));
  }
  return SP_SUCCESS;
}

/* What is missing of before = after + noise. */
static sp_status complete(sp_gather_view *v) {
  const size_t n = (size_t)v->n_traces * v->n_samples;
  float **const missing = !v->before ? &v->before : !v->after ? &v->after : !v->noise ? &v->noise : NULL;
  if (!missing || (!v->before + !v->after + !v->noise) > 1) return SP_SUCCESS;
  SP_TRY(sp_alloc(n * sizeof(float), "a gather", missing));
  for (size_t i = 0; i < n; i++) {
    if (missing == &v->before) v->before[i] = v->after[i] + v->noise[i];
    if (missing == &v->after) v->after[i] = v->before[i] - v->noise[i];
    if (missing == &v->noise) v->noise[i] = v->before[i] - v->after[i];
  }
  return SP_SUCCESS;
}

static void make_finite(sp_gather_view *v) {
  float *const panels[] = {v->before, v->after, v->noise};
  for (size_t p = 0; p < 3; p++) {
    for (size_t i = 0; panels[p] && i < (size_t)v->n_traces * v->n_samples; i++) {
      if (isfinite(panels[p][i])) continue;
      panels[p][i] = 0;
      v->n_not_finite++;
    }
  }
}

/* Moves each trace down by its delay beyond the least one. */
static sp_status shift_panel(const sp_gather_view *v, const double *delay, uint32_t longer, float **rows) {
  float *shifted = NULL;
  if (!*rows) return SP_SUCCESS;
  SP_TRY(sp_calloc((size_t)v->n_traces * (v->n_samples + longer), sizeof(float), "a gather", &shifted));
  for (sp_local i = 0; i < v->n_traces; i++) {
    const size_t by = (size_t)floor((delay[i] - v->t0) / v->dt + 0.5);
    memcpy(shifted + (size_t)i * (v->n_samples + longer) + by, *rows + (size_t)i * v->n_samples,
           v->n_samples * sizeof(float));
  }
  sp_free(*rows);
  *rows = shifted;
  return SP_SUCCESS;
}

/* delay[n_traces] in s. */
static sp_status apply_delays(sp_gather_view *v, const double *delay) {
  double least = INFINITY, most = -INFINITY;
  for (sp_local i = 0; i < v->n_traces; i++) {
    least = fmin(least, delay[i]);
    most = fmax(most, delay[i]);
  }
  if (!(least <= most)) return SP_SUCCESS;
  v->t0 = least;
  const double longer = floor((most - least) / v->dt + 0.5);
  if (longer == 0) return SP_SUCCESS;
  v->delays_differ = longer > v->n_samples;
  if (v->delays_differ) return SP_SUCCESS;
  SP_TRY(shift_panel(v, delay, (uint32_t)longer, &v->before));
  SP_TRY(shift_panel(v, delay, (uint32_t)longer, &v->after));
  SP_TRY(shift_panel(v, delay, (uint32_t)longer, &v->noise));
  v->n_samples += (uint32_t)longer;
  return SP_SUCCESS;
}

/* The values of the traces that are shown: every step-th, in the order that `order` (NULL: as they are) makes. */
static sp_status read_shown(const sp_view_source *s, const char *name, const sp_gather_view *v, const sp_local *order,
                            double **out) {
  const sp_global first = s->index->first_trace[v->gather];
  double *values = NULL;
  *out = NULL;
  SP_TRY(sp_view_column(s, name, first, (sp_local)(s->index->first_trace[v->gather + 1] - first), &values));
  if (!values) return SP_SUCCESS;
  const sp_status status = sp_calloc(v->n_traces, sizeof **out, "a column", out);
  for (sp_local i = 0; status == SP_SUCCESS && i < v->n_traces; i++) {
    (*out)[i] = values[order ? order[i * v->step] : i * v->step];
  }
  sp_free(values);
  return status;
}

static bool varies(const double *values, sp_local n) {
  for (sp_local i = 1; i < n; i++) {
    if (isfinite(values[i]) && values[i] != values[0]) return true;
  }
  return false;
}

static sp_status read_headers(const sp_view_source *s, const sp_local *order, sp_gather_view *v) {
  double *delay = NULL;
  SP_TRY(read_shown(s, "offset", v, order, &v->offset));
  if (v->offset && !varies(v->offset, v->n_traces)) {
    sp_free(v->offset);
    v->offset = NULL;
  }
  SP_TRY(read_shown(s, "delrt", v, order, &delay));
  if (!delay) return SP_SUCCESS;
  for (sp_local i = 0; i < v->n_traces; i++) delay[i] *= 1e-3;
  const sp_status status = apply_delays(v, delay);
  sp_free(delay);
  return status;
}

static void begin_view(const sp_view_source *s, sp_global gather, sp_gather_view *v) {
  const sp_survey_info *info = sp_survey_get_info(s->survey);
  const sp_local n = (sp_local)(s->index->first_trace[gather + 1] - s->index->first_trace[gather]);
  const uint64_t samples = (uint64_t)n * info->n_samples;
  *v = (sp_gather_view){.gather = gather, .n_samples = info->n_samples, .dt = 1e-6 * info->sample_interval_us};
  sp_gather_key_text(s->index->key_name, s->index->key[gather], v->name);
  v->step = (sp_local)(samples / MOST_SAMPLES + 1);
  v->n_traces = (n + v->step - 1) / v->step;
}

sp_status sp_view_load(const sp_view_source *s, sp_global gather, sp_gather_view *v) {
  sp_status status;
  begin_view(s, gather, v);
  float **main = s->is_input ? &v->before : s->holds_noise ? &v->noise : &v->after;
  SP_TRY_GOTO(fail, read_traces(s, s->traces, v, main));
  if (s->noise) SP_TRY_GOTO(fail, read_traces(s, s->noise, v, &v->noise));
  if (s->against) SP_TRY_GOTO(fail, read_before(s, v, &v->before));
  SP_TRY_GOTO(fail, complete(v));
  make_finite(v);
  SP_TRY_GOTO(fail, read_headers(s, NULL, v));
  return SP_SUCCESS;
fail:
  sp_view_free(v);
  return status;
}

sp_status sp_view_of_noise(const sp_view_source *s, sp_global gather, const float *noise, const sp_local *order,
                           sp_gather_view *v) {
  sp_status status;
  begin_view(s, gather, v);
  SP_TRY_GOTO(fail, sp_alloc((size_t)v->n_traces * v->n_samples * sizeof(float), "a gather", &v->noise));
  for (sp_local i = 0; i < v->n_traces; i++) {
    memcpy(v->noise + (size_t)i * v->n_samples, noise + (size_t)i * v->step * v->n_samples,
           v->n_samples * sizeof(float));
  }
  make_finite(v);
  SP_TRY_GOTO(fail, read_headers(s, order, v));
  return SP_SUCCESS;
fail:
  sp_view_free(v);
  return status;
}

void sp_view_free(sp_gather_view *v) {
  sp_free(v->before);
  sp_free(v->after);
  sp_free(v->noise);
  sp_free(v->offset);
  *v = (sp_gather_view){0};
}

/* --- a part of it ----------------------------------------------------------------------------------------------- */

static bool is_within(double value, double least, double most) {
  return !(value < least) && !(value > most); /* true where a limit is NAN */
}

static void crop_panel(float *rows, const sp_gather_view *v, const unsigned char *keep, uint32_t first, uint32_t n) {
  float *to = rows;
  for (sp_local i = 0; rows && i < v->n_traces; i++) {
    if (!keep[i]) continue;
    memmove(to, rows + (size_t)i * v->n_samples + first, n * sizeof(float));
    to += n;
  }
}

sp_status sp_view_crop(sp_gather_view *v, double t0, double t1, double x0, double x1) {
  const double from = isnan(t0) ? 0 : ceil((t0 - v->t0) / v->dt - 1e-6);
  const double to = isnan(t1) ? v->n_samples - 1 : floor((t1 - v->t0) / v->dt + 1e-6);
  const uint32_t first = from > 0 ? (uint32_t)fmin(from, v->n_samples) : 0;
  const uint32_t last = to < v->n_samples - 1 ? (uint32_t)fmax(to, 0) : v->n_samples - 1;
  const bool by_offset = !isnan(x0) || !isnan(x1);
  unsigned char *keep = NULL;
  sp_local n = 0;
  if (by_offset && !v->offset) return SP_RAISE(SP_ERR_USAGE, "%s: its offsets are all the same, or not there", v->name);
  SP_TRY(sp_calloc(v->n_traces, 1, "a gather", &keep));
  for (sp_local i = 0; i < v->n_traces; i++) {
    keep[i] = !by_offset || is_within(v->offset[i], x0, x1);
    n += keep[i];
  }
  if (v->n_traces == 0) {
    sp_free(keep);
    return SP_RAISE(SP_ERR_USAGE, "%s has no traces", v->name);
  }
  if (n == 0 || first > last || to < 0 || first >= v->n_samples) {
    sp_free(keep);
    return SP_RAISE(SP_ERR_USAGE, "%s: nothing of it is within that window", v->name);
  }
  crop_panel(v->before, v, keep, first, last - first + 1);
  crop_panel(v->after, v, keep, first, last - first + 1);
  crop_panel(v->noise, v, keep, first, last - first + 1);
  sp_local k = 0;
  for (sp_local i = 0; i < v->n_traces; i++) {
    if (keep[i] && k == 0) v->first_trace = i * v->step;
    if (keep[i] && v->offset) v->offset[k] = v->offset[i];
    k += keep[i];
  }
  v->n_traces = n;
  v->t0 += first * v->dt;
  v->n_samples = last - first + 1;
  sp_free(keep);
  return SP_SUCCESS;
}

double sp_view_removed(const sp_gather_view *v) {
  double noise = 0, before = 0;
  if (!v->noise || !v->before) return NAN;
  for (size_t i = 0; i < (size_t)v->n_traces * v->n_samples; i++) {
    noise += (double)v->noise[i] * (double)v->noise[i];
    before += (double)v->before[i] * (double)v->before[i];
  }
  return before > 0 ? noise / before : NAN;
}
