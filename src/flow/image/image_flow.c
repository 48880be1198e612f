/* SPDX-License-Identifier: BSD-3-Clause */
/* The image flow as rank 0 sees it: planning, phases, dealing. */
#include "src/flow/image/image_flow.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/flow/image/image_state.h"
#include "src/flow/left_work.h"

enum { TILE_MB = 2000, SLOT_BYTES = 8 << 20, TASKS_A_WORKER = 4, SNAPSHOT_SPACING = 100 };
/* Young's rule: snapshots every sqrt(2 x time to write one x mean time between failures), for a disk of 500 MB/s; where
 * it turns out slower they take no more than a hundredth of the time. */
static const double least_snapshot_s = 60, between_failures_s = 24 * 3600.0, write_rate = 500e6;

/* --- planning ----------------------------------------------------------------------------------------------------- */

sp_status sp_image_model(const sp_pstm_params *p, const sp_pstm_grid *grid, const sp_line_numbers *numbers,
                         sp_velocity_model **out) {
  const sp_velocity_range range = sp_velocity_range_of(p->allow_velocities), any = {-0.5, 2, false};
  sp_velocity_table velocity = {0}, eta = {0};
  sp_status status = *p->velocity.path ? sp_image_velocity(p->velocity.path, &range, &velocity)
                                       : sp_velocity_number("velocity", p->velocity.number, &range, &velocity);
  if (status == SP_SUCCESS && p->rays == SP_RAYS_VTI) {
    status = *p->eta.path ? sp_image_velocity(p->eta.path, &any, &eta)
                          : sp_velocity_number("eta", p->eta.number, &any, &eta);
  }
  if (status == SP_SUCCESS) {
    status = sp_velocity_model_create(grid, numbers, &velocity, &eta, (sp_velocity_kind)p->kind, (sp_rays)p->rays, out);
  }
  sp_velocity_table_free(&velocity);
  sp_velocity_table_free(&eta);
  return status;
}

static void set_config(const sp_pstm_params *p, const sp_survey_info *info, sp_image_shared *s) {
  sp_pstm_config *c = &s->config;
  c->n_samples = info->n_samples;
  c->interval_s = 1e-6 * info->sample_interval_us;
  c->oversample = 1u << p->oversample;
  c->derivative = true;
  c->weights = (sp_pstm_weights)p->weights;
  c->antialias = p->antialias;
  c->spacing[0] = p->spacing.n ? p->spacing.value[0] : c->grid.step[0];
  c->spacing[1] = p->spacing.n > 1 ? p->spacing.value[1] : p->spacing.n ? p->spacing.value[0] : c->grid.step[1];
  c->aperture = p->aperture;
  c->aperture_taper = p->aperture_taper;
  c->max_dip = p->max_dip;
  c->dip_taper = p->dip_taper;
  c->stretch = p->stretch;
  s->by_tau = isnan(p->aperture);
  s->hits = p->hits;
  s->stack = p->stack;
  s->peak = p->peak;
}

/* The reach of the aperture where it follows from tau, for what need not be read at all. */
static sp_status look_at_model(const sp_pstm_params *p, sp_image_shared *s) {
  const uint32_t n = s->config.grid.n_tau;
  sp_velocity_model *model = NULL;
  float *least = NULL, *most = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_image_model(p, &s->config.grid, &s->numbers, &model));
  SP_TRY_GOTO(out, sp_alloc(n * sizeof(float), "velocities", &least));
  SP_TRY_GOTO(out, sp_alloc(n * sizeof(float), "velocities", &most));
  sp_velocity_model_range(model, least, most);
  s->least_velocity = INFINITY;
  for (uint32_t i = 0; i < n; i++) s->least_velocity = fminf(s->least_velocity, least[i]);
  s->model_crc = sp_velocity_model_crc(model);
  if (s->by_tau) {
    s->config.aperture = 0;
    for (uint32_t i = 0; i < n; i++) {
      const double tau = s->config.grid.tau_0 + i * s->config.grid.d_tau;
      s->config.aperture = fmax(s->config.aperture, (double)most[i] * tau * tan(p->max_dip * M_PI / 180) / 2);
    }
  }
