/* SPDX-License-Identifier: BSD-3-Clause */
/* What a parameter allows, in words: for mistakes, help and documents. */
#include "src/base/param_text.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/nearest.h"
#include "seisproc/quote.h"

size_t sp_param_fewest(const sp_param *param) {
  return param->rules >> 8 & 0xff;
}

size_t sp_param_most(const sp_param *param) {
  const size_t most = param->rules >> 16, holds = param->type == SP_PARAM_NUMBERS ? SP_MAX_NUMBERS : SP_MAX_WORDS;
  return most > 0 && most < holds ? most : holds;
}

bool sp_param_has_choice(const sp_param *param, const char *word) {
  const size_t length = strlen(word);
  for (const char *c = param->choices; c; c = *c ? c + 1 : NULL) {
    const size_t n = strcspn(c, "|");
    if (n == length && !strncmp(c, word, n)) return true;
    c += n;
  }
  return false;
}

/* Appends to text[*n ...], cut where `size` ends. */
static void append(char *text, size_t size, size_t *n, const char *format, ...) __attribute__((format(printf, 4, 5)));

static void append(char *text, size_t size, size_t *n, const char *format, ...) {
  if (*n >= size) return;
  va_list args;
  va_start(args, format);
  const int m = vsnprintf(text + *n, size - *n, format, args);
  va_end(args);
  *n += m < 0 ? 0 : (size_t)m;
}

/* How many choices from `choices` on make one family: the same letters, then a digit (db1|db2|...). *last is the
 * last of them, *next what follows, NULL at the end. */
static size_t family(const char *choices, const char **last, const char **next) {
  const size_t stem = strcspn(choices, "0123456789|");
  size_t n = 0;
  const char *at = choices;
  do {
    if (n > 0 && (strncmp(at, choices, stem) || !isdigit((unsigned char)at[stem]))) break;
    *last = at;
    at += strcspn(at, "|");
    at = *at ? at + 1 : NULL;
    n++;
  } while (at && isdigit((unsigned char)choices[stem]));
  *next = at;
  return n;
}

/* "soft, hard, garrote"; families of more than three are shortened to their ends: "haar, db1 ... db20". */
static void list_choices(const char *choices, char *text, size_t size, size_t *n) {
  const char *separator = "";
  while (choices) {
    const char *last, *next;
    const size_t members = family(choices, &last, &next);
    append(text, size, n, "%s%.*s", separator, (int)strcspn(choices, "|"), choices);
    if (members > 3) {
      append(text, size, n, " ... %.*s", (int)strcspn(last, "|"), last);
      choices = next;
    } else {
      choices += strcspn(choices, "|");
      choices = *choices ? choices + 1 : NULL;
    }
    separator = ", ";
  }
}

/* "a number", "an odd integer", "3 numbers", ... */
static void name_kind(const sp_param *param, bool several, char *text, size_t size, size_t *n) {
  const bool is_integer = param->type == SP_PARAM_INT;
  const char *kind = is_integer ? "integer" : "number";
  if (several) {
    append(text, size, n, "%s%ss", param->rules & SP_PARAM_ASCENDING ? "ascending " : "", kind);
  } else if (param->rules & SP_PARAM_ODD) {
    append(text, size, n, "an odd %s", kind);
  } else {
    append(text, size, n, "%s %s", is_integer ? "an" : "a", kind);
  }
}

/* ", or auto", ", auto or inf" */
static void list_alternatives(const sp_param *param, char *text, size_t size, size_t *n) {
  for (const char *c = param->choices; c; c = *c ? c + 1 : NULL) {
    const int length = (int)strcspn(c, "|");
    append(text, size, n, c == param->choices ? ", or %.*s" : " or %.*s", length, c);
    c += length;
  }
}

static void list_range(const sp_param *param, bool several, char *text, size_t size, size_t *n) {
  name_kind(param, several, text, size, n);
  if (isfinite(param->min)) append(text, size, n, " from %.10g", param->min);
  if (isfinite(param->max)) append(text, size, n, " %s %.10g", isfinite(param->min) ? "to" : "up to", param->max);
  if (param->unit && (isfinite(param->min) || isfinite(param->max))) append(text, size, n, " %s", param->unit);
  if (isfinite(param->min) && !isfinite(param->max)) append(text, size, n, " up");
}

