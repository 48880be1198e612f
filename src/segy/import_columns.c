/* SPDX-License-Identifier: BSD-3-Clause */
/* Values of header columns as an import uses and stores them: derived where that is asked for, corrected where headers
 * contradict the file, and for keys in their unit, so that traces with different scalars compare. */
#include <math.h>
#include <string.h>

#include "src/segy/importer.h"

sp_status sp_import_read_header(const sp_importer *im, uint64_t trace, void *header) {
  const sp_segy_layout *layout = im->layout;
  return sp_segy_read_at(im->fd, im->options->input, layout->first_trace + trace * layout->trace_bytes,
                         layout->header_bytes, header);
}

/* The value of a column in its unit. */
static double scaled(const sp_segy_layout *layout, int column, const void *header) {
  const sp_segy_column *c = &layout->columns[column];
  const double value = sp_segy_column_value(layout, (size_t)column, header);
  if (c->real || c->scalar < 0) return value;
  return sp_header_scaled(value, (int)sp_segy_column_value(layout, (size_t)c->scalar, header));
}

static double derived_offset(const sp_importer *im, const void *header) {
  double c[4];
  const sp_segy_layout *layout = im->layout;
  for (int i = 0; i < 4; i++) c[i] = scaled(layout, im->coordinate[i], header);
  return hypot(c[2] - c[0], c[3] - c[1]);
}

double sp_import_value(const sp_importer *im, int column, const void *header) {
  if (column == im->offset_column) return derived_offset(im, header);
  return scaled(im->layout, column, header);
}

/* Of one value. */
static size_t column_bytes(const sp_importer *im, int column) {
  return im->layout->columns[column].real ? sizeof(double) : sizeof(int32_t);
}

static void set_all(bool real, double value, size_t n, void *out) {
  for (size_t i = 0; i < n; i++) {
    if (real) {
      ((double *)out)[i] = value;
    } else {
      ((int32_t *)out)[i] = (int32_t)value;
    }
  }
}

void sp_import_column(const sp_importer *im, int column, const void *headers, size_t n, void *out) {
  const sp_segy_layout *layout = im->layout;
  const sp_segy_column *c = &layout->columns[column];
  if (column == im->offset_column) {
    for (size_t i = 0; i < n; i++) {
      ((double *)out)[i] = derived_offset(im, (const char *)headers + i * layout->header_bytes);
    }
    return;
  }
  if (!strcmp(c->name, "ns")) {
    set_all(c->real, layout->n_samples, n, out);
    return;
  }
  if (!strcmp(c->name, "dt") && (c->real || layout->sample_interval_us == rint(layout->sample_interval_us))) {
    set_all(c->real, layout->sample_interval_us, n, out);
    return;
  }
  sp_segy_column_read(layout, (size_t)column, headers, layout->header_bytes, n, out);
  if (c->real || (strcmp(c->name, "scalco") && strcmp(c->name, "scalel"))) return;
  int32_t *scalars = out;
  for (size_t i = 0; i < n; i++) {
    if (!sp_header_scale_is_legal(scalars[i])) scalars[i] = 1;
  }
}

/* --- keys --------------------------------------------------------------------------------------------------------- */

static bool is_scaled(const sp_importer *im, int column) {
  return !im->layout->columns[column].real && im->layout->columns[column].scalar >= 0;
}

size_t sp_import_key_bytes(const sp_importer *im, int column) {
  return is_scaled(im, column) ? sizeof(double) : column_bytes(im, column);
}

void sp_import_key_values(sp_importer *im, int key, const void *headers, size_t n, void *out) {
  const sp_segy_layout *layout = im->layout;
  const int column = im->key_column[key];
  if (!is_scaled(im, column)) {
    sp_import_column(im, column, headers, n, out);
    return;
  }
  double *to = out, step = im->key_step[key];
  const size_t scalar = (size_t)layout->columns[column].scalar;
  for (size_t i = 0; i < n; i++) {
    const void *header = (const char *)headers + i * layout->header_bytes;
    const int scale = (int)sp_segy_column_value(layout, scalar, header);
    to[i] = sp_header_scaled(sp_segy_column_value(layout, (size_t)column, header), scale);
    step = fmin(step, sp_header_scaled(1, scale));
  }
  im->key_step[key] = step;
}
