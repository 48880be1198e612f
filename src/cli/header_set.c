/* SPDX-License-Identifier: BSD-3-Clause */
/* What `--set NAME=EXPRESSION` means for a survey: which columns it reads, whether the column may be set, its unit. */
#include "src/cli/header_set.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/memory.h"
#include "seisproc/quote.h"
#include "seisproc/trace_header.h"

enum { PATH_SIZE = SP_NAME_LENGTH + 16 };

static bool has_column(const sp_survey *survey, const char *name) {
  char path[PATH_SIZE];
  snprintf(path, sizeof path, "/headers/%s", name);
  return sp_survey_has(survey, path);
}

static bool is_name(const char *text, size_t n) {
  if (n == 0 || n > SP_NAME_LENGTH || isdigit((unsigned char)text[0])) return false;
  for (size_t i = 0; i < n; i++) {
    if (!isalnum((unsigned char)text[i]) && text[i] != '_') return false;
  }
  return true;
}

sp_status sp_header_set_parse(const char *text, char *why, size_t why_size, sp_header_set *out) {
  char quoted[SP_QUOTE_SIZE];
  const char *equals = strchr(text, '=');
  const char *from = text + strspn(text, " ");
  size_t n = equals ? (size_t)(equals - from) : 0;
  while (n && from[n - 1] == ' ') n--;
  *out = (sp_header_set){.text = equals ? equals + 1 + strspn(equals + 1, " ") : "", .bad = UINT64_MAX};
  if (!equals || equals[1] == '=' || !is_name(from, n)) {
    snprintf(why, why_size, "found '%s', allowed is NAME=EXPRESSION", sp_quote(text, quoted));
    return SP_ERR_USAGE;
  }
  snprintf(out->name, sizeof out->name, "%.*s", (int)n, from);
  SP_TRY(sp_expression_parse(out->text, why, why_size, &out->expression));
  if (sp_expression_n_names(out->expression) <= SP_SET_NAMES) return SP_SUCCESS;
  snprintf(why, why_size, "%s: more than %d columns", out->name, SP_SET_NAMES);
  return SP_ERR_USAGE;
}

void sp_header_set_clear(sp_header_set *set) {
  for (size_t i = 0; i < set->n_sources; i++) sp_header_column_close(set->source[i].column);
  sp_expression_destroy(set->expression);
  set->n_sources = 0;
  set->expression = NULL;
}

/* --- names -------------------------------------------------------------------------------------------------------- */

/* What the survey calls it: the name itself, or the header word that it stands for. */
static void find_name(const sp_survey *survey, const char *name, char out[SP_NAME_LENGTH + 1]) {
  const char *word = has_column(survey, name) ? NULL : sp_header_name(name);
  snprintf(out, SP_NAME_LENGTH + 1, "%s", word ? word : name);
}

static sp_status find_source(sp_survey *survey, const char *path, sp_header_set *sets, int k, const char *name) {
  sp_header_set *set = &sets[k];
  sp_set_source *source = &set->source[set->n_sources];
  char near[SP_QUOTE_SIZE] = "";
  *source = (sp_set_source){.set = k};
  find_name(survey, name, source->name);
  while (source->set > 0) {
    if (!strcmp(sets[--source->set].name, source->name)) {
      set->n_sources++;
      return SP_SUCCESS;
    }
  }
  if (!has_column(survey, source->name)) {
    sp_header_nearest(name, near, sizeof near);
    return SP_RAISE(SP_ERR_USAGE, "%s: %s has no header column %s%s%s%s; `seisproc info -H` lists them", set->name,
                    path, name, *near ? "; did you mean " : "", near, *near ? "?" : "");
  }
  SP_TRY(sp_header_column_open(survey, source->name, &source->column));
  set->n_sources++;
  return SP_SUCCESS;
}

/* --- what may be set ---------------------------------------------------------------------------------------------- */

typedef struct scaled_list {
  const sp_survey *survey;
  const char *scalar;
  char names[128];
} scaled_list;

