/* SPDX-License-Identifier: BSD-3-Clause */
/* Where header columns go: a column of an imported survey back to where it stood, which its attributes say; any other
 * to where the standard has a field of its name. */
#include <stdio.h>
#include <string.h>

#include "seisproc/header_column.h"
#include "seisproc/memory.h"
#include "seisproc/quote.h"
#include "src/segy/exporter.h"

static const sp_header_field *field_of(const sp_exporter *ex, const char *name) {
  const sp_header_field *field = sp_header_field_find(SP_BLOCK_STANDARD, name);
  if (ex->kind == SP_KIND_SEGY) return field;
  return field && sp_header_field_is_in_su(field) ? field : sp_header_field_find(SP_BLOCK_SU, name);
}

static sp_status find_type(const sp_exporter *ex, const char *path, const char *name, uint8_t *type) {
  char *text;
  sp_field_type found = SP_FIELD_INT32;
  SP_TRY(sp_survey_find_text(ex->survey, path, name, &text));
  const bool known = text && sp_field_type_parse(text, &found);
  sp_free(text);
  *type = (uint8_t)found;
  return known ? SP_SUCCESS
               : SP_RAISE(SP_ERR_INPUT, "%s: %s has no attribute %s that is a type", ex->options->input, path, name);
}

/* A word of its own: attributes byte and type; *found is false without them. */
static sp_status find_own_word(const sp_exporter *ex, const char *path, sp_segy_column *column, bool *found) {
  int64_t byte, wide;
  SP_TRY(sp_survey_find_int(ex->survey, path, "byte", 0, &byte));
  SP_TRY(sp_survey_find_int(ex->survey, path, "wide_byte", 0, &wide));
  *found = byte > 0;
  if (!*found) return SP_SUCCESS;
  SP_TRY(find_type(ex, path, "type", &column->type));
  if (wide > 0) SP_TRY(find_type(ex, path, "wide_type", &column->wide_type));
  const int64_t end = byte - 1 + (int64_t)sp_field_width((sp_field_type)column->type);
  const int64_t wide_end = wide > 0 ? wide - 1 + (int64_t)sp_field_width((sp_field_type)column->wide_type) : 0;
  if (end > ex->kept_header_bytes || wide_end > ex->kept_header_bytes) {
    return SP_RAISE(SP_ERR_INPUT, "%s: %s says byte %lld, trace headers have %u", ex->options->input, path,
                    (long long)(end > ex->kept_header_bytes ? byte : wide), ex->kept_header_bytes);
  }
  column->at = (uint16_t)(byte - 1);
  column->wide_at = (uint16_t)(wide > 0 ? wide - 1 : 0);
  return SP_SUCCESS;
}

/* Whether a column that stood at this word has its meaning in the output's kind of header, too. */
static bool keeps_word(const sp_exporter *ex, const sp_segy_column *column) {
  if (!ex->cut_headers) return true;
  return column->at + sp_field_width((sp_field_type)column->type) <= 180;
}

static sp_status find_word(sp_exporter *ex, const char *path, sp_segy_column *column, bool *carried) {
  *carried = false;
  if (ex->raw_headers) {
    SP_TRY(find_own_word(ex, path, column, carried));
    if (*carried && ex->cut_headers) column->wide_at = 0;
    if (*carried && keeps_word(ex, column)) return SP_SUCCESS;
  }
  const sp_header_field *field = field_of(ex, column->name);
  *carried = field && !strcmp(field->name, column->name);
  if (!*carried) return SP_SUCCESS;
  column->type = (uint8_t)field->type;
  column->at = (uint16_t)(field->byte - 1);
  column->wide_at = 0;
  return SP_SUCCESS;
}

