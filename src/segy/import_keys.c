/* SPDX-License-Identifier: BSD-3-Clause */
/* The keys of an import: which columns they are, and from their values in all traces the order in which traces are
 * stored. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/dist.h"
#include "seisproc/memory.h"
#include "seisproc/quote.h"
#include "src/segy/importer.h"

/* --- which columns ------------------------------------------------------------------------------------------------ */

static sp_status find_key(const sp_importer *im, const char *name, int *column) {
  *column = sp_segy_column_find(im->layout, name);
  if (*column >= 0) return SP_SUCCESS;
  char near[SP_QUOTE_SIZE], quoted[SP_QUOTE_SIZE];
  sp_header_nearest(name, near, sizeof near);
  if (sp_header_name(name)) {
    return SP_RAISE(SP_ERR_USAGE, "%s: %s files have no header word '%s'", im->options->input,
                    im->layout->kind == SP_KIND_SU ? "SU" : "such SEG-Y", sp_quote(name, quoted));
  }
  return SP_RAISE(SP_ERR_USAGE, "no header word '%s'%s%s%s", sp_quote(name, quoted), *near ? "; did you mean " : "",
                  near, *near ? "?" : "");
}

sp_status sp_import_find_keys(sp_importer *im) {
  const sp_import_options *o = im->options;
  for (int k = 0; k < SP_MAX_ORDER_KEYS; k++) im->key_step[k] = (double)INFINITY;
  for (int k = 0; k < o->n_gather; k++) SP_TRY(find_key(im, o->gather[k], &im->key_column[im->n_keys++]));
  im->n_gather_keys = im->n_keys;
  for (int k = 0; k < o->n_sort; k++) SP_TRY(find_key(im, o->sort[k], &im->key_column[im->n_keys++]));
  for (int a = 0; a < im->n_keys; a++) {
    for (int b = 0; b < a; b++) {
      if (im->key_column[a] != im->key_column[b]) continue;
      return SP_RAISE(SP_ERR_USAGE, "header word %s is asked for twice", im->layout->columns[im->key_column[a]].name);
    }
  }
  return SP_SUCCESS;
}

/* --- keys without values ------------------------------------------------------------------------------------------ */

/* Whether any of the traces looked at has something in this column. */
static bool has_values(const sp_importer *im, int column, const uint8_t *headers, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (sp_import_value(im, column, headers + i * im->layout->header_bytes) != 0) return true;
  }
  return false;
}

/* Error line for a key that is 0 in all traces, with what else the file offers. */
static sp_status refuse_zero_key(const sp_importer *im, int key) {
  static const char *const offered[] = {"fldr", "ep", "cdp", "sp", "iline", "xline", "offset", "tracf", "sx", "gx"};
  enum { LOOK = 64 };
  const sp_segy_layout *layout = im->layout;
  const char *path = im->options->input, *name = layout->columns[im->key_column[key]].name;
  uint8_t headers[LOOK * SP_TRACE_HEADER_BYTES];
  char others[128] = "";
  size_t used = 0, n = 0;
  /* the standard header is enough of a look */
  const uint64_t step = layout->n_traces > LOOK ? layout->n_traces / LOOK : 1;
  if (layout->header_bytes == SP_TRACE_HEADER_BYTES) {
    for (uint64_t t = 0; t < layout->n_traces && n < LOOK; t += step, n++) {
      SP_TRY(sp_import_read_header(im, t, headers + n * SP_TRACE_HEADER_BYTES));
    }
  }
  for (size_t k = 0; k < sizeof offered / sizeof offered[0]; k++) {
    const int column = sp_segy_column_find(layout, offered[k]);
    if (column < 0 || !has_values(im, column, headers, n)) continue;
    used += (size_t)snprintf(others + used, sizeof others - used, "%s%s", used ? ", " : "", offered[k]);
  }
  const bool derivable = !strcmp(name, "offset") && strstr(others, "sx");
  return SP_RAISE(
      SP_ERR_INPUT, "%s: %s key %s is 0 in all %llu traces%s%s%s; --field %s=BYTE says where else it stands", path,
      key < im->n_gather_keys ? "gather" : "sort", name, (unsigned long long)layout->n_traces,
      used ? "; not 0 are " : "", others, derivable ? "; --derive offset takes it from coordinates" : "", name);
}