static sp_status add_scaled(const char *name, sp_type type, const char *units, void *context) {
  scaled_list *list = context;
  char path[PATH_SIZE], *text = NULL;
  if (type == SP_FLOAT32 || type == SP_FLOAT64) return SP_SUCCESS;
  snprintf(path, sizeof path, "/headers/%s", name);
  SP_TRY(sp_survey_find_text(list->survey, path, SP_SCALAR_ATTRIBUTE, &text));
  const sp_header_field *field = text ? NULL : sp_header_field_find(SP_BLOCK_STANDARD, name);
  const char *scalar = text ? text : field && field->scalar ? field->scalar : "";
  const size_t used = strlen(list->names);
  if (!strcmp(scalar, list->scalar)) {
    snprintf(list->names + used, sizeof list->names - used, "%s%s", used ? ", " : "", name);
  }
  sp_free(text);
  return SP_SUCCESS;
}

static bool is_gather_key(const char *key, const char *name) {
  const size_t n = strlen(name);
  const char *plus = strchr(key, '+');
  return !strcmp(key, name) ||
         (plus && (!strcmp(plus + 1, name) || ((size_t)(plus - key) == n && !strncmp(key, name, n))));
}

static sp_status check_may_be_set(sp_survey *survey, const char *path, const sp_header_set *set) {
  const sp_survey_info *info = sp_survey_get_info(survey);
  scaled_list list = {survey, set->name, ""};
  char near[SP_QUOTE_SIZE] = "";
  if (!strcmp(set->name, "ns") || !strcmp(set->name, "dt")) {
    return SP_RAISE(SP_ERR_USAGE, "%s: says the shape of the survey and cannot be set", set->name);
  }
  if (!strcmp(set->name, "counit")) {
    return SP_RAISE(SP_ERR_USAGE, "counit: says the unit of coordinates, which stand in theirs; it cannot be set");
  }
  if (is_gather_key(info->gather_key, set->name)) {
    return SP_RAISE(SP_ERR_USAGE,
                    "%s: the gathers of %s are by %s; set a column of another name, and `seisproc regroup` by it",
                    set->name, path, info->gather_key);
  }
  SP_TRY(sp_survey_each_header(survey, add_scaled, &list));
  if (list.names[0]) {
    return SP_RAISE(SP_ERR_USAGE, "%s: scales %s; set those: --set '%.*s = 0.01 * %.*s'", set->name, list.names,
                    (int)strcspn(list.names, ","), list.names, (int)strcspn(list.names, ","), list.names);
  }
  if (set->exists || sp_header_name(set->name)) return SP_SUCCESS;
  sp_header_nearest(set->name, near, sizeof near);
  if (!near[0]) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_USAGE, "%s: no header word; did you mean %s? A column of your own needs a name less like it",
                  set->name, near);
}

/* --- units -------------------------------------------------------------------------------------------------------- */

static bool is_angle(const char *unit) {
  return !strcmp(unit, "arc s") || !strcmp(unit, "degree") || !strcmp(unit, "DMS");
}

static bool is_length(const char *unit) {
  return !strcmp(unit, "m") || !strcmp(unit, "ft") || !strcmp(unit, "m or ft");
}

/* The unit of a column, "" where it has none: what its attribute says, else what SEG-Y defines. */
static sp_status unit_of_column(sp_survey *survey, const char *name, char unit[SP_UNIT_SIZE]) {
  char path[PATH_SIZE], *text = NULL;
  snprintf(path, sizeof path, "/headers/%s", name);
  if (has_column(survey, name)) SP_TRY(sp_survey_find_text(survey, path, "units", &text));
  const sp_header_field *field = sp_header_field_find(SP_BLOCK_STANDARD, name);
  const char *known = field && field->unit ? field->unit : "";
  snprintf(unit, SP_UNIT_SIZE, "%s", text ? text : strcmp(known, "length") ? known : "m or ft");
  sp_free(text);
  return SP_SUCCESS;
}

/* The length that columns of an expression are in, "" where none is; refuses two, and angles where lengths are wanted.
 */
