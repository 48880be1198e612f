/* SPDX-License-Identifier: BSD-3-Clause */
/* Before the first trace: what the file is, which keys it has, whether it seems ordered. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/dist.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/side_file.h"
#include "src/segy/importer.h"
#include "src/segy/output_check.h"
#include "src/segy/stream.h"

enum { LOOK_TRACES = 1024 };

/* --- derived offsets --------------------------------------------------------------------------------------------- */

static sp_status set_derived(sp_importer *im) {
  im->offset_column = -1;
  if (!im->options->derive_offset) return SP_SUCCESS;
  const char *angle = sp_segy_angle_unit(im->layout->counit);
  if (angle) {
    return SP_RAISE(SP_ERR_INPUT,
                    "%s: coordinates are angles (%s, counit %d), which are no distances: no offset can be "
                    "derived",
                    im->options->input, angle, im->layout->counit);
  }
  static const char *const names[] = {"sx", "sy", "gx", "gy"};
  for (int i = 0; i < 4; i++) {
    im->coordinate[i] = sp_segy_column_find(im->layout, names[i]);
    if (im->coordinate[i] >= 0) continue;
    return SP_RAISE(SP_ERR_INPUT, "%s: no header word %s to derive offsets from", im->options->input, names[i]);
  }
  im->offset_column = sp_segy_column_find(im->layout, "offset");
  if (im->offset_column < 0 && im->layout->n_columns == SP_SEGY_MAX_COLUMNS) {
    return SP_RAISE(SP_ERR_INPUT, "%s: more than %d header words", im->options->input, SP_SEGY_MAX_COLUMNS);
  }
  im->has_recorded_offset = im->offset_column >= 0;
  if (im->offset_column < 0) im->offset_column = (int)im->layout->n_columns++;
  sp_segy_column *column = &im->layout->columns[im->offset_column];
  strcpy(column->name, "offset");
  memcpy(column->unit, im->layout->columns[im->coordinate[0]].unit, sizeof column->unit);
  column->real = true;
  column->scalar = -1;
  column->wide_at = 0;
  return SP_SUCCESS;
}

/* --- a first look ------------------------------------------------------------------------------------------------ */

/* Whether the first traces stand in gather order and no key is 0 in all of them: then traces are written on the first
 * way through the file. */
static sp_status look(sp_importer *im) {
  const sp_segy_layout *layout = im->layout;
  const uint32_t n = layout->n_traces < LOOK_TRACES ? (uint32_t)layout->n_traces : LOOK_TRACES;
  sp_key keys[SP_MAX_ORDER_KEYS] = {0};
  double *values = NULL;
  uint8_t *header = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_calloc((size_t)n * SP_MAX_ORDER_KEYS, sizeof *values, "keys", &values));
  SP_TRY_GOTO(out, sp_alloc(layout->header_bytes, "a trace header", &header));
  bool zero[SP_MAX_ORDER_KEYS];
  for (int k = 0; k < im->n_keys; k++) {
    keys[k] = (sp_key){.values = values + (size_t)k * n, .real = true};
    zero[k] = true;
  }
  for (uint32_t i = 0; i < n; i++) {
    SP_TRY_GOTO(out, sp_import_read_header(im, i, header));
    for (int k = 0; k < im->n_keys; k++) {
      const double v = sp_import_value(im, im->key_column[k], header);
      values[(size_t)k * n + i] = v;
      zero[k] &= v == 0;
    }
  }
  im->order_expected = sp_order_seems_kept(keys, im->n_gather_keys, im->n_keys, n);
  for (int k = 0; k < im->n_keys; k++) im->order_expected &= !zero[k];
out:
  sp_free(header);
  sp_free(values);
  return status;
}

static sp_status open_input(sp_importer *im) {
  im->fd = open(im->opened, O_RDONLY | O_CLOEXEC);
  if (im->fd < 0) {
    return SP_RAISE(SP_ERR_INPUT, "%s: cannot be opened: %s", im->options->input, strerror(errno));
  }
  return SP_SUCCESS;
}

