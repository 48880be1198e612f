/* SPDX-License-Identifier: BSD-3-Clause */
/* After the last trace: the gather index and the samples that floats do not keep; then the file gets its name. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/dist.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "src/segy/header_value.h"
#include "src/segy/importer.h"
#include "src/segy/segy_bytes.h"

enum { HELD_BYTES = 8 << 20, MAX_COORDINATES = 8 };

static size_t raw_bytes(const sp_segy_layout *layout) {
  return layout->n_samples * sp_segy_format_bytes(layout->format);
}

/* Coordinates of several units are of none that a distance can be made of. */
static size_t mix_units(const sp_importer *im, char (*paths)[SP_NAME_LENGTH + 16], sp_attribute_spec *attributes) {
  size_t n = 0;
  if (!im->notes[SP_NOTE_COORDINATE_UNIT].count) return 0;
  for (size_t c = 0; c < im->layout->n_columns; c++) {
    const char *name = im->layout->columns[c].name;
    const sp_header_field *field = sp_header_field_find(SP_BLOCK_STANDARD, name);
    if (!field || !field->scalar || strcmp(field->scalar, "scalco") != 0 || n == MAX_COORDINATES) continue;
    snprintf(paths[n], sizeof paths[n], "/headers/%s", name);
    attributes[n] = (sp_attribute_spec){.object = paths[n], .name = "units", .kind = SP_ATTR_TEXT, .text = "mixed"};
    n++;
  }
  return n;
}

static sp_status add_datasets(const sp_importer *im, uint64_t n_inexact) {
  char name[SP_NAME_LENGTH + 1], coordinates[MAX_COORDINATES][SP_NAME_LENGTH + 16];
  sp_import_gather_name(im, name);
  const sp_dataset_spec specs[] = {
      {"/gathers/first_trace", SP_UINT64, im->order.n_gathers + 1, 0, NULL},
      {"/gathers/key", SP_INT64, im->order.n_gathers, 0, NULL},
      {SP_EXACT_GROUP "/traces", SP_UINT64, n_inexact, 0, NULL},
      {SP_EXACT_GROUP "/samples", SP_UINT8, n_inexact, raw_bytes(im->layout), NULL},
  };
  const double step = im->key_step[0];
  const bool scaled = im->n_gather_keys == 1 && step < (double)INFINITY && step != 1;
  const double scalar = !scaled ? 1 : step >= 1 ? step : -1 / step;
  const bool weighted = im->applies_weights && im->notes[SP_NOTE_WEIGHT].count;
  sp_attribute_spec attributes[4 + MAX_COORDINATES] = {
      {.object = "/gathers/key", .name = "name", .kind = SP_ATTR_TEXT, .text = name},
      {.object = "/segy", .name = "regrouped", .kind = SP_ATTR_INT, .integer = im->source != NULL},
      {.object = "/gathers/key", .name = "scalar", .kind = SP_ATTR_INT, .integer = (int64_t)rint(scalar)},
  };
  size_t n = scaled ? 3 : 2;
  if (weighted) {
    attributes[n++] =
        (sp_attribute_spec){.object = "/segy", .name = SP_WEIGHTED_ATTRIBUTE, .kind = SP_ATTR_INT, .integer = 1};
  }
  n += mix_units(im, coordinates, attributes + n);
  return sp_survey_add(im->part_path, specs, n_inexact ? 4 : 2, attributes, n);
}

static sp_status add_gathers(const sp_importer *im, uint64_t n_inexact) {
  sp_survey *survey;
  const sp_order *order = &im->order;
  SP_TRY(add_datasets(im, n_inexact));
  SP_TRY(sp_survey_open(MPI_COMM_NULL, im->part_path, true, &survey));
  sp_status status = sp_dataset_write_whole(survey, "/gathers/first_trace", order->n_gathers + 1, order->first_trace);
  if (status == SP_SUCCESS) status = sp_dataset_write_whole(survey, "/gathers/key", order->n_gathers, order->key);
  if (status == SP_SUCCESS) status = sp_survey_write_times(survey);
  sp_survey_close(survey);
  return status;
}

