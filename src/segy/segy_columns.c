/* SPDX-License-Identifier: BSD-3-Clause */
/* Trace headers as columns: which header words a file has and where, their units, and their values. */
#include <stdio.h>

#include "src/segy/header_value.h"
#include "src/segy/segy_columns.h"

/* --- values --------------------------------------------------------------------------------------------------- */

int sp_segy_column_find(const sp_segy_layout *layout, const char *name) {
  for (int pass = 0; pass < 2 && name; pass++) {
    for (size_t i = 0; i < layout->n_columns; i++) {
      if (!strcmp(layout->columns[i].name, name)) return (int)i;
    }
    name = sp_header_name(name);
  }
  return -1;
}

double sp_segy_column_value(const sp_segy_layout *layout, size_t i, const void *header) {
  const sp_segy_column *column = &layout->columns[i];
  const uint8_t *bytes = header;
  if (column->wide_at) {
    const double wide = sp_header_value_get(bytes + column->wide_at, column->wide_type, layout->order);
    if (wide != 0) return wide;
  }
  const double value = sp_header_value_get(bytes + column->at, column->type, layout->order);
  if (!column->real || column->scalar < 0) return value;
  return sp_header_scaled(value, (int)sp_segy_column_value(layout, (size_t)column->scalar, header));
}

/* One loop for each width and byte order of the integers, which are nearly all columns. */
#define READ_LOOP(get, order)                                                                                          \
  for (size_t i = 0; i < n; i++) to[i] = get(from + i * stride, order)

#define READ_INTEGERS(get)                                                                                             \
  do {                                                                                                                 \
    if (layout->order == SP_ORDER_BIG) {                                                                               \
      READ_LOOP(get, SP_ORDER_BIG);                                                                                    \
    } else {                                                                                                           \
      READ_LOOP(get, SP_ORDER_LITTLE);                                                                                 \
    }                                                                                                                  \
  } while (0)

static int32_t get_i8(const uint8_t *at, sp_byte_order order) {
  return (int8_t)*at;
}

static int32_t get_u8(const uint8_t *at, sp_byte_order order) {
  return *at;
}

static void read_integers(const sp_segy_layout *layout, sp_field_type type, const uint8_t *from, size_t stride,
                          size_t n, int32_t *to) {
  switch (type) {
  case SP_FIELD_INT8:
    READ_INTEGERS(get_i8);
    break;
  case SP_FIELD_UINT8:
    READ_INTEGERS(get_u8);
    break;
  case SP_FIELD_INT16:
    READ_INTEGERS(sp_get_i16);
    break;
  case SP_FIELD_UINT16:
    READ_INTEGERS(sp_get_u16);
    break;
  default:
    READ_INTEGERS(sp_get_i32);
    break;
  }
}

void sp_segy_column_read(const sp_segy_layout *layout, size_t i, const void *headers, size_t stride, size_t n,
                         void *out) {
  const sp_segy_column *column = &layout->columns[i];
  const uint8_t *bytes = headers;
  if (!column->real) {
    read_integers(layout, column->type, bytes + column->at, stride, n, out);
    return;
  }
  double *to = out;
  for (size_t k = 0; k < n; k++) to[k] = sp_segy_column_value(layout, i, bytes + k * stride);
}

/* --- the columns of a file ------------------------------------------------------------------------------------ */

static bool fits_int32(sp_field_type type) {
  return type <= SP_FIELD_INT32;
}

static bool overlaps(uint16_t a, size_t width_a, uint16_t b, size_t width_b) {
  return a < b + width_b && b < a + width_a;
}

static const sp_stanza_word *word_of(const sp_stanza *stanza, const sp_header_field *field) {
  for (size_t i = 0; i < stanza->n_words; i++) {
    if (stanza->words[i].field == field) return &stanza->words[i];
  }
  return NULL;
}

/* Whether the stanza gives bytes of this field, which it does not list, to another one. */
static bool displaced(const sp_stanza *stanza, const sp_header_field *field) {
  for (size_t i = 0; i < stanza->n_words; i++) {
    const sp_stanza_word *word = &stanza->words[i];
    if (word->block == field->block &&
        overlaps(word->byte, sp_field_width(word->type), field->byte, sp_field_width(field->type))) {
      return true;
    }
  }
  return false;
}

/* Unit of angular coordinates by the field counit; NULL where they are lengths. Rev 0 knows but arc seconds; that 3 and
 * 4 are taken as later revisions define them keeps degrees from passing as metres. */
const char *sp_segy_angle_unit(int counit) {
  return counit == 2 ? "arc s" : counit == 3 ? "degree" : counit == 4 ? "DMS" : NULL;
}

static void set_unit(sp_segy_column *column, const sp_header_field *field, const char *length, const char *angle) {
  const char *unit = field->unit ? field->unit : "";
  if (angle && field->scalar && !strcmp(field->scalar, "scalco")) {
    snprintf(column->unit, sizeof column->unit, "%s", angle);
  } else if (!strncmp(unit, "length", 6)) {
    snprintf(column->unit, sizeof column->unit, "%s%s", length, unit + 6);
  } else {
    snprintf(column->unit, sizeof column->unit, "%s", unit);
  }
}

