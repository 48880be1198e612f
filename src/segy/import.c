/* SPDX-License-Identifier: BSD-3-Clause */
#include "seisproc/import.h"

#include <string.h>
#include <unistd.h>

#include "seisproc/dist.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/stop.h"
#include "src/segy/header_value.h"
#include "src/segy/importer.h"

/* Every rank is given its part of the order in which traces are stored, if that is not the file's. Collective. */
static sp_status share_order(sp_importer *im, bool *sorted) {
  uint8_t has_order = im->order.source != NULL;
  SP_ALIKE(sp_ranks_broadcast(&im->ranks, &has_order, 1));
  *sorted = has_order;
  if (!has_order) return SP_SUCCESS; /* alike */
  sp_status status = SP_SUCCESS;
  if (im->ranks.rank) {
    status = sp_alloc((im->end - im->first) * sizeof *im->source, "the order of traces", &im->source);
  } else {
    im->source = im->order.source;
  }
  SP_ALIKE(sp_ranks_agree(&im->ranks, status));
  if (im->ranks.rank) {
    status = sp_ranks_receive(&im->ranks, 0, im->source, (im->end - im->first) * sizeof *im->source);
  }
  for (int r = 1; im->ranks.rank == 0 && r < im->ranks.size && status == SP_SUCCESS; r++) {
    const sp_share share = sp_ranks_share_of(&im->ranks, im->layout->n_traces, r);
    status = sp_ranks_send(&im->ranks, r, im->order.source + share.first, share.count * sizeof *im->source);
  }
  return sp_ranks_agree(&im->ranks, status);
}

/* Traces go to their positions in one way through the file where they stand in order, else in two. */
static sp_status move_traces(sp_importer *im) {
  const sp_ranks *ranks = &im->ranks;
  const double first_share = im->order_expected ? 1 : 0.4;
  const sp_pass first = {.write = im->order_expected, .collect = true, .share = first_share};
  SP_ALIKE(sp_ranks_agree(ranks, sp_import_pass(im, &first)));
  SP_ALIKE(sp_import_build_order(im));
  SP_ALIKE(sp_import_log_notes(im));
  bool sorted;
  SP_ALIKE(share_order(im, &sorted));
  if (!sorted && im->order_expected) return SP_SUCCESS; /* alike */
  const sp_pass second = {.write = true, .done = first_share, .share = 1 - first_share};
  return sp_ranks_agree(ranks, sp_import_pass(im, &second));
}

static sp_status run(sp_importer *im) {
  SP_ALIKE(sp_import_prepare(im));
  im->applies_weights = !im->options->ignore_weights && sp_segy_has_weights(im->layout->kind, im->layout->format);
  SP_ALIKE(sp_import_create(im));
  SP_ALIKE(sp_ranks_agree(&im->ranks, sp_import_open(im)));
  im->meter = sp_meter_start(im->ranks.rank == 0 && !im->options->quiet);
  SP_TRY(move_traces(im));
  return sp_import_finish(im);
}

static void log_done(const sp_importer *im, double seconds) {
  const sp_segy_layout *layout = im->layout;
  char name[SP_NAME_LENGTH + 1];
  sp_import_gather_name(im, name);
  const double bytes = (double)layout->n_traces * (double)layout->trace_bytes;
  sp_info("%s: %llu traces of %u samples at %g ms, %llu gathers by %s%s; %.3g MB in %.1f s, %.0f MB/s",
          im->options->output, (unsigned long long)layout->n_traces, layout->n_samples,
          layout->sample_interval_us * 1e-3, (unsigned long long)im->order.n_gathers, name,
          im->source ? ", sorted" : "", bytes * 1e-6, seconds, bytes * 1e-6 / (seconds > 1e-3 ? seconds : 1e-3));
}

static void clear(sp_importer *im) {
  sp_import_drop_spool(im);
  sp_import_close(im);
  if (im->fd >= 0) close(im->fd);
  for (int k = 0; k < SP_MAX_ORDER_KEYS; k++) sp_free(im->keys[k]);
  if (im->ranks.rank) sp_free(im->source);
  sp_order_clear(&im->order);
  sp_free(im->inexact);
  sp_free(im->part_path);
  sp_lock_release(im->lock);
  sp_free(im->layout);
}

sp_status sp_import(MPI_Comm comm, const sp_import_options *options) {
  sp_importer im = {.options = options, .fd = -1};
  im.ranks = sp_ranks_of(comm);
  sp_stop_install();
  const sp_status status = run(&im);
  const double seconds = sp_meter_end(&im.meter, false);
  if (status == SP_SUCCESS) {
    if (im.ranks.rank == 0 && !options->quiet) log_done(&im, seconds);
  } else {
    sp_import_close(&im);
    sp_ranks_agree(&im.ranks, status); /* all have closed it */
    if (im.ranks.rank == 0) sp_part_discard(im.part_path);
    if (im.ranks.rank == 0 && status == SP_STOPPED) sp_warn("%s: stopped; nothing was kept", options->output);
  }
  clear(&im);
  return status;
}
