/* Headers for a survey that was not imported: textual, binary and trace headers out of its columns. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/memory.h"
#include "src/segy/exporter.h"
#include "src/segy/segy_probe.h"

enum { MADE_SCALAR = -100, LINES = 40, LINE_BYTES = 80 };

/* --- file headers ------------------------------------------------------------------------------------------------- */

static bool is_whole(double v, double most) {
  return v == rint(v) && v >= 0 && v <= most;
}

/* Whether the binary header's 16-bit fields can say the shape; else rev 2's wide ones do. */
static bool needs_rev2(const sp_exporter *ex) {
  return ex->n_samples > INT16_MAX || !is_whole(ex->interval_us, INT16_MAX);
}

static void put_text(uint8_t *text, unsigned line, const char *what) {
  char *card = (char *)text + (size_t)(line - 1) * LINE_BYTES;
  const size_t n = strlen(what);
  memset(card, ' ', LINE_BYTES);
  card[0] = 'C';
  card[1] = line < 10 ? ' ' : (char)('0' + line / 10);
  card[2] = (char)('0' + line % 10);
  memcpy(card + 4, what, n < LINE_BYTES - 4 ? n : LINE_BYTES - 4);
}

static void make_text(const sp_exporter *ex, uint8_t *text) {
  const sp_survey_info *info = sp_survey_get_info(ex->survey);
  char line[2 * LINE_BYTES];
  for (unsigned i = 1; i <= LINES; i++) put_text(text, i, "");
  put_text(text, 1, "WRITTEN BY SEISPROC " SP_VERSION);
  snprintf(line, sizeof line, "%llu TRACES OF %u SAMPLES AT %g MS", (unsigned long long)ex->n_traces, ex->n_samples,
           ex->interval_us * 1e-3);
  put_text(text, 2, line);
  snprintf(line, sizeof line, "%llu GATHERS BY %.40s, CONTENT: %.16s", (unsigned long long)info->n_gathers,
           info->gather_key, strcmp(ex->options->dataset, "noise") ? info->content : "noise");
  put_text(text, 3, line);
  put_text(text, LINES - 1, needs_rev2(ex) ? "SEG-Y REV2.0" : "SEG Y REV1");
  put_text(text, LINES, "END TEXTUAL HEADER");
  sp_segy_text_to_ebcdic(text, SP_SEGY_TEXT_BYTES);
}

void sp_export_set_binary(const sp_exporter *ex, uint8_t *binary) {
  uint64_t interval_bits;
  const bool wide_samples = ex->n_samples > UINT16_MAX, wide_interval = !is_whole(ex->interval_us, INT16_MAX);
  memcpy(&interval_bits, &ex->interval_us, sizeof interval_bits);
  sp_put_u16(binary + SP_BINARY_FORMAT, ex->order, (uint16_t)ex->format);
  if (!ex->set_shape) return;
  const bool is_rev2 = binary[SP_BINARY_REVISION] == 2;
  sp_put_u16(binary + SP_BINARY_SAMPLES, ex->order, wide_samples ? 0 : (uint16_t)ex->n_samples);
  sp_put_u16(binary + SP_BINARY_INTERVAL, ex->order, wide_interval ? 0 : (uint16_t)ex->interval_us);
  if (is_rev2) sp_put_u32(binary + SP_BINARY_WIDE_SAMPLES, ex->order, wide_samples ? ex->n_samples : 0);
  if (is_rev2) sp_put_u64(binary + SP_BINARY_WIDE_INTERVAL, ex->order, wide_interval ? interval_bits : 0);
}

sp_status sp_export_make_file_header(sp_exporter *ex) {
  if (ex->kind == SP_KIND_SU) return SP_SUCCESS;
  SP_TRY(sp_calloc(1, SP_SEGY_FILE_HEADER_BYTES, "file headers", (void **)&ex->file_header));
  uint8_t *binary = ex->file_header + SP_SEGY_TEXT_BYTES;
  make_text(ex, ex->file_header);
  binary[SP_BINARY_REVISION] = needs_rev2(ex) ? 2 : 1;
  if (needs_rev2(ex)) sp_put_u32(binary + SP_BINARY_ORDER, ex->order, 0x01020304);
  sp_put_u16(binary + 302, ex->order, 1); /* traces of one length */
  sp_put_u16(binary + SP_BINARY_MEASUREMENT, ex->order, 1);
  sp_export_set_binary(ex, binary);
  return SP_SUCCESS;
}

/* --- trace headers ------------------------------------------------------------------------------------------------ */

static const sp_header_field *field_of(const sp_exporter *ex, const char *name) {
  const sp_header_field *field = sp_header_field_find(SP_BLOCK_STANDARD, name);
  if (ex->kind == SP_KIND_SEGY) return field;
  return field && field->byte <= 180 ? field : sp_header_field_find(SP_BLOCK_SU, name);
}

static sp_status add_column(const char *name, sp_type type, const char *units, void *context) {
  sp_exporter *ex = context;
  const sp_header_field *field = field_of(ex, name);
  if (!field || ex->n_columns == SP_SEGY_MAX_COLUMNS) return SP_SUCCESS;
  char path[SP_NAME_LENGTH + 16];
  snprintf(path, sizeof path, "/headers/%s", name);
  sp_export_column *column = &ex->columns[ex->n_columns];
  SP_TRY(sp_dataset_open(ex->survey, path, &column->dataset));
  column->field = field;
  ex->n_columns++;
  return SP_SUCCESS;
}