/* "a list of 4 ", "a list of at most 4 ", "a list of 2 to 4 ", "a list of " */
static void begin_list(const sp_param *param, char *text, size_t size, size_t *n) {
  const size_t fewest = sp_param_fewest(param), most = sp_param_most(param);
  const bool counted = param->rules >> 16 != 0;
  append(text, size, n, "a list of ");
  if (fewest > 0 && fewest == most) {
    append(text, size, n, "%zu ", most);
  } else if (fewest > 0 && counted) {
    append(text, size, n, "%zu to %zu ", fewest, most);
  } else if (counted) {
    append(text, size, n, "at most %zu ", most);
  }
}

void sp_param_allowed(const sp_param *param, char *text, size_t size) {
  size_t n = 0;
  switch (param->type) {
  case SP_PARAM_BOOL:
    append(text, size, &n, "true or false");
    break;
  case SP_PARAM_INT:
  case SP_PARAM_REAL:
    list_range(param, false, text, size, &n);
    list_alternatives(param, text, size, &n);
    break;
  case SP_PARAM_CHOICE:
    append(text, size, &n, "one of ");
    list_choices(param->choices, text, size, &n);
    break;
  case SP_PARAM_TEXT:
    append(text, size, &n, "a text of at most %d bytes in one line", SP_TEXT_SIZE - 1);
    break;
  case SP_PARAM_CONDITION:
    append(text, size, &n, "a condition over header columns, such as abs(offset) > 3000");
    break;
  case SP_PARAM_PATH:
    append(text, size, &n, "the path of a file");
    if (param->rules & SP_PARAM_OR_NUMBER) {
      append(text, size, &n, ", or ");
      list_range(param, false, text, size, &n);
    }
    break;
  case SP_PARAM_NUMBERS:
    begin_list(param, text, size, &n);
    list_range(param, true, text, size, &n);
    break;
  case SP_PARAM_HEADERS:
    begin_list(param, text, size, &n);
    append(text, size, &n, "header names, such as [cdp, offset]");
    break;
  case SP_PARAM_WORDS:
    begin_list(param, text, size, &n);
    append(text, size, &n, param->choices ? "words among " : "words");
    if (param->choices) list_choices(param->choices, text, size, &n);
    break;
  }
}

static bool holds_number(const sp_param *param) {
  return param->type == SP_PARAM_INT || param->type == SP_PARAM_REAL;
}

/* What may help with this mistake beyond what is allowed; empty where nothing does. */
static void find_hint(const sp_param *param, const char *found, char *hint, size_t size) {
  hint[0] = '\0';
  const char *digits = found + (*found == '-' || *found == '+');
  if (param->type == SP_PARAM_CHOICE || param->type == SP_PARAM_WORDS) {
    sp_nearest nearest = {.text = found};
    for (const char *c = param->choices; c; c = *c ? c + 1 : NULL) {
      sp_nearest_offer(&nearest, c, strcspn(c, "|"));
      c += strcspn(c, "|");
    }
    if (nearest.best[0]) snprintf(hint, size, "; did you mean '%s'?", nearest.best);
  } else if (holds_number(param) && digits[0] == '0' && isalnum((unsigned char)digits[1])) {
    snprintf(hint, size, "; numbers are decimal, without leading zeros");
  } else if (holds_number(param) && strchr(found, ',')) {
    snprintf(hint, size, "; the decimal sign is a point");
  } else if (param->type == SP_PARAM_REAL && isdigit((unsigned char)*digits) && isinf(strtod(found, NULL))) {
    snprintf(hint, size, "; that is more than a 64-bit number holds");
  }
}

sp_status sp_param_refuse(const sp_param *param, const char *found, char *why, size_t why_size) {
  char allowed[256], hint[SP_NEAREST_LENGTH + 32], quoted[SP_QUOTE_SIZE];
  sp_param_allowed(param, allowed, sizeof allowed);
  find_hint(param, found, hint, sizeof hint);
  snprintf(why, why_size, "%s: found '%s', allowed is %s%s", param->key, sp_quote(found, quoted), allowed, hint);
  return SP_ERR_USAGE;
}