static sp_status add_column(const char *name, sp_type type, const char *units, void *context) {
  sp_exporter *ex = context;
  if (ex->n_columns == SP_SEGY_MAX_COLUMNS || strlen(name) >= sizeof ex->layout->columns[0].name) return SP_SUCCESS;
  char path[SP_NAME_LENGTH + 16];
  snprintf(path, sizeof path, "/headers/%s", name);
  sp_export_column *column = &ex->columns[ex->n_columns];
  sp_segy_column *word = &ex->layout->columns[ex->n_columns];
  snprintf(word->name, sizeof word->name, "%s", name);
  word->scalar = -1;
  word->real = type != SP_INT32;
  SP_TRY(sp_dataset_open(ex->survey, path, &column->dataset));
  ex->layout->n_columns = ++ex->n_columns;
  return find_word(ex, path, word, &column->carried);
}

/* Positions of the columns that scale others, by their attributes or as SEG-Y defines. */
static sp_status find_scalars(sp_exporter *ex) {
  for (size_t i = 0; i < ex->n_columns; i++) {
    sp_segy_column *word = &ex->layout->columns[i];
    char path[SP_NAME_LENGTH + 16], *text;
    snprintf(path, sizeof path, "/headers/%s", word->name);
    SP_TRY(sp_survey_find_text(ex->survey, path, SP_SCALAR_ATTRIBUTE, &text));
    const sp_header_field *field = field_of(ex, word->name);
    const bool own_type = word->type > SP_FIELD_INT32; /* holds the value itself */
    const char *scalar = text ? text : field && !own_type ? field->scalar : NULL;
    const int k = scalar ? sp_segy_column_find(ex->layout, scalar) : -1;
    sp_free(text);
    if (k < 0 || !ex->columns[k].carried) continue;
    word->scalar = (int16_t)k;
    ex->columns[k].is_scalar = true;
  }
  return SP_SUCCESS;
}

/* --map NAME=WORD */
static sp_status map_column(sp_exporter *ex, const char *text) {
  char name[64], quoted[SP_QUOTE_SIZE];
  const char *equals = strchr(text, '=');
  snprintf(name, sizeof name, "%.*s", equals ? (int)(equals - text) : 0, text);
  const int k = equals ? sp_segy_column_find(ex->layout, name) : -1;
  const sp_header_field *field = equals ? field_of(ex, equals + 1) : NULL;
  if (!equals || k < 0 || !field) {
    return SP_RAISE(SP_ERR_USAGE,
                    "--map: found '%s', allowed is NAME=WORD, a column of the survey and a header word of "
                    "the output",
                    sp_quote(text, quoted));
  }
  sp_segy_column *word = &ex->layout->columns[k];
  word->at = (uint16_t)(field->byte - 1);
  word->type = (uint8_t)field->type;
  word->wide_at = 0;
  word->scalar = -1;
  ex->columns[k].carried = true;
  ex->columns[k].must_be_free = true;
  const int other = sp_segy_column_find(ex->layout, field->name);
  if (other >= 0 && other != k) {
    ex->columns[other].carried = false;
    ex->columns[other].is_taken = true;
  }
  return SP_SUCCESS;
}

/* Surveys that were imported before columns said where they stood. */
static bool says_words(const sp_exporter *ex) {
  int64_t byte = 0;
  for (size_t i = 0; i < ex->n_columns && !byte; i++) {
    char path[SP_NAME_LENGTH + 16];
    snprintf(path, sizeof path, "/headers/%s", ex->layout->columns[i].name);
    if (sp_survey_find_int(ex->survey, path, "byte", 0, &byte)) return false;
  }
  return byte > 0;
}

sp_status sp_export_open_columns(sp_exporter *ex) {
  SP_TRY(sp_calloc(1, sizeof *ex->layout, "words of columns", &ex->layout));
  ex->layout->kind = ex->kind;
  ex->layout->order = ex->order;
  ex->layout->header_bytes = ex->header_bytes;
  SP_TRY(sp_survey_each_header(ex->survey, add_column, ex));
  SP_TRY(find_scalars(ex));
  if (ex->raw_headers && !says_words(ex)) {
    for (size_t i = 0; i < ex->n_columns; i++) ex->columns[i].carried = false;
    ex->n_columns = 0; /* what they say is what the kept headers say */
  }
  for (int i = 0; i < ex->options->n_maps; i++) SP_TRY(map_column(ex, ex->options->maps[i]));
  return SP_SUCCESS;
}
