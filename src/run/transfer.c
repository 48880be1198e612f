/* SPDX-License-Identifier: BSD-3-Clause */
/* Which transfers a job makes, and why. */
#include "src/run/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/dist.h"
#include "seisproc/file_system.h"
#include "seisproc/io_hints.h"
#include "seisproc/log.h"
#include "src/run/history.h"

/* Room of an aggregator's buffer, in slots of all I/O ranks: those in hand at a time lie near each other. */
enum { CYCLE_SLOTS = 4, CYCLE_MOST = 512 << 20 };

#define WHY(text, ...) snprintf((text), sizeof(text), __VA_ARGS__)

/* What stands in the way of collective transfers of either kind; "" for nothing. `hard`: it always will. */
static void find_obstacle(const sp_transfer_request *r, bool writes, char *text, size_t size, bool *hard) {
  sp_late_rank late;
  *hard = true;
  text[0] = '\0';
  if (!sp_comm_io_is_romio()) {
    snprintf(text, size, "MPI-IO is OMPIO, in which a collective transfer that fails hangs%s",
             getenv("OMPI_MCA_io") ? "; unset OMPI_MCA_io" : "");
  } else if (!writes && !r->plan->flow->read_nothing) {
    snprintf(text, size, "tasks of the %s flow are many pieces each", r->plan->flow->name);
  } else if (writes && r->plan->shape.window.max_boxes != 1) {
    snprintf(text, size, "results of the %s flow are many pieces each", r->plan->flow->name);
  } else if (writes && r->job->settings.samples != SP_SAMPLES_FLOAT32) {
    snprintf(text, size, "samples are stored in 16 bits");
  } else if (writes && sp_window_packs(&r->plan->shape.window)) {
    snprintf(text, size, "results are packed");
  } else if (!writes && !sp_survey_traces_are_native(r->input)) {
    snprintf(text, size, "/traces are packed, or of another type than float32");
  } else if (r->history_path && sp_history_find_late(r->history_path, writes, &late)) {
    *hard = false;
    snprintf(text, size, "in an earlier run rank %d on %s did not come to a collective %s", late.rank, late.host,
             writes ? "write" : "read");
    sp_warn("%s: each rank %s by itself from now on", text, writes ? "writes" : "reads");
  }
}

static sp_status refuse(const char *which, const char *why) {
  return SP_RAISE(SP_ERR_USAGE, "transfer.%s: collective cannot be had: %s", which, why);
}

static sp_status choose_reading(const sp_transfer_request *r, sp_transfer_choice *c) {
  const sp_job_settings *s = &r->job->settings;
  bool hard;
  c->of_all = s->group == SP_READ_GROUP_ALL;
  const int nodes = c->of_all || r->n_nodes < 1 ? 1 : r->n_nodes;
  if (s->read_transfer == SP_TRANSFER_INDEPENDENT) {
    WHY(c->read_why, "the job asks for it");
    return SP_SUCCESS;
  }
  find_obstacle(r, false, c->read_why, sizeof c->read_why, &hard);
  if (c->read_why[0]) {
    return hard && s->read_transfer == SP_TRANSFER_COLLECTIVE ? refuse("read", c->read_why) : SP_SUCCESS;
  }
  c->adapts = s->read_transfer == SP_TRANSFER_AUTO;
  c->reads_together = !c->adapts || r->n_workers > nodes;
  if (!c->reads_together) {
    WHY(c->read_why, "there is one worker a node");
  } else if (c->adapts) {
    WHY(c->read_why, "in groups of %s, as long as they wait for each other less than %.0f %% of the time",
        c->of_all ? "all workers" : "a node", 100 * SP_MOST_WAITING);
  } else {
    WHY(c->read_why, "in groups of %s, as the job asks", c->of_all ? "all workers" : "a node");
  }
  return SP_SUCCESS;
}

