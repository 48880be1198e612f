/* SPDX-License-Identifier: BSD-3-Clause */
/* seisproc info for SEG-Y and SU files: what import would make of them. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/json.h"
#include "seisproc/memory.h"
#include "seisproc/segy.h"
#include "src/cli/info.h"

typedef struct range {
  double min, max;
} range;

/* --- the file -------------------------------------------------------------------------------------------------- */

/* In the column's unit, by the trace's own scalar. */
static double scaled(const sp_segy_layout *layout, size_t c, const void *header) {
  const sp_segy_column *column = &layout->columns[c];
  const double value = sp_segy_column_value(layout, c, header);
  if (column->real || column->scalar < 0) return value;
  return sp_header_scaled(value, (int)sp_segy_column_value(layout, (size_t)column->scalar, header));
}

static sp_status measure_columns(int fd, const sp_info_request *request, const sp_segy_layout *layout, range *ranges) {
  void *header;
  SP_TRY(sp_alloc(layout->header_bytes, "a trace header", &header));
  sp_status status = SP_SUCCESS;
  for (size_t c = 0; c < layout->n_columns; c++) ranges[c] = (range){(double)NAN, (double)NAN};
  for (uint64_t t = 0; t < layout->n_traces && status == SP_SUCCESS; t++) {
    const uint64_t at = layout->first_trace + t * layout->trace_bytes;
    status = sp_segy_read_at(fd, request->path, at, layout->header_bytes, header);
    for (size_t c = 0; c < layout->n_columns && status == SP_SUCCESS; c++) {
      const double value = scaled(layout, c, header);
      ranges[c].min = fmin(ranges[c].min, value); /* NaN gives way */
      ranges[c].max = fmax(ranges[c].max, value);
    }
  }
  sp_free(header);
  return status;
}

/* --- text ------------------------------------------------------------------------------------------------------ */

static const char *order_name(const sp_segy_layout *layout) {
  return layout->order == SP_ORDER_LITTLE ? "little" : "big";
}

/* "SEG-Y revision 1.0", "SU". */
static void name_kind(const sp_segy_layout *layout, char *text, size_t size) {
  if (layout->kind == SP_KIND_SU) {
    snprintf(text, size, "SU");
  } else {
    snprintf(text, size, "SEG-Y revision %d.%d", layout->revision_major, layout->revision_minor);
  }
}

static void print_ranges(const sp_segy_layout *layout, const range *ranges) {
  size_t n_zero = 0;
  printf("  headers    least and largest value\n");
  for (size_t c = 0; c < layout->n_columns; c++) {
    if (ranges[c].min == 0 && ranges[c].max == 0) {
      n_zero++;
      continue;
    }
    printf("             %-10s %14.10g %14.10g %s\n", layout->columns[c].name, ranges[c].min, ranges[c].max,
           layout->columns[c].unit);
  }
  printf("             all zero: %zu of %zu\n", n_zero, layout->n_columns);
}

static void print_text(const sp_info_request *request, const sp_segy_layout *l, const range *ranges,
                       unsigned char *text) {
  char kind[64], size[SP_SIZE_TEXT];
  name_kind(l, kind, sizeof kind);
  printf("%s: %s, %s-endian, %s samples%s\n", request->path, kind, order_name(l), sp_segy_format_name(l->format),
         l->kind == SP_KIND_SU ? ""
         : l->text_is_ebcdic   ? ", EBCDIC text"
                               : ", ASCII text");
  printf("  traces     %" PRIu64 " of %u samples at %.10g ms (%.6g s), %s\n", l->n_traces, l->n_samples,
         l->sample_interval_us * 1e-3, l->n_samples * l->sample_interval_us * 1e-6, sp_info_size(l->file_bytes, size));
  if (l->sample_order != l->order) printf("  samples    %s-endian\n", l->order == SP_ORDER_BIG ? "little" : "big");
  printf("  layout     first trace at byte %" PRIu64 ", %u bytes of headers a trace\n", l->first_trace,
         l->header_bytes);
  if (l->dropped_bytes) printf("  truncated  %" PRIu64 " bytes of a last, partial trace\n", l->dropped_bytes);
  if (l->trailer_bytes) printf("  trailer    %" PRIu64 " bytes\n", l->trailer_bytes);
  if (ranges) print_ranges(l, ranges);
  if (text) {
    printf("  text\n");
    sp_info_print_text(text, "    ");
  }
}