static sp_status prepare_first(sp_importer *im) {
  const sp_import_options *o = im->options;
  SP_TRY(sp_output_check(o->input, o->output));
  SP_TRY(sp_part_begin(o->output, &im->part_path, &im->lock));
  SP_TRY(sp_stream_spool_input(o->input, o->output, o->spool_limit, &im->spool));
  if (im->spool) im->opened = im->spool;
  SP_TRY(sp_segy_identify(im->opened, &o->hints, im->layout));
  SP_TRY(set_derived(im));
  SP_TRY(sp_import_find_keys(im));
  SP_TRY(open_input(im));
  return look(im);
}

typedef struct told {
  int n_gather_keys, n_keys, key_column[SP_MAX_ORDER_KEYS], offset_column, coordinate[4];
  double key_step[SP_MAX_ORDER_KEYS];
  bool order_expected, has_recorded_offset, spooled;
} told;

static sp_status describe_input(sp_importer *im) {
  told t = {.n_gather_keys = im->n_gather_keys,
            .n_keys = im->n_keys,
            .offset_column = im->offset_column,
            .order_expected = im->order_expected,
            .has_recorded_offset = im->has_recorded_offset,
            .spooled = im->spool != NULL};
  memcpy(t.key_step, im->key_step, sizeof t.key_step);
  memcpy(t.key_column, im->key_column, sizeof t.key_column);
  memcpy(t.coordinate, im->coordinate, sizeof t.coordinate);
  SP_ALIKE(sp_ranks_broadcast(&im->ranks, &t, sizeof t));
  im->n_gather_keys = t.n_gather_keys;
  im->n_keys = t.n_keys;
  im->offset_column = t.offset_column;
  im->order_expected = t.order_expected;
  im->has_recorded_offset = t.has_recorded_offset;
  im->spooled = t.spooled;
  memcpy(im->key_step, t.key_step, sizeof t.key_step);
  memcpy(im->key_column, t.key_column, sizeof t.key_column);
  memcpy(im->coordinate, t.coordinate, sizeof t.coordinate);
  return sp_ranks_broadcast(&im->ranks, im->layout, sizeof *im->layout);
}

/* Opens what rank 0 has found, on another rank. */
static sp_status open_as_described(sp_importer *im) {
  if (!im->spooled) return open_input(im);
  char *name;
  SP_TRY(sp_side_path(im->options->output, SP_SIDE_SPOOL, &name));
  im->opened = name;
  const sp_status status = open_input(im);
  im->opened = im->options->input;
  sp_free(name);
  return status;
}

void sp_import_drop_spool(sp_importer *im) {
  if (im->spool) unlink(im->spool);
  sp_free(im->spool);
  im->spool = NULL;
  im->opened = im->options->input;
}

static sp_status allocate_keys(sp_importer *im) {
  const uint64_t n = im->ranks.rank ? im->end - im->first : im->layout->n_traces;
  for (int k = 0; k < im->n_keys; k++) {
    SP_TRY(sp_alloc(n * sp_import_key_bytes(im, im->key_column[k]), "header keys", &im->keys[k]));
  }
  return sp_calloc((im->end - im->first) / 8 + 1, 1, "marks of traces", &im->inexact);
}

sp_status sp_import_prepare(sp_importer *im) {
  im->fd = -1;
  im->opened = im->options->input;
  SP_ALIKE(sp_ranks_agree(&im->ranks, sp_calloc(1, sizeof *im->layout, "a layout", &im->layout)));
  SP_ALIKE(sp_ranks_agree(&im->ranks, im->ranks.rank ? SP_SUCCESS : prepare_first(im)));
  SP_ALIKE(describe_input(im));
  const sp_share share = sp_ranks_share(&im->ranks, im->layout->n_traces);
  im->first = share.first;
  im->end = share.first + share.count;
  sp_status status = im->ranks.rank ? open_as_described(im) : SP_SUCCESS;
  if (status == SP_SUCCESS) status = allocate_keys(im);
  status = sp_ranks_agree(&im->ranks, status);
  sp_import_drop_spool(im); /* all have it open */
  return status;
}
