/* SPDX-License-Identifier: BSD-3-Clause */
/* The plan of a volume job: its cubes, how many ranks one takes, what that needs of memory; on rank 0, before anything
 * exists. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/header_column.h"
#include "seisproc/log.h"
#include "seisproc/machine.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "src/flow/volume/volume_flow.h"
#include "src/flow/volume/volume_gpus.h"

enum { SLAB_BYTES = 8 << 20, LEAST_ROWS = 16, MOST_ROWS = 4096 };

static const double SHARE_OF_MEMORY = 0.8, GB = 1e9;

/* --- columns ------------------------------------------------------------------------------------------------------ */

typedef struct columns {
  double *values[SP_MAX_PROCESSOR_HEADERS]; /* NULL: optional, and not there */
  const char *names[SP_MAX_PROCESSOR_HEADERS];
  size_t n;
} columns;

static void free_columns(columns *c) {
  for (size_t i = 0; i < c->n; i++) sp_free(c->values[i]);
}

static sp_status read_column(sp_survey *survey, const char *name, double **out) {
  char path[SP_NAME_LENGTH + 16];
  const int length = (int)strcspn(name, "?");
  snprintf(path, sizeof path, "/headers/%.*s", length, name);
  *out = NULL;
  if (sp_header_is_optional(name) && !sp_survey_has(survey, path)) return SP_SUCCESS;
  return sp_header_column_read_all(survey, path + strlen("/headers/"), out);
}

static sp_status read_columns(const sp_plan_request *request, columns *c) {
  const sp_chain_step *step = &request->job->chain[sp_volume_step(request->job)];
  c->n = sp_processor_headers(step->processor, step->params, c->names);
  for (size_t i = 0; i < c->n; i++) {
    SP_TRY(read_column((sp_survey *)(uintptr_t)request->survey, c->names[i], &c->values[i]));
  }
  return SP_SUCCESS;
}

static const sp_fkk_params *step_params(const sp_job *job) {
  return job->chain[sp_volume_step(job)].params;
}

/* --- cubes -------------------------------------------------------------------------------------------------------- */

static sp_grid_request grid_request(const sp_plan_request *request, const columns *c) {
  const sp_fkk_params *p = step_params(request->job);
  const sp_fkk_columns at = sp_fkk_column_places(p);
  return (sp_grid_request){.where = request->job->input,
                           .n_traces = sp_survey_get_info(request->survey)->n_traces,
                           .x_name = c->names[at.x],
                           .y_name = c->names[at.y],
                           .x = c->values[at.x],
                           .y = c->values[at.y],
                           .bins = p->cells == SP_FKK_BINS,
                           .easting = at.fits ? c->values[at.easting] : NULL,
                           .northing = at.fits ? c->values[at.northing] : NULL,
                           .dx = p->dx,
                           .dy = p->dy,
                           .azimuth = p->grid_azimuth,
                           .right_handed = p->handed == SP_FKK_RIGHT,
                           .origin = p->origin.n == 2 ? p->origin.value : NULL,
                           .n_cube_columns = at.n_cubes,
                           .cube_names = c->names + at.first_cube,
                           .cube_columns = (const double *const *)(c->values + at.first_cube),
                           .mean = p->duplicates == SP_FKK_MEAN};
}

/* Times count from a trace's first sample: within a cube all begin alike. */
static sp_status check_delays(const sp_grid_request *r, const sp_trace_grid *grid, const double *delay) {
  for (uint32_t k = 0; delay && k < grid->n_cubes; k++) {
    const sp_cube *c = &grid->cubes[k];
    const uint64_t *trace = grid->trace + c->first;
    for (uint32_t i = 1; i < c->n_traces; i++) {
      if (delay[trace[i]] == delay[trace[0]]) continue;
      return SP_RAISE(
          SP_ERR_INPUT, "%s: within a cube all traces begin at one time: trace %llu has delrt %g, trace %llu has %g",
          r->where, (unsigned long long)trace[0], delay[trace[0]], (unsigned long long)trace[i], delay[trace[i]]);
    }
  }
  return SP_SUCCESS;
}

