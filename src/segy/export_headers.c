/* SPDX-License-Identifier: BSD-3-Clause */
/* Trace headers of an export: the kept ones, or zeros, with what the columns of the survey say. A column that says what
 * the kept header says already, as import would read it, changes nothing: so what was not edited comes back byte for
 * byte. Columns that scale others are written first, and a scaled value is written by its trace's own scalar. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/dist.h"
#include "seisproc/log.h"
#include "src/segy/export_binary.h"
#include "src/segy/exporter.h"
#include "src/segy/header_value.h"
#include "src/segy/segy_bytes.h"

enum { MADE_SCALAR = -100 }; /* of scaled values in made headers */

/* --- one value ---------------------------------------------------------------------------------------------------- */

static double unscaled(double v, int scalar) {
  const double factor = sp_header_scaled(1, scalar < 0 ? -scalar : scalar);
  return scalar < 0 ? v * factor : v / factor;
}

static sp_status refuse(const sp_exporter *ex, size_t c, uint64_t trace, double value) {
  const sp_segy_column *word = &ex->layout->columns[c];
  return SP_RAISE(SP_ERR_INPUT, "%s: header word %s is %.10g in trace %llu, which its field (byte %u, %s) cannot hold",
                  ex->options->input, word->name, value, (unsigned long long)trace + 1, word->at + 1u,
                  sp_field_type_name((sp_field_type)word->type));
}

/* Columns that hold scaled values, in headers that are made: sets their scalar, where no column of the survey is that.
 */
static bool set_made_scalar(const sp_exporter *ex, uint8_t *header, const sp_segy_column *word) {
  const sp_header_field *field = sp_header_field_find(SP_BLOCK_STANDARD, word->name);
  if (ex->raw_headers || !word->real || word->scalar >= 0 || !field || !field->scalar) return false;
  const sp_header_field *scalar = sp_header_field_find(SP_BLOCK_STANDARD, field->scalar);
  if (word->type > SP_FIELD_INT32 || (ex->kind == SP_KIND_SU && !sp_header_field_is_in_su(scalar))) return false;
  sp_header_value_put(header + scalar->byte - 1, scalar->type, ex->order, MADE_SCALAR);
  return true;
}

/* What the field is to say for a value, by the scalar of this trace. */
static double in_field(const sp_exporter *ex, uint8_t *header, const sp_segy_column *word, double value) {
  if (set_made_scalar(ex, header, word)) return unscaled(value, MADE_SCALAR);
  if (!word->real || word->scalar < 0) return value;
  const int scalar = (int)sp_segy_column_value(ex->layout, (size_t)word->scalar, header);
  return scalar && sp_header_scale_is_legal(scalar) ? unscaled(value, scalar) : value;
}

/* What a field may differ from a value without losing any of it: a float's last digit, or what scaling leaves. */
static double rounding_of(sp_field_type type, double said) {
  const bool real = type == SP_FIELD_FLOAT32 || type == SP_FIELD_FLOAT64 || type == SP_FIELD_IBM32;
  return real ? 1e-6 * fabs(said) : 1e-6 + 4 * DBL_EPSILON * fabs(said);
}

/* A value that is left out: a word that --map gave to another column must not have been in use. */
static sp_status leave_out(sp_exporter *ex, size_t c, uint64_t trace, double value) {
  sp_export_column *column = &ex->columns[c];
  if (value != 0 && column->is_taken) {
    return SP_RAISE(SP_ERR_USAGE, "--map: the word %s is not free: trace %llu has %.10g in the column %s",
                    ex->layout->columns[c].name, (unsigned long long)trace + 1, value, ex->layout->columns[c].name);
  }
  column->has_values |= value != 0;
  return SP_SUCCESS;
}