/* --- samples that floats do not keep ------------------------------------------------------------------------------ */

typedef struct keeper {
  sp_importer *im;
  sp_dataset *traces, *samples;
  uint64_t *position; /* [capacity] */
  uint8_t *raw;       /* [capacity][bytes a trace] */
  sp_local capacity, n;
  uint64_t written; /* traces in the datasets before the ones held */
} keeper;

static sp_status flush(keeper *k) {
  SP_TRY(sp_dataset_write_independent(k->traces, k->written, k->n, k->position));
  SP_TRY(sp_dataset_write_independent(k->samples, k->written, k->n, k->raw));
  k->written += k->n;
  k->n = 0;
  return SP_SUCCESS;
}

static sp_status keep_all(keeper *k) {
  const sp_importer *im = k->im;
  const sp_segy_layout *layout = im->layout;
  const size_t bytes = raw_bytes(layout);
  for (uint64_t position = 0; position < im->end - im->first; position++) {
    if (!(im->inexact[position / 8] >> position % 8 & 1)) continue;
    const uint64_t trace = im->source ? im->source[position] : im->first + position;
    k->position[k->n] = im->first + position;
    SP_TRY(sp_segy_read_at(im->fd, im->options->input,
                           layout->first_trace + trace * layout->trace_bytes + layout->header_bytes, bytes,
                           k->raw + k->n * bytes));
    if (++k->n == k->capacity) SP_TRY(flush(k));
  }
  return flush(k);
}

static sp_status keep_exact(sp_importer *im, uint64_t before) {
  sp_status status;
  const size_t bytes = raw_bytes(im->layout);
  keeper k = {.im = im, .written = before, .capacity = (sp_local)(bytes < HELD_BYTES ? HELD_BYTES / bytes : 1)};
  if (k.capacity > im->layout->n_traces) k.capacity = (sp_local)im->layout->n_traces;
  SP_TRY_GOTO(out, sp_survey_open(im->ranks.comm, im->part_path, true, &im->survey));
  SP_TRY_GOTO(out, sp_dataset_open(im->survey, SP_EXACT_GROUP "/traces", &k.traces));
  SP_TRY_GOTO(out, sp_dataset_open(im->survey, SP_EXACT_GROUP "/samples", &k.samples));
  SP_TRY_GOTO(out, sp_alloc(k.capacity * sizeof *k.position, "exact samples", &k.position));
  SP_TRY_GOTO(out, sp_alloc(k.capacity * bytes, "exact samples", &k.raw));
  status = keep_all(&k);
out:
  sp_free(k.raw);
  sp_free(k.position);
  sp_dataset_close(k.samples);
  sp_dataset_close(k.traces);
  return status;
}

/* Every rank's node writes out what it holds. */
static sp_status sync_all(sp_importer *im) {
  return im->ranks.size > 1 ? sp_survey_sync(im->survey) : SP_SUCCESS;
}

sp_status sp_import_finish(sp_importer *im) {
  uint64_t n_inexact = im->n_inexact, before;
  SP_ALIKE(sp_ranks_agree(&im->ranks, sync_all(im)));
  sp_import_close(im);
  SP_ALIKE(sp_ranks_before(&im->ranks, n_inexact, &before));
  SP_ALIKE(sp_ranks_sum(&im->ranks, &n_inexact, 1));
  SP_ALIKE(sp_ranks_agree(&im->ranks, im->ranks.rank ? SP_SUCCESS : add_gathers(im, n_inexact)));
  if (n_inexact) {
    sp_status status = keep_exact(im, before);
    if (status == SP_SUCCESS) status = sync_all(im);
    sp_import_close(im);
    SP_ALIKE(sp_ranks_agree(&im->ranks, status));
  }
  return sp_ranks_agree(&im->ranks, im->ranks.rank ? SP_SUCCESS : sp_part_publish(im->part_path, im->options->output));
}