out:
  sp_free(least);
  sp_free(most);
  sp_velocity_model_destroy(model);
  return status;
}

/* As few tiles as a worker's memory allows: rows of the image first, then parts of a row. What units there are must not
 * depend on the machine or its ranks: others may go on with the job. */
static sp_status cut_tiles(const sp_pstm_params *p, sp_image_shared *s) {
  const sp_pstm_grid *grid = &s->config.grid;
  const double column = grid->n_tau * (double)(sizeof(int64_t) + sizeof(uint32_t) + 3 * sizeof(float));
  const double room = 1e6 * (p->tile_mb == SP_PARAM_AUTO ? TILE_MB : p->tile_mb);
  if (column > room) {
    return SP_RAISE(SP_ERR_USAGE, "tile_mb: one column of the image takes %.1f MB, there are %.1f MB", 1e-6 * column,
                    1e-6 * room);
  }
  const double columns = floor(room / column);
  s->tile_n[0] = columns < grid->n[0] ? (uint32_t)columns : grid->n[0];
  const double rows = columns / s->tile_n[0];
  s->tile_n[1] = s->tile_n[0] < grid->n[0] ? 1 : rows < grid->n[1] ? (uint32_t)rows : grid->n[1];
  s->tiles_x = (grid->n[0] + s->tile_n[0] - 1) / s->tile_n[0];
  s->n_tiles = s->tiles_x * ((grid->n[1] + s->tile_n[1] - 1) / s->tile_n[1]);
  return SP_SUCCESS;
}

static void size_up(const sp_plan_request *request, const sp_image_shared *s, sp_flow_shape *shape) {
  const uint32_t n_tau = s->config.grid.n_tau;
  const uint64_t row = (uint64_t)n_tau * sizeof(float), trace = (uint64_t)s->config.n_samples * sizeof(float);
  *shape =
      (sp_flow_shape){.unit = "unit",
                      .n_units = sp_image_units(s),
                      .n_traces = sp_survey_get_info(request->survey)->n_traces,
                      .n_samples = s->config.n_samples,
                      .sample_interval_s = s->config.interval_s,
                      .n_phases = sp_image_phases(s),
                      .team = 1,
                      .task_traces = SP_IMAGE_TASK_BATCHES * SP_PSTM_BATCH,
                      .task_units = s->task_points > SP_IMAGE_TASK_BATCHES ? s->task_points : SP_IMAGE_TASK_BATCHES,
                      .payload_bytes = SP_IMAGE_TASK_BATCHES * SP_PSTM_BATCH * sizeof(sp_image_trace),
                      .input_bytes = 2 * SP_IMAGE_TASK_BATCHES * SP_PSTM_BATCH * trace,
                      .work_bytes = (double)trace,
                      .plane = {"/traces", "/hits"}};
  shape->window = (sp_window_shape){.n_slots = request->job->settings.slots,
                                    .n_planes = s->hits ? 2 : 1,
                                    .row_bytes = {row, row},
                                    .max_rows = s->task_points * s->n_classes,
                                    .max_boxes = 1,
                                    .max_units = shape->task_units,
                                    .figure_bytes = sizeof(sp_gather_result)};
}