/* Writes what column c says of one trace. */
static sp_status put_value(sp_exporter *ex, size_t c, uint64_t trace, uint8_t *header, double value) {
  const sp_segy_column *word = &ex->layout->columns[c];
  sp_export_column *column = &ex->columns[c];
  const sp_field_type type = (sp_field_type)word->type;
  if (column->must_be_free && sp_header_value_get(header + word->at, type, ex->order) != 0) {
    return SP_RAISE(SP_ERR_USAGE, "--map %s: the word at byte %u is not free: trace %llu has %.10g there", word->name,
                    word->at + 1u, (unsigned long long)trace + 1,
                    sp_header_value_get(header + word->at, type, ex->order));
  }
  const double said = in_field(ex, header, word, value);
  if (word->wide_at) { /* it overrides the standard field, which then says what it can */
    if (!sp_header_value_put(header + word->wide_at, (sp_field_type)word->wide_type, ex->order, value)) {
      return refuse(ex, c, trace, value);
    }
    if (!sp_header_value_put(header + word->at, type, ex->order, said)) {
      sp_header_value_put(header + word->at, type, ex->order, 0);
    }
    return SP_SUCCESS;
  }
  if (!sp_header_value_put(header + word->at, type, ex->order, said)) return refuse(ex, c, trace, value);
  const double kept = sp_header_value_get(header + word->at, type, ex->order);
  const double lost = fabs(kept - said);
  if (lost <= rounding_of(type, said)) return SP_SUCCESS;
  column->n_rounded++;
  column->most_lost = fmax(column->most_lost, said == 0 ? lost : lost * fabs(value / said));
  return SP_SUCCESS;
}

/* --- one column --------------------------------------------------------------------------------------------------- */

/* Number and interval of samples are the survey's. A column of theirs that was edited says otherwise, but for 0. */
static bool is_set_by_shape(const char *name) {
  return !strcmp(name, "ns") || !strcmp(name, "dt");
}

static sp_status check_shape(const sp_exporter *ex, size_t c, uint64_t trace, double value, double kept) {
  const bool counts = !strcmp(ex->layout->columns[c].name, "ns");
  const double is = counts ? ex->n_samples : ex->interval_us;
  if (value == 0 || value == kept || fabs(value - is) <= (counts ? 0 : 0.5)) return SP_SUCCESS;
  if (counts && value == ex->kept_samples) return SP_SUCCESS; /* before a window was taken */
  return SP_RAISE(SP_ERR_INPUT,
                  "%s: header word %s is %.10g in trace %llu, and the survey has %s of %.10g%s, which is what is "
                  "written; allowed is that, or 0",
                  ex->options->input, counts ? "ns" : "dt", value, (unsigned long long)trace + 1,
                  counts ? "traces" : "a sample interval", is, counts ? " samples" : " us");
}

/* Values of a column in headers as import would store them. */
static void read_back(const sp_exporter *ex, size_t c, const uint8_t *headers, sp_local n, void *out) {
  const sp_segy_column *word = &ex->layout->columns[c];
  sp_segy_column_read(ex->layout, c, headers, ex->header_bytes, n, out);
  if (word->real || (strcmp(word->name, "scalco") && strcmp(word->name, "scalel"))) return;
  int32_t *scalars = out;
  for (sp_local i = 0; i < n; i++) {
    if (!sp_header_scale_is_legal(scalars[i])) scalars[i] = 1;
  }
}

static double value_at(const void *rows, sp_type type, sp_local i) {
  double v;
  sp_rows_to_double(type, (const char *)rows + i * sp_type_size(type), 1, &v);
  return v;
}

static sp_status write_column(sp_exporter *ex, size_t c, uint64_t first, sp_local n, const uint8_t *kept,
                              uint8_t *headers, double *scratch) {
  const sp_segy_column *word = &ex->layout->columns[c];
  sp_export_column *column = &ex->columns[c];
  const sp_type type = sp_dataset_type(column->dataset);
  double *there = scratch + n;
  if (!column->carried && is_set_by_shape(word->name)) return SP_SUCCESS;
  SP_TRY(sp_dataset_read_independent(column->dataset, first, n, scratch));
  if (!column->carried) {
    for (sp_local i = 0; i < n && !column->has_values; i++) {
      SP_TRY(leave_out(ex, c, first + i, value_at(scratch, type, i)));
    }
    return SP_SUCCESS;
  }
  read_back(ex, c, kept, n, there);
  const sp_type read_type = word->real ? SP_FLOAT64 : SP_INT32;
  if (type == read_type && !memcmp(scratch, there, n * sp_type_size(type))) return SP_SUCCESS;
  for (sp_local i = 0; i < n; i++) {
    const double value = value_at(scratch, type, i), now = value_at(there, read_type, i);
    if (value == now || (isnan(value) && isnan(now))) continue;
    if (is_set_by_shape(word->name)) {
      SP_TRY(check_shape(ex, c, first + i, value, now));
      continue;
    }
    SP_TRY(put_value(ex, c, first + i, headers + (size_t)i * ex->header_bytes, value));
  }
  return SP_SUCCESS;
}