static void add_field(const sp_header_field *field, const sp_stanza_word *word, uint16_t block_at,
                      sp_segy_layout *layout) {
  sp_segy_column *column = &layout->columns[layout->n_columns++];
  strncpy(column->name, field->name, sizeof column->name - 1); /* the rest is zeroed already */
  column->type = (uint8_t)(word ? word->type : field->type);
  column->at = (uint16_t)(block_at + (word ? word->byte : field->byte) - 1);
  column->real = !fits_int32(column->type);
  column->scalar = -1;
}

/* Fields of extension 1 override those of the same name and add the rest. */
static void add_extension1(const sp_stanza *stanza, uint16_t block_at, sp_segy_layout *layout) {
  const sp_header_field *field;
  for (size_t i = 0; (field = sp_header_field_at(i)); i++) {
    if (field->block != SP_BLOCK_EXTENSION1) continue;
    const sp_stanza_word *word = word_of(stanza, field);
    if (!word && displaced(stanza, field)) continue;
    const int standard = sp_segy_column_find(layout, field->name);
    if (standard < 0) {
      add_field(field, word, block_at, layout);
      continue;
    }
    sp_segy_column *column = &layout->columns[standard];
    column->wide_type = (uint8_t)(word ? word->type : field->type);
    column->wide_at = (uint16_t)(block_at + (word ? word->byte : field->byte) - 1);
    column->real = true;
  }
}

static sp_status add_words(const sp_segy_probe *probe, sp_segy_layout *layout) {
  for (size_t i = 0; i < probe->hints->n_words; i++) {
    const sp_segy_word *word = &probe->hints->words[i];
    if (word->byte < 1 || word->byte + sp_field_width(word->type) - 1 > layout->header_bytes) {
      return SP_RAISE(SP_ERR_INPUT, "%s: field '%s' at byte %u does not lie in its trace headers of %u bytes",
                      probe->path, word->name, word->byte, layout->header_bytes);
    }
    int k = sp_segy_column_find(layout, word->name);
    if (k < 0 && layout->n_columns == SP_SEGY_MAX_COLUMNS) {
      return SP_RAISE(SP_ERR_INPUT, "%s: more than %d header words", probe->path, SP_SEGY_MAX_COLUMNS);
    }
    if (k < 0) {
      k = (int)layout->n_columns++;
      snprintf(layout->columns[k].name, sizeof layout->columns[k].name, "%s", word->name);
      layout->columns[k].scalar = -1;
    }
    sp_segy_column *column = &layout->columns[k];
    column->at = (uint16_t)(word->byte - 1);
    column->type = (uint8_t)word->type;
    column->wide_at = 0;
    column->real = !fits_int32(word->type);
    if (column->real) column->scalar = -1;
  }
  return SP_SUCCESS;
}

static void set_units_and_scalars(const sp_stanza *stanza, const uint8_t *header, sp_segy_layout *layout) {
  layout->counit = (int)sp_stanza_value(stanza, layout->order, "counit", header);
  const char *angle = sp_segy_angle_unit(layout->counit);
  for (size_t i = 0; i < layout->n_columns; i++) {
    sp_segy_column *column = &layout->columns[i];
    const sp_header_field *field = NULL;
    for (int block = SP_BLOCK_STANDARD; block <= SP_BLOCK_EXTENSION1 && !field; block++) {
      field = sp_header_field_find((sp_header_block)block, column->name);
    }
    if (!field) continue;
    set_unit(column, field, layout->length_unit, angle);
    const sp_stanza_word *word = word_of(stanza, field);
    const bool scaled = field->scalar && (word ? word->scaled : fits_int32(column->type));
    if (scaled) column->scalar = (int16_t)sp_segy_column_find(layout, field->scalar);
  }
}

bool sp_header_field_is_in_su(const sp_header_field *field) {
  return field->block == SP_BLOCK_SU ||
         (field->block == SP_BLOCK_STANDARD && (field->byte <= 180 || !strcmp(field->name, "scalt")));
}

sp_status sp_segy_columns_set(const sp_segy_probe *probe, const sp_stanza *stanza, const uint8_t *header,
                              int measurement, sp_segy_layout *layout) {
  layout->n_columns = 0;
  memset(layout->columns, 0, sizeof layout->columns);
  const bool is_su = layout->kind == SP_KIND_SU;
  const sp_header_field *field;
  for (size_t i = 0; (field = sp_header_field_at(i)); i++) {
    const bool standard = field->block == SP_BLOCK_STANDARD;
    const bool wanted = is_su ? sp_header_field_is_in_su(field) : standard;
    if (!wanted) continue;
    const sp_stanza_word *word = word_of(stanza, field);
    if (word || !displaced(stanza, field)) add_field(field, word, 0, layout);
  }
  const uint16_t extension1 = is_su ? 0 : sp_segy_find_extension1(header, layout->header_bytes);
  if (extension1) add_extension1(stanza, extension1, layout);
  const int system = probe->hints->measurement ? probe->hints->measurement : measurement;
  snprintf(layout->length_unit, sizeof layout->length_unit, "%s", system == 1 ? "m" : system == 2 ? "ft" : "m or ft");
  set_units_and_scalars(stanza, header, layout);
  return add_words(probe, layout);
}