static bool is_consecutive(const sp_trace_grid *grid, const sp_cube *c) {
  const uint64_t *trace = grid->trace + c->first;
  return trace[c->n_traces - 1] - trace[0] == c->n_traces - 1;
}

/* Lays out what all ranks share. */
static sp_status share_grid(const sp_plan_request *request, const sp_trace_grid *grid, sp_flow_plan *plan) {
  bool consecutive = true;
  for (uint32_t k = 0; k < grid->n_cubes; k++) consecutive = consecutive && is_consecutive(grid, &grid->cubes[k]);
  const uint64_t most_starts = request->index->n_gathers + grid->n_cubes;
  const size_t cells_at = sp_aligned(sizeof(sp_volume_shared) + grid->n_cubes * sizeof(sp_volume_cube));
  const size_t traces_at = sp_aligned(cells_at + grid->n_traces * sizeof *grid->cell);
  const size_t gathers_at = sp_aligned(consecutive ? traces_at : traces_at + grid->n_traces * sizeof *grid->trace);
  sp_volume_chain chain;
  uint32_t *starts = NULL;
  uint64_t n_starts = 0;
  void *block;
  SP_TRY(sp_volume_chain_look(request, &chain));
  plan->shared_bytes = gathers_at + (chain.whole ? most_starts * sizeof *starts : 0);
  SP_TRY(sp_calloc(plan->shared_bytes, 1, "the cubes of a survey", &block));
  sp_volume_shared *s = plan->shared = block;
  *s = (sp_volume_shared){.n_cubes = grid->n_cubes,
                          .n_traces = grid->n_traces,
                          .cells_at = cells_at,
                          .traces_at = consecutive ? 0 : traces_at,
                          .gathers_at = chain.whole ? gathers_at : 0,
                          .step = sp_volume_step(request->job),
                          .max_gather = chain.whole ? request->index->max_traces : 1};
  sp_volume_cube *cubes = (sp_volume_cube *)(s + 1);
  for (uint32_t k = 0; k < grid->n_cubes; k++) {
    cubes[k] = (sp_volume_cube){.grid = grid->cubes[k],
                                .consecutive = is_consecutive(grid, &grid->cubes[k]),
                                .first_trace = grid->trace[grid->cubes[k].first]};
  }
  memcpy((char *)s + cells_at, grid->cell, grid->n_traces * sizeof *grid->cell);
  if (!consecutive) memcpy((char *)s + traces_at, grid->trace, grid->n_traces * sizeof *grid->trace);
  const sp_status status = sp_volume_list_gathers(request, &chain, grid, cubes, &starts, &n_starts);
  if (status == SP_SUCCESS && starts) memcpy((char *)s + gathers_at, starts, n_starts * sizeof *starts);
  sp_free(starts);
  return status;
}

static sp_status find_cubes(const sp_plan_request *request, sp_flow_plan *plan) {
  columns c = {0};
  sp_trace_grid *grid = NULL;
  sp_status status = read_columns(request, &c);
  const sp_grid_request r = grid_request(request, &c);
  if (status == SP_SUCCESS) status = sp_trace_grid_create(&r, &grid);
  if (status == SP_SUCCESS) {
    status = check_delays(&r, grid, c.values[sp_fkk_column_places(step_params(request->job)).delay]);
  }
  if (status == SP_SUCCESS && request->note) status = sp_volume_warn_of_cubes(request, &r, grid);
  free_columns(&c);
  if (status == SP_SUCCESS) status = share_grid(request, grid, plan);
  sp_trace_grid_destroy(grid);
  return status;
}

/* --- ranks and memory --------------------------------------------------------------------------------------------- */

/* What a rank needs for the largest cube, in a group of `size`. */
typedef struct need {
  uint64_t spectra, work, kept;
} need;