static void print_json(const sp_info_request *request, const sp_segy_layout *l, const range *ranges) {
  char revision[32];
  snprintf(revision, sizeof revision, "%d.%d", l->revision_major, l->revision_minor);
  sp_json json = sp_json_begin(stdout);
  sp_json_open(&json, NULL, '{');
  sp_json_text(&json, "path", request->path);
  sp_json_text(&json, "format", l->kind == SP_KIND_SU ? "su" : "segy");
  sp_json_text(&json, "revision", l->kind == SP_KIND_SU ? NULL : revision);
  sp_json_text(&json, "byte_order", order_name(l));
  sp_json_text(&json, "sample_byte_order", l->sample_order == SP_ORDER_LITTLE ? "little" : "big");
  sp_json_text(&json, "length_unit", l->length_unit);
  sp_json_int(&json, "sample_format", l->format);
  sp_json_text(&json, "sample_format_name", sp_segy_format_name(l->format));
  sp_json_text(&json, "text_encoding", l->kind == SP_KIND_SU ? NULL : l->text_is_ebcdic ? "ebcdic" : "ascii");
  sp_json_count(&json, "n_traces", l->n_traces);
  sp_json_count(&json, "n_samples", l->n_samples);
  sp_json_real(&json, "sample_interval_us", l->sample_interval_us);
  sp_json_count(&json, "file_bytes", l->file_bytes);
  sp_json_count(&json, "first_trace_byte", l->first_trace);
  sp_json_count(&json, "header_bytes", l->header_bytes);
  sp_json_count(&json, "dropped_bytes", l->dropped_bytes);
  sp_json_count(&json, "trailer_bytes", l->trailer_bytes);
  sp_json_open(&json, "headers", '[');
  for (size_t c = 0; c < l->n_columns; c++) {
    sp_json_open(&json, NULL, '{');
    sp_json_text(&json, "name", l->columns[c].name);
    sp_json_text(&json, "units", l->columns[c].unit[0] ? l->columns[c].unit : NULL);
    if (ranges) {
      sp_json_real(&json, "min", ranges[c].min);
      sp_json_real(&json, "max", ranges[c].max);
    }
    sp_json_close(&json, '}');
  }
  sp_json_close(&json, ']');
  sp_json_close(&json, '}');
}

sp_status sp_info_segy(const sp_info_request *request) {
  const sp_segy_hints hints = {.allow_truncated = true}; /* to tell about it, not to refuse it */
  sp_segy_layout *layout = NULL;
  range *ranges = NULL;
  unsigned char text[SP_SEGY_TEXT_BYTES];
  sp_status status;
  int fd = -1;
  SP_TRY_GOTO(out, sp_calloc(1, sizeof *layout, "a layout", &layout));
  SP_TRY_GOTO(out, sp_segy_identify(request->path, &hints, layout));
  sp_segy_log_notes(request->path, layout);
  const bool with_text = request->text && layout->kind == SP_KIND_SEGY;
  fd = open(request->path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    status = SP_RAISE(SP_ERR_INPUT, "%s: cannot be opened: %s", request->path, strerror(errno));
    goto out;
  }
  if (with_text) SP_TRY_GOTO(out, sp_segy_read_at(fd, request->path, layout->label_bytes, sizeof text, text));
  if (request->ranges) {
    SP_TRY_GOTO(out, sp_calloc(SP_SEGY_MAX_COLUMNS, sizeof *ranges, "header ranges", &ranges));
    SP_TRY_GOTO(out, measure_columns(fd, request, layout, ranges));
  }
  if (request->json) {
    print_json(request, layout, ranges);
  } else {
    print_text(request, layout, ranges, with_text ? text : NULL);
  }
out:
  if (fd >= 0) close(fd);
  sp_free(ranges);
  sp_free(layout);
  return status;
}
