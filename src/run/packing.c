/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/run/packing.h"

#include "seisproc/log.h"
#include "seisproc/stop.h"
#include "src/base/fault.h"
#include "src/run/deadline.h"
#include "src/run/resume.h"

typedef struct limit {
  sp_deadline deadline;
  bool is_first; /* rank 0 keeps to the job's time */
} limit;

static bool is_lossy(const sp_job *job) {
  return job->settings.pack == SP_JOB_PACK_ZFP;
}

const char *sp_packing_codec(const sp_job *job) {
  const char *codec = sp_pack_options_of(job).codec;
  return codec ? codec : "none";
}

bool sp_packing_is_asked(const sp_job *job) {
  return job->settings.pack != SP_JOB_PACK_NONE;
}

sp_status sp_packing_check(const sp_job *job) {
  const sp_pack_options options = sp_pack_options_of(job);
  return sp_packing_is_asked(job) ? sp_pack_check(&options) : SP_SUCCESS;
}

sp_status sp_packing_adopt(const sp_run_context *run, sp_chunk_places *places) {
  const sp_flow_shape *shape = &run->plan.shape;
  const sp_pack_options options = sp_pack_options_of(run->job);
  const char *paths[SP_MAX_PLANES] = {NULL};
  const sp_chunk *chunks;
  if (!places) return SP_SUCCESS;
  for (int p = 0; p < shape->window.n_planes; p++) paths[p] = shape->plane[p];
  const size_t n = sp_chunk_places_find(places, 0, shape->n_traces, &chunks);
  return sp_pack_adopt(&options, run->part_path, paths, chunks, n);
}

static bool stops(void *limit_) {
  limit *l = limit_;
  return SP_FAULT_IS_DUE("pack_stop") || sp_stop_signal() || (l->is_first && sp_deadline_is_near(&l->deadline));
}

sp_status sp_packing_run(sp_run_context *run) {
  const bool first = run->roles->world.rank == 0;
  limit l = {.is_first = first};
  sp_deadline_start(&l.deadline, run->job->settings.max_time);
  sp_pack_options options = sp_pack_options_of(run->job);
  options.input = run->plain_path;
  options.adopts = sp_window_packs(&run->plan.shape.window);
  options.quiet = run->options->quiet;
  options.activity = &run->activity;
  options.stops = stops;
  options.context = &l;
  options.result = &run->packed;
  sp_activity_set(&run->activity, "packs the output");
  const sp_status status = sp_pack(run->roles->world.comm, &options);
  if (status == SP_STOPPED && first) sp_info("stopped as the output was packed; the same command goes on");
  if (status != SP_SUCCESS || !first) return status;
  SP_FAULT_POINT("packed");
  return sp_resume_remove(run->plain_path);
}

void sp_packing_report(sp_json *json, const sp_run_context *run) {
  const sp_job *job = run->job;
  const sp_pack_result *r = &run->packed;
  if (!sp_packing_is_asked(job) || !(r->packed_bytes > 0)) return;
  const bool lossy = is_lossy(job);
  sp_json_open(json, "packing", '{');
  sp_json_text(json, "codec", sp_packing_codec(job));
  if (lossy) sp_json_real(json, "error_bound", job->settings.pack_error_bound);
  if (lossy) sp_json_real(json, "largest_error", r->largest_error);
  if (lossy) sp_json_count(json, "lossy_chunks", r->lossy);
  if (lossy) sp_json_count(json, "lossless_chunks", r->lossless);
  sp_json_real(json, "plain_bytes", r->plain_bytes);
  sp_json_real(json, "packed_bytes", r->packed_bytes);
  sp_json_real(json, "ratio", r->plain_bytes / r->packed_bytes);
  sp_json_count(json, "chunks", r->chunks);
  sp_json_count(json, "chunks_while_computing", r->adopted);
  sp_json_real(json, "seconds", r->seconds);
  sp_json_close(json, '}');
}