static sp_status choose_writing(const sp_transfer_request *r, sp_transfer_choice *c) {
  const sp_job_settings *s = &r->job->settings;
  const char *fs = sp_parallel_file_system(r->job->output);
  bool hard;
  if (s->write_transfer == SP_TRANSFER_INDEPENDENT) {
    WHY(c->write_why, "the job asks for it");
    return SP_SUCCESS;
  }
  if (s->write_transfer == SP_TRANSFER_AUTO && !fs) {
    WHY(c->write_why, "the output's file system is none that is known as parallel");
    return SP_SUCCESS;
  }
  if (s->write_transfer == SP_TRANSFER_AUTO && r->n_io < 2) {
    WHY(c->write_why, "there is one I/O rank");
    return SP_SUCCESS;
  }
  find_obstacle(r, true, c->write_why, sizeof c->write_why, &hard);
  if (c->write_why[0]) {
    return hard && s->write_transfer == SP_TRANSFER_COLLECTIVE ? refuse("write", c->write_why) : SP_SUCCESS;
  }
  c->writes_together = true;
  if (s->write_transfer == SP_TRANSFER_AUTO) {
    WHY(c->write_why, "the output lies on %s", fs);
  } else {
    WHY(c->write_why, "as the job asks");
  }
  return SP_SUCCESS;
}

sp_status sp_transfer_choose(const sp_transfer_request *request, sp_transfer_choice *out) {
  *out = (sp_transfer_choice){0};
  SP_TRY(sp_io_hints_check(request->job->settings.mpi_hints.text));
  SP_TRY(choose_reading(request, out));
  SP_TRY(choose_writing(request, out));
  out->stripe = sp_transfer_stripe(request->job, request->job->output);
  const char *asked = request->job->settings.mpi_hints.text;
  sp_io_hints hints = {.more = asked};
  if (out->writes_together) hints = sp_transfer_write_hints(request->job, &request->plan->shape, request->n_io);
  /* I/O ranks that do not write together write past MPI-IO */
  if (out->writes_together || (out->reads_together && asked[0])) {
    sp_io_hints_text(&hints, out->hints, sizeof out->hints);
  }
  return SP_SUCCESS;
}

sp_stripe sp_transfer_stripe(const sp_job *job, const char *output) {
  const int count = job->settings.stripe_count, mb = job->settings.stripe_unit;
  const char *fs = sp_parallel_file_system(output);
  if (!fs || strcmp(fs, SP_LUSTRE) != 0) return (sp_stripe){0};
  return (sp_stripe){.count = count == SP_PARAM_AUTO ? -1 : count,
                     .bytes = (uint64_t)(mb == SP_PARAM_AUTO ? SP_STRIPE_MB : mb) << 20};
}

void sp_transfer_json(sp_json *json, const sp_transfer_choice *choice) {
  sp_json_text(json, "hints", choice->hints[0] ? choice->hints : NULL);
  if (choice->stripe.bytes == 0) {
    sp_json_text(json, "stripe", NULL);
    return;
  }
  sp_json_open(json, "stripe", '{');
  sp_json_int(json, "count", choice->stripe.count);
  sp_json_count(json, "bytes", choice->stripe.bytes);
  sp_json_close(json, '}');
}

sp_io_hints sp_transfer_write_hints(const sp_job *job, const sp_flow_shape *shape, int n_io) {
  const sp_job_settings *s = &job->settings;
  sp_io_hints hints = {.more = s->mpi_hints.text, .aggregators = s->aggregators < n_io ? s->aggregators : n_io};
  if (hints.aggregators == 0) return hints;
  const uint64_t unit = (uint64_t)(s->stripe_unit == SP_PARAM_AUTO ? SP_STRIPE_MB : s->stripe_unit) << 20;
  uint64_t slot = 0;
  for (int p = 0; p < shape->window.n_planes; p++) {
    const uint64_t bytes = shape->window.max_rows * shape->window.row_bytes[p];
    if (bytes > slot) slot = bytes;
  }
  uint64_t bytes = slot * CYCLE_SLOTS * (uint64_t)n_io / (uint64_t)hints.aggregators;
  if (bytes > CYCLE_MOST) bytes = slot > CYCLE_MOST ? slot : CYCLE_MOST;
  hints.cycle_bytes = (bytes + unit - 1) / unit * unit;
  return hints;
}