static sp_status check_job(const sp_job *job) {
  const struct {
    bool wrong;
    const char *what;
  } cases[] = {
      {job->n_steps != 1, "chain: pstm makes an image and stands alone in its chain"},
      {job->n_sort != 0, "sort: an image has no traces of the input to sort"},
      {job->settings.mode != SP_MODE_PROCESSED, "mode: an image job has no noise to keep"},
      {job->settings.qc == SP_QC_TRACE, "qc: trace: an image has no figures of traces; allowed are none and gather"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (cases[i].wrong) return SP_RAISE(SP_ERR_USAGE, "%s", cases[i].what);
  }
  return SP_SUCCESS;
}

/* Whether a trace reaches the image, in space and time; none: it will be zero. */
static void look_at_reach(const sp_plan_request *request, const sp_image_own *own, sp_image_shared *s) {
  const sp_pstm_tile all = {{0, 0}, {s->config.grid.n[0], s->config.grid.n[1]}};
  uint64_t n = 0;
  for (uint32_t k = 0; k < s->n_classes; k++) n += s->classes[k].n_traces;
  for (uint64_t i = 0; i < n && !s->reached; i++) {
    const sp_pstm_trace *t = &own->traces[i].position;
    s->reached = sp_pstm_distance(&s->config, &all, t) <= s->config.aperture &&
                 t->start_s + s->config.n_samples * s->config.interval_s > s->config.grid.tau_0;
  }
  if (!request->note) return; /* said already */
  char text[128];
  snprintf(text, sizeof text, "pstm: %llu traces are of no class, or have no coordinates",
           (unsigned long long)own->n_absent);
  if (own->n_absent) request->note(text);
  if (!s->reached) request->note("pstm: no trace reaches the image: it will be zero");
}

static sp_status check_peak(const sp_plan_request *request, const sp_image_shared *s) {
  char text[SP_IMAGE_DIGITS_TEXT];
  const sp_status status = sp_image_check_digits(s, s->peak, NULL, text, sizeof text);
  if (status != SP_SUCCESS) return SP_RAISE(status, "%s", text);
  if (*text && request->note) request->note(text);
  return SP_SUCCESS;
}

static sp_status fill_plan(const sp_plan_request *request, sp_image_shared *s, sp_image_own *own) {
  const sp_pstm_params *p = sp_image_params(request->job);
  s->normalize = p->normalize;
  if (p->stack) SP_TRY(sp_image_stack_check(request->job->output));
  SP_TRY(sp_image_survey(request, p, s, own));
  set_config(p, sp_survey_get_info(request->survey), s);
  SP_TRY(look_at_model(p, s));
  SP_TRY(cut_tiles(p, s));
  SP_TRY(sp_image_choose_groups(request, own, s));
  const uint64_t row = (uint64_t)s->config.grid.n_tau * sizeof(float) * s->n_classes;
  const uint64_t points = SLOT_BYTES / row,
                 share = sp_image_points(s) / (uint64_t)(TASKS_A_WORKER * request->n_workers);
  s->task_points = (uint32_t)(points < share ? points : share);
  if (s->task_points == 0) s->task_points = 1;
  look_at_reach(request, own, s);
  SP_TRY(sp_image_look_at_traces(request, own, s));
  return isnan(s->peak) ? SP_SUCCESS : check_peak(request, s);
}

static sp_status plan_image(const sp_plan_request *request, sp_flow_plan *plan) {
  SP_TRY(check_job(request->job));
  SP_TRY(sp_flow_check_chain(request));
  SP_TRY(sp_calloc(1, sizeof(sp_image_own), "the plan", &plan->own));
  SP_TRY(sp_calloc(1, sizeof(sp_image_shared), "the plan", &plan->shared));
  plan->shared_bytes = sizeof(sp_image_shared);
  sp_image_own *own = plan->own;
  own->snapshot = -1;
  own->n_teams = request->n_workers;
  SP_TRY(fill_plan(request, plan->shared, own));
  SP_TRY(sp_calloc(((const sp_image_shared *)plan->shared)->n_groups, sizeof *own->dealers, "the plan", &own->dealers));
  size_up(request, plan->shared, &plan->shape);
  const sp_image_shared *s = plan->shared;
  const sp_pstm_tile all = {{0, 0}, {s->tile_n[0], s->tile_n[1]}};
  SP_TRY(sp_pstm_check(&s->config, &all));
  plan->shape.total_work = (isnan(s->peak) ? 1 : 0) * s->n_batches * SP_PSTM_BATCH +
                           s->n_batches * s->n_tiles * SP_PSTM_BATCH + sp_image_points(s);
  return SP_SUCCESS;
}

static void forget_dealers(sp_image_own *own) {
  for (uint32_t i = 0; own->dealers && i < own->now.n_steps; i++) {
    sp_dealer_destroy(own->dealers[i]);
    own->dealers[i] = NULL;
  }
  sp_free(own->work_before);
  own->work_before = NULL;
}

static void destroy_plan(sp_flow_plan *plan) {
  sp_image_own *own = plan->own;
  forget_dealers(own);
  sp_free(own->dealers);
  sp_free(own->traces);
  sp_free(own);
}

/* --- units and tasks ---------------------------------------------------------------------------------------------- */

static void get_phase(const sp_flow_plan *plan, uint32_t phase, sp_phase *out) {
  const sp_image_shared *s = plan->shared;
  const sp_image_own *own = plan->own;
  const sp_image_phase p = sp_image_phase_at(s, phase);
  const bool complete = p.first_step + p.n_steps <= own->n_complete;
  const double asked = sp_image_params(plan->job)->snapshot;
  const double bytes = (double)s->tile_n[0] * s->tile_n[1] * s->config.grid.n_tau * 12.0 * p.n_steps;
  const double young = fmax(least_snapshot_s, sqrt(2 * bytes / write_rate * between_failures_s));
  static const char *const names[] = {"peak", "sum", "image"};
  *out = (sp_phase){.name = names[p.kind],
                    .first_unit = p.first_unit,
                    .n_units = p.n_units,
                    .sync_s = p.kind == SP_IMAGE_SUM ? (isnan(asked) ? young : asked) : INFINITY,
                    .sync_spacing = isnan(asked) ? SNAPSHOT_SPACING : 0,
                    .syncs = p.kind == SP_IMAGE_WRITE ? s->stack : !complete,
                    .always = p.kind == SP_IMAGE_WRITE ? s->stack : p.kind == SP_IMAGE_SUM && !complete};
  if (p.kind == SP_IMAGE_PEAK && p.n_units == 0) out->syncs = false;
}

/* The step that a unit belongs to. */
static sp_image_step step_of(const sp_image_shared *s, uint64_t unit) {
  uint32_t low = 0, high = sp_image_steps(s) - 1;
  while (low < high) {
    const uint32_t middle = (low + high + 1) / 2;
    if (sp_image_step_at(s, middle).first_unit <= unit)
      low = middle;
    else
      high = middle - 1;
  }
  return sp_image_step_at(s, low);
}

/* A batch counts as many traces as it may have: what of it reaches a tile is the same for all, nearly. */
static uint64_t work_of(const sp_flow_plan *plan, uint64_t unit) {
  return step_of(plan->shared, unit).kind == SP_IMAGE_WRITE ? 1 : SP_PSTM_BATCH;
}

static void describe(const sp_flow_plan *plan, uint64_t unit, char *text, size_t size) {
  const sp_image_step p = step_of(plan->shared, unit);
  const unsigned long long i = unit - p.first_unit;
  if (p.kind == SP_IMAGE_PEAK) snprintf(text, size, "batch %llu of the survey", i);
  if (p.kind == SP_IMAGE_SUM) snprintf(text, size, "batch %llu of class %u, tile %u", i, p.class_number, p.tile);
  if (p.kind == SP_IMAGE_WRITE) snprintf(text, size, "image point %llu", i);
}

/* A dealer a step, to the group that takes it; of a phase of one step to all. */
static sp_status make_dealer(const sp_image_own *own, const sp_image_shared *s, uint32_t i, const uint8_t *done,
                             sp_dealer **out) {
  const bool writes = own->now.kind == SP_IMAGE_WRITE;
  const uint64_t each = writes ? 1 : SP_PSTM_BATCH;
  const uint32_t most = writes ? s->task_points : SP_IMAGE_TASK_BATCHES;
  const sp_deal_config config = {.n_workers = own->now.n_steps > 1 ? (int)sp_image_group(s, own->n_teams, i).count
                                                                   : own->n_teams,
                                 .n_units = own->now.step_units,
                                 .max_work = most * each,
                                 .max_units = most,
                                 .min_work = each};
  const uint64_t first = own->now.first_unit + i * own->now.step_units;
  return sp_dealer_create(&config, own->work_before, done ? done + first : NULL, out);
}

static sp_status begin_phase(sp_flow_plan *plan, uint32_t phase, const uint8_t *done, int n_teams, void *payload,
                             uint32_t *payload_bytes) {
  sp_image_own *own = plan->own;
  const sp_image_shared *s = plan->shared;
  forget_dealers(own);
  own->now = sp_image_phase_at(s, phase);
  own->n_teams = n_teams;
  const uint64_t n = own->now.step_units, each = own->now.kind == SP_IMAGE_WRITE ? 1 : SP_PSTM_BATCH;
  SP_TRY(sp_alloc((n + 1) * sizeof(uint64_t), "the units of a phase", &own->work_before));
  for (uint64_t i = 0; i <= n; i++) own->work_before[i] = i * each;
  for (uint32_t i = 0; i < own->now.n_steps; i++) SP_TRY(make_dealer(own, s, i, done, &own->dealers[i]));
  const bool interrupted =
      own->n_complete >= own->now.first_step && own->n_complete < own->now.first_step + own->now.n_steps;
  const sp_image_begin begin = {.snapshot = interrupted ? own->snapshot : -1};
  memcpy(payload, &begin, sizeof begin);
  *payload_bytes = sizeof begin;
  return SP_SUCCESS;
}

static sp_unit_run deal(sp_flow_plan *plan, int team, const double *speed) {
  sp_image_own *own = plan->own;
  const sp_image_shared *s = plan->shared;
  const uint32_t group = own->now.n_steps > 1 ? sp_image_group_of(s, own->n_teams, team) : 0;
  const int first = own->now.n_steps > 1 ? (int)sp_image_group(s, own->n_teams, group).first : 0;
  sp_unit_run run = sp_dealer_next(own->dealers[group], team - first, speed ? speed + first : NULL);
  run.first += own->now.first_unit + group * own->now.step_units;
  return run;
}

/* Traces of consecutive batches; in the first phase of all classes. */
static void fill(const sp_flow_plan *plan, sp_task *task, void *payload) {
  const sp_image_own *own = plan->own;
  const sp_image_shared *s = plan->shared;
  const uint64_t unit = (task->first_unit - own->now.first_unit) % own->now.step_units;
  task->work = task->n_units * (own->now.kind == SP_IMAGE_WRITE ? 1 : SP_PSTM_BATCH);
  if (own->now.kind == SP_IMAGE_WRITE) return;
  sp_image_trace *out = payload;
  for (uint32_t b = 0; b < task->n_units; b++) {
    uint64_t batch = unit + b;
    uint32_t k = own->now.class_number;
    if (own->now.kind == SP_IMAGE_PEAK) {
      for (k = 0; batch >= s->classes[k].n_batches; k++) batch -= s->classes[k].n_batches;
    }
    const struct sp_image_class *c = &s->classes[k];
    for (uint64_t i = 0; i < SP_PSTM_BATCH; i++, out++) {
      const uint64_t at = batch * SP_PSTM_BATCH + i;
      *out = at < c->n_traces ? own->traces[c->first + at] : (sp_image_trace){0};
    }
  }
  task->n_traces = task->n_units * SP_PSTM_BATCH;
  task->payload_bytes = (uint32_t)((char *)out - (char *)payload);
}

/* The phase that a step is taken in. */
static sp_image_phase phase_with(const sp_image_shared *s, uint32_t step) {
  uint32_t phase = 0;
  while (sp_image_phase_at(s, phase).first_step + sp_image_phase_at(s, phase).n_steps <= step) phase++;
  return sp_image_phase_at(s, phase);
}

/* Batches of a snapshot, of those of its steps that are taken now. */
static sp_status restore_batches(const sp_image_shared *s, sp_image_state *state, const sp_image_head *head,
                                 uint8_t *done) {
  const sp_image_phase now = phase_with(s, head->n_complete);
  uint8_t *bits = NULL;
  SP_TRY(sp_calloc(head->n_units / 8 + 1, 1, "a snapshot's batches", &bits));
  sp_status status = sp_image_state_read_bits(state, head->snapshot, bits, head->n_units);
  for (uint32_t i = 0; status == SP_SUCCESS && i < head->n_steps; i++) {
    const uint32_t step = head->first_step + i;
    if (step < head->n_complete || step >= now.first_step + now.n_steps) continue;
    for (uint64_t u = 0; u < now.step_units; u++) {
      const uint64_t bit = i * now.step_units + u;
      done[sp_image_step_at(s, step).first_unit + u] = bits[bit / 8] >> (bit % 8) & 1;
    }
  }
  sp_free(bits);
  return status;
}

/* What the snapshot and the images hold counts, whatever the journal says; but where all is in the output, that does.
 */
static sp_status restore(sp_flow_plan *plan, const char *part_path, uint8_t *done, void *figures) {
  sp_image_own *own = plan->own;
  const sp_image_shared *s = plan->shared;
  const sp_image_step last = sp_image_step_at(s, sp_image_steps(s) - 1);
  uint64_t left = 0;
  for (uint64_t i = 0; i < last.n_units; i++) left += !done[last.first_unit + i];
  if (left == 0) {
    own->n_complete = sp_image_steps(s);
    memset(done, 1, plan->shape.n_units);
    return SP_SUCCESS;
  }
  sp_image_head head = {.snapshot = -1};
  sp_image_state *state = NULL;
  memset(done, 0, last.first_unit);
  if (!sp_image_state_exists(part_path)) return SP_SUCCESS;
  SP_TRY(sp_image_state_open(s, part_path, false, &state, &head));
  sp_status status = SP_SUCCESS;
  if (head.sequence && head.model_crc != s->model_crc) {
    status =
        SP_RAISE(SP_ERR_USAGE, "%s: the velocities have changed since it was begun; --restart starts over", part_path);
  }
  own->n_complete = head.n_complete;
  const sp_image_step now = sp_image_step_at(s, head.n_complete);
  if (status == SP_SUCCESS) memset(done, 1, now.first_unit);
  const bool fits = head.n_units == head.n_steps * now.n_units;
  if (status == SP_SUCCESS && head.snapshot >= 0 && fits && now.kind != SP_IMAGE_WRITE) {
    status = restore_batches(s, state, &head, done);
    own->snapshot = head.snapshot;
  }
  sp_image_state_close(state);
  return status;
}

/* Sums and images in memory have checksums of their own (image_state.h); gathers of the output are the last step's. */
static sp_status open_left(const sp_flow_plan *plan, const sp_left_work *left, sp_left_reader **out) {
  const sp_image_shared *s = plan->shared;
  return sp_left_gathers_open(plan, left, sp_image_step_at(s, sp_image_steps(s) - 1).first_unit, out);
}

const sp_flow sp_flow_image = {.name = "image",
                               .figures = &sp_gather_figures,
                               .plan = plan_image,
                               .destroy = destroy_plan,
                               .phase = get_phase,
                               .work = work_of,
                               .describe = describe,
                               .outputs = sp_image_outputs,
                               .open_left = open_left,
                               .restore = restore,
                               .begin_phase = begin_phase,
                               .deal = deal,
                               .fill = fill,
                               .publish = sp_image_publish,
                               .load = sp_image_load,
                               .write_headers = sp_image_write_headers,
                               .explain = sp_image_explain,
                               .open = sp_image_open,
                               .read = sp_image_read,
                               .submit = sp_image_submit,
                               .finish = sp_image_finish,
                               .begin = sp_image_begin_phase,
                               .sync = sp_image_sync,
                               .busy_s = sp_image_busy_s,
                               .close = sp_image_close};