static need need_of(const sp_flow_plan *plan, int size, int n_threads) {
  need most = {0};
  const sp_volume_shared *s = sp_volume_shared_of(plan);
  for (uint64_t k = 0; k < s->n_cubes; k++) {
    const sp_volume_cube *cube = sp_volume_cube_at(plan, k);
    sp_fk_filter filter;
    sp_volume_filter(plan, cube, &filter);
    const uint64_t holes = filter.fill ? (uint64_t)cube->grid.nx * cube->grid.ny - cube->grid.n_cells : 0;
    const sp_cube_memory m =
        sp_cube_memory_of(&filter, cube->grid.n_traces + holes, cube->grid.nx, cube->grid.ny, size, n_threads);
    const need found = {.spectra = m.spectra,
                        .work = m.chunk + m.planes + m.samples,
                        .kept = sp_share_blocks(cube->grid.n_traces, size, 0).count * plan->shape.n_samples *
                                sizeof(float)};
    if (found.spectra + found.work > most.spectra + most.work) most = found;
  }
  return most;
}

/* Buffers of a slab: what is read and removed; each side's result and what its steps hand on; gathers at both ends. */
static double slab_count(const sp_flow_plan *plan) {
  const sp_volume_shared *s = sp_volume_shared_of(plan);
  const int sides = (s->step > 0) + (s->step + 1 < plan->job->n_steps);
  return 3 + 2 * sides + (s->gathers_at ? 2 : 0);
}

/* Spectra in the scratch folder: the rest has to fit into memory, and a node's files into the folder. */
static sp_status check_scratch(const sp_plan_request *request, const char *folder, const need *n, double slabs,
                               double a_worker) {
  char inside[512];
  const int n_nodes = request->n_nodes > 0 ? request->n_nodes : 1, on_node = (request->n_workers - 1) / n_nodes + 1;
  const double files = (double)n->spectra * on_node, rest = (double)n->work + slabs;
  if (rest > a_worker) {
    return SP_RAISE(SP_ERR_USAGE,
                    "%s: beside its spectra the largest cube needs %.2f GB of memory a worker, each has %.2f: fewer "
                    "workers a node, or fewer threads",
                    request->job->input, rest / GB, a_worker / GB);
  }
  if (access(folder, W_OK | X_OK)) {
    return SP_RAISE(SP_ERR_USAGE, "scratch: %s cannot be used: %s", folder, strerror(errno));
  }
  snprintf(inside, sizeof inside, "%s/spectra", folder);
  const double room = sp_part_room(inside);
  if (files <= room) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_IO, "scratch: %s: a node's spectra of the largest cube take %.2f GB, %.2f GB are free there",
                  folder, files / GB, room / GB);
}

static sp_status choose_ranks(const sp_plan_request *request, double memory, sp_flow_plan *plan) {
  sp_volume_shared *s = plan->shared;
  const int n_workers = request->n_workers, threads = request->job->settings.threads;
  const int n_threads = threads > 0 ? threads : 8;
  const double a_worker = memory * SHARE_OF_MEMORY / n_workers;
  const double slabs = slab_count(plan) * s->slab_rows * plan->shape.n_samples * sizeof(float);
  const bool known = memory > 0, scratch = *sp_volume_params(plan)->scratch.text != '\0';
  int size = 1;
  need n = need_of(plan, size, n_threads);
  while (known && (double)(n.spectra + n.work) + slabs > a_worker && size < n_workers)
    n = need_of(plan, ++size, n_threads);
  const bool fits = !known || (double)(n.spectra + n.work) + slabs <= a_worker;
  if (!fits && !scratch) {
    return SP_RAISE(SP_ERR_USAGE,
                    "%s: the largest cube needs %.2f GB of memory in all, %d workers have %.2f: more ranks or nodes, a "
                    "narrower f, or a scratch folder with %.2f GB of room",
                    request->job->input, size * (double)(n.spectra + n.work) / GB, n_workers,
                    memory * SHARE_OF_MEMORY / GB, size * (double)n.spectra / GB);
  }
  s->spills = !fits;
  if (s->spills) {
    size = n_workers;
    n = need_of(plan, size, n_threads);
    SP_TRY(check_scratch(request, sp_volume_params(plan)->scratch.text, &n, slabs, a_worker));
  }
  const int share = (int)((uint64_t)n_workers / (s->n_cubes ? s->n_cubes : 1));
  if (size < share) size = share;
  n = need_of(plan, size, n_threads);
  const double spectra = s->spills ? 0 : (double)n.spectra;
  s->keeps_input = !known || spectra + (double)(n.work + n.kept) + slabs <= a_worker;
  plan->shape.team = size;
  s->on_gpu_bytes = sp_volume_gpus_are_expected(plan) ? n.spectra + n.work : 0;
  const double filter = s->on_gpu_bytes ? 0 : spectra + (double)n.work;
  plan->shape.input_bytes = (uint64_t)(filter + slabs) + (s->keeps_input ? n.kept : 0);
  return SP_SUCCESS;
}