static sp_status find_length(sp_survey *survey, const sp_header_set *sets, const sp_header_set *set, bool wanted,
                             char length[SP_UNIT_SIZE]) {
  const char *first = "";
  length[0] = '\0';
  for (size_t i = 0; i < set->n_sources; i++) {
    const sp_set_source *source = &set->source[i];
    char unit[SP_UNIT_SIZE];
    if (source->column) {
      SP_TRY(unit_of_column(survey, source->name, unit));
    } else {
      snprintf(unit, sizeof unit, "%s", sets[source->set].unit);
    }
    if (wanted && is_angle(unit)) {
      return SP_RAISE(SP_ERR_USAGE, "%s: %s is in %s, of which no length is computed", set->name, source->name, unit);
    }
    if (!is_length(unit)) continue;
    if (length[0] && strcmp(length, unit)) {
      return SP_RAISE(SP_ERR_USAGE, "%s: %s is in %s and %s in %s; allowed is one unit of length", set->name, first,
                      length, source->name, unit);
    }
    first = source->name;
    memcpy(length, unit, sizeof unit);
  }
  return SP_SUCCESS;
}

static sp_status find_unit(sp_survey *survey, const sp_header_set *sets, sp_header_set *set, const char *given) {
  char length[SP_UNIT_SIZE];
  SP_TRY(unit_of_column(survey, set->name, set->unit));
  const bool is_known = set->unit[0], wants_length = is_length(set->unit) || (given && is_length(given));
  SP_TRY(find_length(survey, sets, set, wants_length, length));
  /* "m or ft" is what nobody knows better than */
  const bool certain = is_known && strcmp(set->unit, "m or ft");
  if (is_known && is_length(set->unit) && length[0] && !certain) memcpy(set->unit, length, sizeof length);
  if (given && certain && strcmp(given, set->unit)) {
    return SP_RAISE(SP_ERR_USAGE, "%s: --unit says %s, the column is in %s", set->name, given, set->unit);
  }
  if (given && length[0] && strcmp(length, "m or ft") && is_length(given) && strcmp(given, length)) {
    return SP_RAISE(SP_ERR_USAGE, "%s: --unit says %s, what it is computed from is in %s", set->name, given, length);
  }
  if (given) snprintf(set->unit, sizeof set->unit, "%s", given);
  if (!given && is_length(set->unit) && length[0] && strcmp(length, set->unit)) {
    return SP_RAISE(SP_ERR_USAGE, "%s: is in %s, and is to be computed from %s", set->name, set->unit, length);
  }
  return SP_SUCCESS;
}

static sp_status find_old(sp_survey *survey, sp_header_set *set) {
  char path[PATH_SIZE], *scalar = NULL;
  sp_dataset *d;
  const sp_header_field *field = sp_header_field_find(SP_BLOCK_STANDARD, set->name);
  const bool integer_word = field && !strcmp(field->name, set->name) && field->type <= SP_FIELD_INT32;
  set->may_be_whole = integer_word && !field->scalar;
  if (!set->exists) return SP_SUCCESS;
  snprintf(path, sizeof path, "/headers/%s", set->name);
  SP_TRY(sp_dataset_open(survey, path, &d));
  set->old_type = sp_dataset_type(d);
  sp_dataset_close(d);
  SP_TRY(sp_survey_find_text(survey, path, SP_SCALAR_ATTRIBUTE, &scalar));
  const bool is_real = set->old_type == SP_FLOAT32 || set->old_type == SP_FLOAT64;
  set->was_scaled = !is_real && (scalar || (field && field->scalar));
  set->may_be_whole = !is_real && !set->was_scaled;
  sp_free(scalar);
  return SP_SUCCESS;
}

sp_status sp_header_set_resolve(sp_survey *survey, const char *path, sp_header_set *sets, int k, const char *unit) {
  sp_header_set *set = &sets[k];
  char name[SP_NAME_LENGTH + 1];
  find_name(survey, set->name, name);
  memcpy(set->name, name, sizeof name);
  set->exists = has_column(survey, name);
  for (int i = 0; i < k; i++) {
    if (!strcmp(sets[i].name, name)) return SP_RAISE(SP_ERR_USAGE, "%s: is set twice", name);
  }
  for (size_t i = 0; i < sp_expression_n_names(set->expression); i++) {
    SP_TRY(find_source(survey, path, sets, k, sp_expression_name(set->expression, i)));
  }
  SP_TRY(check_may_be_set(survey, path, set));
  SP_TRY(find_old(survey, set));
  return find_unit(survey, sets, set, unit);
}