/* --- all of a header ---------------------------------------------------------------------------------------------- */

static void put_field(const sp_exporter *ex, uint8_t *header, const char *name, double value) {
  const sp_header_field *field = sp_header_field_find(SP_BLOCK_STANDARD, name);
  if (!field && ex->kind == SP_KIND_SU) field = sp_header_field_find(SP_BLOCK_SU, name);
  sp_header_value_put(header + field->byte - 1, field->type, ex->order, value);
}

/* Sets number and interval of samples, as far as the fields can say them. */
static void set_shape(const sp_exporter *ex, uint8_t *header) {
  const double longest = ex->kind == SP_KIND_SU ? UINT16_MAX : INT16_MAX;
  const bool says_interval = sp_export_is_whole(ex->interval_us, longest);
  put_field(ex, header, "ns", ex->n_samples > UINT16_MAX ? 0 : ex->n_samples);
  put_field(ex, header, "dt", says_interval ? ex->interval_us : 0);
  if (ex->kind == SP_KIND_SU && !says_interval) {
    const sp_header_field *d1 = sp_header_field_find(SP_BLOCK_SU, "d1");
    sp_header_value_put(header + d1->byte - 1, d1->type, ex->order, ex->interval_us * 1e-6);
  }
}

/* Of headers that are made: numbers for surveys without such columns. */
static void begin_header(const sp_exporter *ex, uint64_t trace, uint8_t *header) {
  const double number = (double)(trace % INT32_MAX + 1);
  put_field(ex, header, "tracl", number);
  put_field(ex, header, "tracr", number);
  put_field(ex, header, "trid", 1);
}

static sp_status make_headers(sp_exporter *ex, uint64_t first, sp_local n, uint8_t *headers, double *scratch) {
  memset(headers, 0, (size_t)n * ex->header_bytes);
  for (sp_local i = 0; i < n; i++) begin_header(ex, first + i, headers + (size_t)i * ex->header_bytes);
  for (int pass = 0; pass < 2; pass++) {
    for (size_t c = 0; c < ex->n_columns; c++) {
      const sp_type type = sp_dataset_type(ex->columns[c].dataset);
      if (ex->columns[c].is_scalar != !pass) continue;
      const bool by_shape = is_set_by_shape(ex->layout->columns[c].name);
      SP_TRY(sp_dataset_read_independent(ex->columns[c].dataset, first, n, scratch));
      for (sp_local i = 0; i < n; i++) {
        uint8_t *header = headers + (size_t)i * ex->header_bytes;
        const double value = value_at(scratch, type, i);
        if (by_shape) {
          SP_TRY(check_shape(ex, c, first + i, value, 0));
          continue;
        }
        if (!ex->columns[c].carried) {
          SP_TRY(leave_out(ex, c, first + i, value));
          continue;
        }
        SP_TRY(put_value(ex, c, first + i, header, value));
      }
    }
  }
  return SP_SUCCESS;
}

/* SU does not define the scalar of times: they are written whole. */
static void unscale_times(const sp_exporter *ex, uint8_t *header) {
  const sp_header_field *scalt = sp_header_field_find(SP_BLOCK_STANDARD, "scalt"), *field;
  const int scalar = (int)sp_header_value_get(header + scalt->byte - 1, scalt->type, ex->order);
  if (scalar == 0 || !sp_header_scale_is_legal(scalar)) return;
  for (size_t i = 0; (field = sp_header_field_at(i)); i++) {
    if (field->block != SP_BLOCK_STANDARD || !field->scalar || strcmp(field->scalar, "scalt")) continue;
    uint8_t *at = header + field->byte - 1;
    const double value = sp_header_scaled(sp_header_value_get(at, field->type, ex->order), scalar);
    if (value != rint(value) || !sp_header_value_put(at, field->type, ex->order, value))
      return; /* kept with its scalar */
  }
  sp_header_value_put(header + scalt->byte - 1, scalt->type, ex->order, 0);
}

/* Headers of the other kind: what stands beyond byte 180 means something else there, but the scalar of times. */
static void cut(const sp_exporter *ex, const uint8_t *kept, uint8_t *header) {
  memcpy(header, kept, 180);
  memset(header + 180, 0, ex->header_bytes - 180);
  memcpy(header + 214, kept + 214, 2);
}