/* The scalar field of a column that holds scaled values: what its own column says in the first trace, if there is one.
 */
static sp_status find_scalar(sp_exporter *ex, sp_export_column *column) {
  column->scalar = 1;
  if (!column->field->scalar || sp_dataset_type(column->dataset) == SP_INT32) return SP_SUCCESS;
  column->scalar = MADE_SCALAR;
  for (int i = 0; i < ex->n_columns; i++) {
    if (strcmp(ex->columns[i].field->name, column->field->scalar)) continue;
    uint64_t row[1];
    double value;
    SP_TRY(sp_dataset_read_independent(ex->columns[i].dataset, 0, 1, row));
    sp_rows_to_double(sp_dataset_type(ex->columns[i].dataset), row, 1, &value);
    column->scalar = (int)value;
  }
  return SP_SUCCESS;
}

sp_status sp_export_open_columns(sp_exporter *ex) {
  SP_TRY(sp_survey_each_header(ex->survey, add_column, ex));
  for (int i = 0; i < ex->n_columns; i++) SP_TRY(find_scalar(ex, &ex->columns[i]));
  return SP_SUCCESS;
}

static double clamp(double v, double least, double most) {
  return v < least ? least : v > most ? most : v;
}

static void put_value(uint8_t *at, sp_field_type type, sp_byte_order order, double v) {
  if (type == SP_FIELD_FLOAT32) {
    const float f = (float)v;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    sp_put_u32(at, order, bits);
    return;
  }
  v = isnan(v) ? 0 : rint(v);
  if (type == SP_FIELD_UINT16) {
    sp_put_u16(at, order, (uint16_t)clamp(v, 0, UINT16_MAX));
  } else if (type == SP_FIELD_INT16) {
    sp_put_u16(at, order, (uint16_t)(int16_t)clamp(v, INT16_MIN, INT16_MAX));
  } else {
    sp_put_u32(at, order, (uint32_t)(int32_t)clamp(v, INT32_MIN, INT32_MAX));
  }
}

static double unscaled(double v, int scalar) {
  const double factor = sp_header_scaled(1, scalar < 0 ? -scalar : scalar);
  return scalar < 0 ? v * factor : v / factor;
}

void sp_export_set_shape(const sp_exporter *ex, uint8_t *header) {
  const sp_header_field *ns = sp_header_field_find(SP_BLOCK_STANDARD, "ns");
  const sp_header_field *dt = sp_header_field_find(SP_BLOCK_STANDARD, "dt");
  const double longest = ex->kind == SP_KIND_SU ? UINT16_MAX : INT16_MAX;
  const bool says_interval = is_whole(ex->interval_us, longest);
  sp_put_u16(header + ns->byte - 1, ex->order, ex->n_samples > UINT16_MAX ? 0 : (uint16_t)ex->n_samples);
  sp_put_u16(header + dt->byte - 1, ex->order, says_interval ? (uint16_t)ex->interval_us : 0);
  if (ex->kind != SP_KIND_SU || says_interval) return;
  const sp_header_field *d1 = sp_header_field_find(SP_BLOCK_SU, "d1");
  put_value(header + d1->byte - 1, d1->type, ex->order, ex->interval_us * 1e-6);
}

/* Numbers traces, for surveys without such columns. */
static void put_numbers(const sp_exporter *ex, uint64_t first, sp_local i, uint8_t *header) {
  const sp_header_field *tracl = sp_header_field_find(SP_BLOCK_STANDARD, "tracl");
  const sp_header_field *tracr = sp_header_field_find(SP_BLOCK_STANDARD, "tracr");
  const sp_header_field *trid = sp_header_field_find(SP_BLOCK_STANDARD, "trid");
  const double number = (double)((first + i) % INT32_MAX + 1);
  put_value(header + tracl->byte - 1, tracl->type, ex->order, number);
  put_value(header + tracr->byte - 1, tracr->type, ex->order, number);
  put_value(header + trid->byte - 1, trid->type, ex->order, 1);
}

/* Says by which scalars the scaled columns were written. */
static void put_scalars(const sp_exporter *ex, uint8_t *header) {
  for (int c = 0; c < ex->n_columns; c++) {
    if (ex->columns[c].scalar == 1) continue;
    const sp_header_field *scalar = field_of(ex, ex->columns[c].field->scalar);
    if (scalar) put_value(header + scalar->byte - 1, scalar->type, ex->order, ex->columns[c].scalar);
  }
}

sp_status sp_export_make_headers(sp_exporter *ex, uint64_t first, sp_local n, uint8_t *headers, double *scratch) {
  const size_t stride = ex->header_bytes;
  memset(headers, 0, n * stride);
  for (sp_local i = 0; i < n; i++) put_numbers(ex, first, i, headers + i * stride);
  for (int c = 0; c < ex->n_columns; c++) {
    const sp_export_column *column = &ex->columns[c];
    const sp_type type = sp_dataset_type(column->dataset);
    SP_TRY(sp_dataset_read_independent(column->dataset, first, n, scratch));
    for (sp_local i = 0; i < n; i++) {
      double v;
      sp_rows_to_double(type, (char *)scratch + i * sp_type_size(type), 1, &v);
      put_value(headers + i * stride + column->field->byte - 1, column->field->type, ex->order,
                unscaled(v, column->scalar));
    }
  }
  for (sp_local i = 0; i < n; i++) {
    put_scalars(ex, headers + i * stride);
    sp_export_set_shape(ex, headers + i * stride);
  }
  return SP_SUCCESS;
}