/* --- from values to an order -------------------------------------------------------------------------------------- */

/* Rank 0 is given the keys of all traces; the others free theirs. Collective. */
static sp_status gather_keys(sp_importer *im) {
  sp_status status = SP_SUCCESS;
  for (int k = 0; k < im->n_keys && status == SP_SUCCESS; k++) {
    const size_t bytes = sp_import_key_bytes(im, im->key_column[k]);
    if (im->ranks.rank) {
      status = sp_ranks_send(&im->ranks, 0, im->keys[k], (im->end - im->first) * bytes);
      sp_free(im->keys[k]);
      im->keys[k] = NULL;
      continue;
    }
    for (int r = 1; r < im->ranks.size && status == SP_SUCCESS; r++) {
      const sp_share share = sp_ranks_share_of(&im->ranks, im->layout->n_traces, r);
      status = sp_ranks_receive(&im->ranks, r, (char *)im->keys[k] + share.first * bytes, share.count * bytes);
    }
  }
  return sp_ranks_agree(&im->ranks, status);
}

static bool is_all_zero(const sp_importer *im, int key) {
  const uint64_t n = im->layout->n_traces;
  if (sp_import_key_bytes(im, im->key_column[key]) == sizeof(int32_t)) {
    const int32_t *values = im->keys[key];
    for (uint64_t i = 0; i < n; i++) {
      if (values[i]) return false;
    }
  } else {
    const double *values = im->keys[key];
    for (uint64_t i = 0; i < n; i++) {
      if (values[i] != 0) return false;
    }
  }
  return true;
}

/* Gather keys are integers: those of a scaled column count steps of the finest scalar, which is what the header says
 * wherever the scalar is the same in all traces. */
static void count_steps(const sp_importer *im, int key) {
  double *values = im->keys[key];
  const double step = im->key_step[key];
  for (uint64_t i = 0; i < im->layout->n_traces; i++) {
    values[i] = rint(step >= 1 ? values[i] / step : values[i] * rint(1 / step));
  }
}

static sp_status build_order(sp_importer *im) {
  sp_key keys[SP_MAX_ORDER_KEYS];
  for (int k = 0; k < im->n_keys; k++) {
    if (is_all_zero(im, k)) return refuse_zero_key(im, k);
    const sp_segy_column *column = &im->layout->columns[im->key_column[k]];
    const bool scaled = im->key_step[k] < (double)INFINITY;
    if (scaled && k < im->n_gather_keys) count_steps(im, k);
    keys[k] = (sp_key){.name = column->name, .values = im->keys[k], .real = column->real || scaled};
  }
  SP_TRY(sp_order_build(im->options->input, keys, im->n_gather_keys, im->n_keys, im->layout->n_traces, &im->order));
  for (int k = 0; k < im->n_keys; k++) {
    sp_free(im->keys[k]);
    im->keys[k] = NULL;
  }
  return SP_SUCCESS;
}

/* The finest step of all ranks; a positive double orders as its bits do. */
static sp_status agree_on_steps(sp_importer *im) {
  uint64_t bits[SP_MAX_ORDER_KEYS];
  memcpy(bits, im->key_step, sizeof bits);
  SP_ALIKE(sp_ranks_least(&im->ranks, bits, SP_MAX_ORDER_KEYS));
  memcpy(im->key_step, bits, sizeof bits);
  return SP_SUCCESS;
}

sp_status sp_import_build_order(sp_importer *im) {
  SP_ALIKE(agree_on_steps(im));
  SP_ALIKE(gather_keys(im));
  return sp_ranks_agree(&im->ranks, im->ranks.rank ? SP_SUCCESS : build_order(im));
}