static void size_up(const sp_plan_request *request, sp_flow_plan *plan) {
  const sp_job *job = request->job;
  const sp_survey_info *info = sp_survey_get_info(request->survey);
  const uint64_t row = (uint64_t)info->n_samples * sizeof(float);
  const bool both = job->settings.mode == SP_MODE_BOTH;
  sp_volume_shared *s = plan->shared;
  uint64_t rows = SLAB_BYTES / row, most = 1;
  rows = rows < LEAST_ROWS ? LEAST_ROWS : rows > MOST_ROWS ? MOST_ROWS : rows;
  s->slab_rows = rows < s->max_gather ? s->max_gather : (uint32_t)rows;
  for (uint64_t k = 0; k < s->n_cubes; k++) {
    const uint64_t n = sp_volume_cube_at(plan, k)->grid.n_traces;
    most = n > most ? n : most;
  }
  sp_flow_shape *shape = &plan->shape;
  *shape = (sp_flow_shape){.unit = "cube",
                           .n_units = s->n_cubes,
                           .n_traces = info->n_traces,
                           .n_samples = info->n_samples,
                           .sample_interval_s = 1e-6 * info->sample_interval_us,
                           .n_phases = 1,
                           .task_traces = (uint32_t)most,
                           .task_units = 1,
                           .payload_bytes = 1,
                           .total_work = info->n_traces,
                           .work_bytes = (double)row * (both ? 3 : 2)};
  shape->window = (sp_window_shape){.n_slots = job->settings.slots,
                                    .n_planes = both ? 4 : 3,
                                    .max_rows = s->slab_rows,
                                    .max_boxes = s->slab_rows,
                                    .max_units = 1,
                                    .figure_bytes = sizeof(sp_volume_result)};
  const char *const paths[] = {"/traces", "/noise", SP_TRACE_CRC_PATH, SP_TRACE_STATUS_PATH};
  const uint64_t bytes[] = {row, row, both ? 8 : 4, 1};
  for (int i = 0, p = 0; i < 4; i++) {
    if (i == 1 && !both) continue;
    snprintf(shape->plane[p], sizeof shape->plane[p], "%s", paths[i]);
    shape->window.row_bytes[p++] = bytes[i];
  }
}

/* --- what the filter will do -------------------------------------------------------------------------------------- */

static void warn_of_filter(const sp_flow_plan *plan) {
  const sp_cube *first = &sp_volume_cube_at(plan, 0)->grid;
  sp_fk_filter filter;
  sp_volume_filter(plan, sp_volume_cube_at(plan, 0), &filter);
  const double removed = sp_fk_mean_removed(&filter, first->nx, first->ny, first->dx, first->dy);
  if (!sp_fk_is_all_or_nothing(removed)) return;
  sp_warn("fkk: removes %.3g %% of the bins of the first cube: %s", 100 * removed,
          removed < 0.5 ? "next to nothing" : "next to everything");
}

