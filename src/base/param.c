#include "seisproc/param.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *field(const sp_param *param, void *values) {
  return (char *)values + param->offset;
}

/* Position of `text` in a '|'-separated list, or -1. */
static int choice_index(const char *choices, const char *text, size_t length) {
  for (int i = 0; choices; i++) {
    const size_t n = strcspn(choices, "|");
    if (n == length && !strncmp(choices, text, n)) return i;
    choices = choices[n] ? choices + n + 1 : NULL;
  }
  return -1;
}

static bool may_be_auto(const sp_param *param) {
  return param->type != SP_PARAM_CHOICE && param->choices && !strcmp(param->choices, "auto");
}

const sp_param *sp_param_find(const sp_param *table, const char *key) {
  for (; table->key; table++) {
    if (!strcmp(table->key, key)) return table;
  }
  return NULL;
}

void sp_param_set_defaults(const sp_param *table, void *values) {
  char why[256];
  for (; table->key; table++) sp_param_parse(table, table->standard, values, why, sizeof why);
}

void sp_param_allowed(const sp_param *param, char *text, size_t size) {
  const char *suffix = may_be_auto(param) ? ", or auto" : "";
  const char *unit = param->unit ? param->unit : "";
  const char *gap = param->unit ? " " : "";
  switch (param->type) {
  case SP_PARAM_BOOL:
    snprintf(text, size, "true or false");
    break;
  case SP_PARAM_INT:
    snprintf(text, size, "an %sinteger from %.0f to %.0f%s%s%s", param->odd ? "odd " : "", param->min, param->max, gap,
             unit, suffix);
    break;
  case SP_PARAM_REAL:
    if (isinf(param->max)) {
      snprintf(text, size, "a number from %g%s%s up%s", param->min, gap, unit, suffix);
    } else {
      snprintf(text, size, "a number from %g to %g%s%s%s", param->min, param->max, gap, unit, suffix);
    }
    break;
  case SP_PARAM_CHOICE: {
    size_t n = (size_t)snprintf(text, size, "one of ");
    for (const char *c = param->choices; *c && n + 3 < size; c++) {
      if (*c == '|') {
        text[n++] = ',';
        text[n++] = ' ';
      } else {
        text[n++] = *c;
      }
    }
    text[n] = '\0';
    break;
  }
  }
}

static sp_status refuse(const sp_param *param, const char *found, char *why, size_t why_size) {
  char allowed[200];
  sp_param_allowed(param, allowed, sizeof allowed);
  snprintf(why, why_size, "%s: found '%.40s', allowed is %s", param->key, found, allowed);
  return SP_ERR_USAGE;
}

static bool parse_int(const sp_param *param, const char *text, int *out) {
  char *end;
  errno = 0;
  const long value = strtol(text, &end, 10);
  if (end == text || *end || errno || value < INT_MIN || value > INT_MAX) return false;
  if ((double)value < param->min || (double)value > param->max) return false;
  if (param->odd && value % 2 == 0) return false;
  *out = (int)value;
  return true;
}

static bool parse_real(const sp_param *param, const char *text, double *out) {
  char *end;
  const double value = strtod(text, &end);
  if (end == text || *end || !isfinite(value)) return false;
  if (value < param->min || value > param->max) return false;
  *out = value;
  return true;
}

static bool parse_bool(const char *text, bool *out) {
  if (!strcmp(text, "true") || !strcmp(text, "yes") || !strcmp(text, "on")) {
    *out = true;
  } else if (!strcmp(text, "false") || !strcmp(text, "no") || !strcmp(text, "off")) {
    *out = false;
  } else {
    return false;
  }
  return true;
}

sp_status sp_param_parse(const sp_param *param, const char *text, void *values, char *why, size_t why_size) {
  void *target = field(param, values);
  const bool is_auto = may_be_auto(param) && !strcmp(text, "auto");
  bool good = is_auto;
  switch (param->type) {
  case SP_PARAM_BOOL:
    good = parse_bool(text, target);
    break;
  case SP_PARAM_INT:
    if (is_auto) {
      *(int *)target = SP_PARAM_AUTO;
    } else {
      good = parse_int(param, text, target);
    }
    break;
  case SP_PARAM_REAL:
    if (is_auto) {
      *(double *)target = NAN;
    } else {
      good = parse_real(param, text, target);
    }
    break;
  case SP_PARAM_CHOICE: {
    const int i = choice_index(param->choices, text, strlen(text));
    good = i >= 0;
    if (good) *(int *)target = i;
    break;
  }
  }
  return good ? SP_SUCCESS : refuse(param, text, why, why_size);
}

void sp_param_format(const sp_param *param, const void *values, char *text, size_t size) {
  const void *source = field(param, (void *)(uintptr_t)values);
  switch (param->type) {
  case SP_PARAM_BOOL:
    snprintf(text, size, "%s", *(const bool *)source ? "true" : "false");
    break;
  case SP_PARAM_INT:
    if (may_be_auto(param) && *(const int *)source == SP_PARAM_AUTO) {
      snprintf(text, size, "auto");
    } else {
      snprintf(text, size, "%d", *(const int *)source);
    }
    break;
  case SP_PARAM_REAL:
    if (isnan(*(const double *)source)) {
      snprintf(text, size, "auto");
    } else {
      /* the shortest text that reads back to the same bits */
      for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, size, "%.*g", digits, *(const double *)source);
        if (strtod(text, NULL) == *(const double *)source) break;
      }
    }
    break;
  case SP_PARAM_CHOICE: {
    const char *choice = param->choices;
    for (int i = *(const int *)source; i > 0; i--) choice += strcspn(choice, "|") + 1;
    snprintf(text, size, "%.*s", (int)strcspn(choice, "|"), choice);
    break;
  }
  }
}