static sp_status keep_headers(sp_exporter *ex, uint64_t first, sp_local n, uint8_t *headers) {
  SP_TRY(sp_dataset_read_independent(ex->raw_headers, first, n, headers));
  if (!ex->cut_headers) return SP_SUCCESS;
  for (sp_local i = 0; i < n; i++) { /* the cut ones are not longer */
    uint8_t kept[SP_TRACE_HEADER_BYTES];
    memcpy(kept, headers + (size_t)i * ex->kept_header_bytes, sizeof kept);
    cut(ex, kept, headers + (size_t)i * ex->header_bytes);
  }
  return SP_SUCCESS;
}

sp_status sp_export_get_headers(sp_exporter *ex, uint64_t first, sp_local n, uint8_t *headers, double *scratch) {
  if (ex->raw_headers) {
    uint8_t *kept =
        headers + (size_t)n * ex->kept_header_bytes; /* fields may overlap: the one that was edited counts */
    SP_TRY(keep_headers(ex, first, n, headers));
    memcpy(kept, headers, (size_t)n * ex->header_bytes);
    for (int pass = 0; pass < 2; pass++) {
      for (size_t c = 0; c < ex->n_columns; c++) {
        if (ex->columns[c].is_scalar == !pass) SP_TRY(write_column(ex, c, first, n, kept, headers, scratch));
      }
      memcpy(kept, headers,
             (size_t)n * ex->header_bytes); /* scaled values are read back with the scalars as they are now */
    }
  } else {
    SP_TRY(make_headers(ex, first, n, headers, scratch));
  }
  const bool to_su = ex->kind == SP_KIND_SU && (ex->cut_headers || !ex->raw_headers);
  for (sp_local i = 0; i < n; i++) {
    uint8_t *header = headers + (size_t)i * ex->header_bytes;
    if (to_su) unscale_times(ex, header);
    if (ex->set_shape) set_shape(ex, header);
  }
  return SP_SUCCESS;
}

/* --- what was lost ------------------------------------------------------------------------------------------------ */

/* The most of all ranks; positive numbers are in the order of their bits. */
static sp_status find_most_lost(sp_exporter *ex) {
  uint64_t left[SP_SEGY_MAX_COLUMNS] = {0}, bits;
  for (size_t c = 0; c < ex->n_columns; c++) {
    memcpy(&bits, &ex->columns[c].most_lost, sizeof bits);
    left[c] = ~bits;
  }
  SP_ALIKE(sp_ranks_least(&ex->ranks, left, SP_SEGY_MAX_COLUMNS));
  for (size_t c = 0; c < ex->n_columns; c++) {
    bits = ~left[c];
    memcpy(&ex->columns[c].most_lost, &bits, sizeof bits);
  }
  return SP_SUCCESS;
}

sp_status sp_export_log_columns(sp_exporter *ex) {
  uint64_t counts[2 * SP_SEGY_MAX_COLUMNS] = {0};
  char names[256] = "";
  size_t used = 0;
  for (size_t c = 0; c < ex->n_columns; c++) {
    counts[2 * c] = ex->columns[c].n_rounded;
    counts[2 * c + 1] = ex->columns[c].has_values;
  }
  SP_ALIKE(sp_ranks_sum(&ex->ranks, counts, 2 * SP_SEGY_MAX_COLUMNS));
  SP_ALIKE(find_most_lost(ex));
  if (ex->ranks.rank) return SP_SUCCESS;
  for (size_t c = 0; c < ex->n_columns; c++) {
    const char *name = ex->layout->columns[c].name;
    if (counts[2 * c]) {
      sp_warn("%s: %llu values of header word %s were rounded to what its field holds, by up to %.3g",
              ex->options->output, (unsigned long long)counts[2 * c], name, ex->columns[c].most_lost);
    }
    if (counts[2 * c + 1] && used < sizeof names) {
      used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", name);
    }
  }
  if (!used) return SP_SUCCESS;
  sp_warn("%s: %s headers have no word for %s, left out; --map NAME=WORD puts one into a word that is free",
          ex->options->output, ex->kind == SP_KIND_SU ? "SU" : "SEG-Y", names);
  return SP_SUCCESS;
}