void sp_volume_explain(const sp_flow_plan *plan, FILE *out) {
  const sp_volume_shared *s = sp_volume_shared_of(plan);
  if (s->n_cubes == 0) return;
  const sp_volume_cube *first = sp_volume_cube_at(plan, 0);
  const sp_fkk_params *p = sp_volume_params(plan);
  const sp_cube *c = &first->grid;
  sp_fk_filter f;
  sp_fk_axis x, y;
  sp_volume_filter(plan, first, &f);
  sp_fk_axis_set(&f, c->nx, &x);
  sp_fk_axis_set(&f, c->ny, &y);
  fprintf(out,
          "cubes      %llu; the first has %u x %u cells of %.4g by %.4g, %.1f %% of them with a trace; x points to "
          "%.4g degrees, y to %.4g\n",
          (unsigned long long)s->n_cubes, c->nx, c->ny, c->dx, c->dy, 100.0 * c->n_cells / ((double)c->nx * c->ny),
          fmod(c->azimuth_x + 360, 360), fmod(c->azimuth_y + 360, 360));
  fprintf(out, "           padded to %u x %u, %u of %u frequencies; %d workers a cube, %s\n", x.padded, y.padded,
          f.n_bins, f.padded / 2 + 1, plan->shape.team,
          s->spills ? "spectra in the scratch folder" : "spectra in memory");
  if (s->on_gpu_bytes) {
    fprintf(
        out,
        "           %.0f MB of spectra and planes lie on a worker's GPU; where one has no room the CPU takes as much\n",
        1e-6 * (double)s->on_gpu_bytes);
  }
  sp_volume_explain_chain(plan, out);
  const double step = c->nx > 1 && c->ny > 1 ? fmax(c->dx, c->dy) : c->nx > 1 ? c->dx : c->dy;
  const double length = fmax((c->nx - 1) * c->dx, (c->ny - 1) * c->dy), nyquist = 0.5 / f.dt;
  fprintf(out, "figures    none: a cube has traces of many gathers; `seisproc qc` measures every 50th gather\n");
  fprintf(out, "filter     aliased in space above");
  if (p->common.vmin > 0) fprintf(out, " %.4g Hz at %g", p->common.vmin / (2 * step), p->common.vmin);
  if (isfinite(p->common.vmax)) fprintf(out, " %.4g Hz at %g", p->common.vmax / (2 * step), p->common.vmax);
  fprintf(out, "; slowness is resolved to 1 / (f %.4g): at 10 Hz %.3g s/km\n", length, 1e3 / (10 * length));
  if (isfinite(p->common.vmax) && 1 / (10 * length) > 0.2 / p->common.vmax && nyquist > 10) {
    fprintf(out, "           which is coarse beside 1 / vmax, %.3g s/km: slow waves will be left at low frequencies\n",
            1e3 / p->common.vmax);
  }
}

sp_status sp_volume_plan(const sp_plan_request *request, sp_flow_plan *plan) {
  const sp_job *job = request->job;
  sp_machine machine;
  SP_TRY(sp_volume_chain_check(job));
  if (job->n_sort)
    return SP_RAISE(SP_ERR_USAGE, "%s: fkk keeps the order of the traces: sort is not allowed", job->input);
  if (job->settings.qc == SP_QC_TRACE)
    return SP_RAISE(SP_ERR_USAGE,
                    "%s: qc: trace: fkk takes no figures, since a cube has traces of many gathers; `seisproc qc` "
                    "measures gathers of the output",
                    job->input);
  SP_TRY(sp_flow_check_chain(request));
  SP_TRY(find_cubes(request, plan));
  size_up(request, plan);
  sp_machine_look(&machine);
  SP_TRY(choose_ranks(request, (double)machine.memory * (request->n_nodes > 1 ? request->n_nodes : 1), plan));
  if (sp_volume_shared_of(plan)->n_cubes > 0 && request->note) warn_of_filter(plan);
  return SP_SUCCESS;
}
