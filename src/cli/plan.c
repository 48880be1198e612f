/* SPDX-License-Identifier: BSD-3-Clause */
/* seisproc plan: what a job would do, without doing it. It says what src/run/plan.c, with which a run begins, works
 * out.
 */
#include <argp.h>
#include <math.h>
#include <string.h>

#include "seisproc/json.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/side_file.h"
#include "src/cli/command.h"
#include "src/cli/option.h"
#include "src/cli/plan_trial.h"
#include "src/cli/run_options.h"
#include "src/run/packing.h"

typedef struct arguments {
  sp_run_arguments run;
  bool json;
} arguments;

/* The tasks that would be dealt if all workers were as fast. */
typedef struct task_summary {
  uint64_t n, least, most; /* traces of the smallest and of the largest */
} task_summary;

static const double mb = 1e6, gb = 1e9;

static double traces_bytes(const sp_run_plan *p, sp_global n_traces) {
  return (double)n_traces * p->work.shape.n_samples * sizeof(float);
}

/* Bytes of samples that are written. */
static double output_bytes(const sp_run_plan *p) {
  const sp_flow_shape *s = &p->work.shape;
  return s->work_bytes * (double)s->total_work - traces_bytes(p, s->n_traces);
}

/* --- text ------------------------------------------------------------------------------------------------------ */

static void print_input(const sp_run_plan *p) {
  const sp_survey_info *info = sp_survey_get_info(p->survey);
  printf("input      %s: %llu gathers by %s, %llu traces of %u samples at %g ms, %.2f GB\n", p->job->input,
         (unsigned long long)info->n_gathers, info->gather_key, (unsigned long long)info->n_traces, info->n_samples,
         1e-3 * info->sample_interval_us, traces_bytes(p, info->n_traces) / gb);
  printf("           gathers of up to %u traces, %.1f on the mean\n", p->index->max_traces,
         info->n_gathers ? (double)info->n_traces / (double)info->n_gathers : 0.0);
}

static void print_job(const sp_run_plan *p) {
  const char *label = "job";
  for (const char *line = p->header.job; *line; label = "") {
    const int n = (int)strcspn(line, "\n");
    printf("%-10s %.*s\n", label, n, line);
    line += n + (line[n] == '\n');
  }
}

static void print_packing(const sp_run_plan *p) {
  if (!sp_packing_is_asked(p->job)) return;
  printf("           packed by %s %s: up to %.2f GB at once, %.0f MB of memory a rank at the end\n",
         sp_packing_codec(p->job),
         sp_window_packs(&p->work.shape.window) ? "as it comes" : "beside it, once it is complete",
         sp_run_plan_disk_factor(p) * output_bytes(p) / gb, (double)sp_run_plan_packing_bytes(p) / mb);
}

static void print_output(const sp_run_plan *p) {
  const double bytes = output_bytes(p), room = sp_part_room(p->job->output);
  printf("output     %s: %.2f GB of samples", p->job->output, bytes / gb);
  if (isfinite(room)) printf(", %.2f GB are free", room / gb);
  printf("\n");
  print_packing(p);
  if (p->start == SP_START_PACK) printf("           an earlier run has computed all of it, and it is to be packed\n");
  if (p->start == SP_START_COMPLETE) printf("           it is there already\n");
  if (p->start == SP_START_RESUME) {
    printf("           an earlier run was cut off: %llu of %llu %ss are done, the same command goes on\n",
           (unsigned long long)p->earlier.n_done, (unsigned long long)p->work.shape.n_units, p->work.shape.unit);
    if (p->compares_all) {
      printf("           %sall of them are compared with their checksums, and those that differ are computed again\n",
             p->damaged ? "some of them are not on the disk as they were written: " : "");
    }
  }
}

static void print_ranks(const sp_run_plan *p) {
  const sp_layout *l = &p->layout;
  const sp_flow_shape *s = &p->work.shape;
  const double worker = (double)sp_run_plan_worker_bytes(p), slot = (double)sp_window_slot_bytes(&s->window);
  printf("ranks      %d: 1 coordinator, %d I/O, %d workers of %d threads (%s; %d cores, %d GPUs)\n", l->ranks,
         l->ranks - 1 - l->workers, l->workers, l->threads, l->why, p->machine.n_cores, p->machine.n_gpus);
  if (p->machine.n_gpus == 0) printf("           computing on the CPU: %s\n", p->gpu_why);
  char unpacking[64] = "", packing[64] = "";
  const size_t packing_bytes = sp_run_plan_worker_packing_bytes(p);
  if (p->reader_bytes) snprintf(unpacking, sizeof unpacking, "%.1f MB to unpack, ", (double)p->reader_bytes / mb);
  if (packing_bytes) snprintf(packing, sizeof packing, "%.1f MB to pack, ", (double)packing_bytes / mb);
  printf(
      "memory     a worker %.0f MB (input buffers of %.1f MB, %d slots of %.1f MB, %s%sits process) and its engine; in "
      "all %.0f MB%s\n",
      worker / mb, (double)s->input_bytes / mb, s->window.n_slots, slot / mb, unpacking, packing,
      l->workers * worker / mb, l->fits ? "" : ": MORE THAN IS FREE");
}

static const char *transfer_name(bool together) {
  return together ? "collective" : "independent";
}

static void print_transfer(const sp_run_plan *p) {
  const sp_transfer_choice *t = &p->transfer;
  printf("transfer   read %s: %s\n", transfer_name(t->reads_together), t->read_why);
  printf("           write %s: %s\n", transfer_name(t->writes_together), t->write_why);
  if (t->hints[0]) printf("           MPI-IO is told %s\n", t->hints);
  if (t->stripe.count < 0) {
    printf("           a new output is striped over all storage targets, %.0f MB in a row\n",
           (double)t->stripe.bytes / (1 << 20));
  } else if (t->stripe.count) {
    printf("           a new output is striped over %d storage targets, %.0f MB in a row\n", t->stripe.count,
           (double)t->stripe.bytes / (1 << 20));
  }
}

static void print_tasks(const sp_run_plan *p, const task_summary *t) {
  if (t->n == 0) return;
  printf("tasks      about %llu, of %llu to %llu traces (%.1f to %.1f MB)\n", (unsigned long long)t->n,
         (unsigned long long)t->least, (unsigned long long)t->most, traces_bytes(p, t->least) / mb,
         traces_bytes(p, t->most) / mb);
}

/* Seconds of computing in all, from one gather. */
static double compute_seconds(const sp_run_plan *p, const sp_plan_trial *t) {
  return t->compute_s * (double)p->work.shape.n_traces / t->n_traces / p->layout.workers;
}

/* The job's time, from one gather read and computed here: the slower of the two, since they overlap. */
static void print_time(const sp_run_plan *p, const sp_plan_trial *t) {
  if (!t->done) return;
  printf("steps      %s\n", t->steps);
  const double bytes = p->work.shape.work_bytes * (double)p->work.shape.total_work;
  printf("time       computing %.1f s in all (gather %llu took %.1f ms on the %s engine, %d threads)\n",
         compute_seconds(p, t), (unsigned long long)t->gather, 1e3 * t->compute_s, t->engine, p->layout.threads);
  printf("           %.2f GB to read and write: %.1f s at 1 GB/s; this gather came at %.1f GB/s from the file or its "
         "cache\n",
         bytes / gb, bytes / gb, traces_bytes(p, t->n_traces) / t->read_s / gb);
  printf("           they overlap: expect the slower of the two\n");
}

/* --- JSON ------------------------------------------------------------------------------------------------------ */

static void json_input(sp_json *json, const sp_run_plan *p) {
  const sp_survey_info *info = sp_survey_get_info(p->survey);
  sp_json_open(json, "input", '{');
  sp_json_text(json, "path", p->job->input);
  sp_json_text(json, "uuid", info->uuid);
  sp_json_count(json, "gathers", info->n_gathers);
  sp_json_text(json, "key", info->gather_key);
  sp_json_count(json, "traces", info->n_traces);
  sp_json_count(json, "samples", info->n_samples);
  sp_json_real(json, "interval_ms", 1e-3 * info->sample_interval_us);
  sp_json_count(json, "largest_gather", p->index->max_traces);
  sp_json_close(json, '}');
}

static void json_job(sp_json *json, const sp_run_plan *p) {
  sp_json_open(json, "job", '[');
  for (const char *line = p->header.job; *line;) {
    const size_t n = strcspn(line, "\n");
    char text[4096];
    snprintf(text, sizeof text, "%.*s", (int)n, line);
    sp_json_text(json, NULL, text);
    line += n + (line[n] == '\n');
  }
  sp_json_close(json, ']');
}

static sp_status json_output(sp_json *json, const sp_run_plan *p) {
  char *journal = NULL;
  SP_TRY(sp_side_path(p->job->output, SP_SIDE_JOURNAL, &journal));
  static const char *const states[] = {
      [SP_START_NEW] = "new", [SP_START_RESUME] = "resume", [SP_START_PACK] = "pack", [SP_START_COMPLETE] = "complete"};
  sp_json_open(json, "output", '{');
  sp_json_text(json, "path", p->job->output);
  sp_json_text(json, "journal", journal);
  sp_json_real(json, "sample_bytes", output_bytes(p));
  sp_json_text(json, "codec", sp_packing_codec(p->job));
  sp_json_bool(json, "packed_as_it_comes", sp_window_packs(&p->work.shape.window));
  sp_json_real(json, "disk_bytes", sp_run_plan_disk_factor(p) * output_bytes(p));
  sp_json_real(json, "free_bytes", sp_part_room(p->job->output));
  sp_json_text(json, "state", states[p->start]);
  sp_json_text(json, "unit", p->work.shape.unit);
  sp_json_count(json, "units", p->work.shape.n_units);
  sp_json_count(json, "units_done", p->earlier.n_done);
  sp_json_close(json, '}');
  sp_free(journal);
  return SP_SUCCESS;
}

static void json_ranks(sp_json *json, const sp_run_plan *p) {
  const sp_layout *l = &p->layout;
  const sp_flow_shape *s = &p->work.shape;
  sp_json_open(json, "ranks", '{');
  sp_json_int(json, "ranks", l->ranks);
  sp_json_int(json, "io_ranks", l->ranks - 1 - l->workers);
  sp_json_int(json, "workers", l->workers);
  sp_json_int(json, "threads", l->threads);
  sp_json_text(json, "why", l->why);
  sp_json_int(json, "cores", p->machine.n_cores);
  sp_json_int(json, "gpus", p->machine.n_gpus);
  sp_json_close(json, '}');
  sp_json_open(json, "memory", '{');
  sp_json_count(json, "worker_bytes", sp_run_plan_worker_bytes(p));
  sp_json_count(json, "input_bytes", s->input_bytes);
  sp_json_int(json, "slots", s->window.n_slots);
  sp_json_count(json, "slot_bytes", sp_window_slot_bytes(&s->window));
  sp_json_count(json, "unpacking_bytes", p->reader_bytes);
  sp_json_count(json, "worker_packing_bytes", sp_run_plan_worker_packing_bytes(p));
  sp_json_count(json, "packing_bytes", sp_run_plan_packing_bytes(p));
  sp_json_count(json, "free_bytes", p->machine.memory);
  sp_json_bool(json, "fits", l->fits);
  sp_json_close(json, '}');
}

static void json_transfer(sp_json *json, const sp_transfer_choice *t) {
  sp_json_open(json, "transfer", '{');
  sp_json_text(json, "read", transfer_name(t->reads_together));
  sp_json_text(json, "read_why", t->read_why);
  sp_json_text(json, "write", transfer_name(t->writes_together));
  sp_json_text(json, "write_why", t->write_why);
  sp_transfer_json(json, t);
  sp_json_close(json, '}');
}

static void json_work(sp_json *json, const sp_run_plan *p, const task_summary *tasks, const sp_plan_trial *trial) {
  sp_json_open(json, "tasks", '{');
  sp_json_count(json, "count", tasks->n);
  sp_json_count(json, "least_traces", tasks->n ? tasks->least : 0);
  sp_json_count(json, "most_traces", tasks->most);
  sp_json_close(json, '}');
  sp_json_open(json, "time", '{');
  sp_json_text(json, "engine", trial->done ? trial->engine : NULL);
  sp_json_text(json, "steps", trial->done ? trial->steps : NULL);
  sp_json_real(json, "gather_compute_s", trial->done ? trial->compute_s : (double)NAN);
  sp_json_real(json, "compute_s", trial->done ? compute_seconds(p, trial) : (double)NAN);
  sp_json_real(json, "bytes", p->work.shape.work_bytes * (double)p->work.shape.total_work);
  sp_json_close(json, '}');
}

static sp_status print_json(const sp_run_plan *p, const task_summary *tasks, const sp_plan_trial *trial) {
  sp_json json = sp_json_begin(stdout);
  sp_json_open(&json, NULL, '{');
  sp_json_text(&json, "flow", p->work.flow->name);
  json_input(&json, p);
  json_job(&json, p);
  SP_TRY(json_output(&json, p));
  json_ranks(&json, p);
  json_transfer(&json, &p->transfer);
  json_work(&json, p, tasks, trial);
  sp_json_close(&json, '}');
  return SP_SUCCESS;
}

/* --- planning -------------------------------------------------------------------------------------------------- */

/* Deals the whole job, each team in its turn. */
static sp_status deal_all(sp_run_plan *p, task_summary *out) {
  const sp_flow *flow = p->work.flow;
  const sp_flow_shape *shape = &p->work.shape;
  const int n_teams = p->layout.workers / shape->team > 0 ? p->layout.workers / shape->team : 1;
  double *speed = NULL;
  void *payload = NULL;
  sp_status status;
  *out = (task_summary){.least = UINT64_MAX};
  SP_TRY_GOTO(out, sp_calloc((size_t)n_teams, sizeof *speed, "speeds", &speed));
  SP_TRY_GOTO(out, sp_alloc(shape->payload_bytes, "a task", &payload));
  for (uint32_t phase = 0; phase < shape->n_phases; phase++) {
    uint32_t bytes = 0;
    SP_TRY_GOTO(out, flow->begin_phase(&p->work, phase, NULL, n_teams, payload, &bytes));
    for (int team = 0, idle = 0; idle < n_teams; team = (team + 1) % n_teams) {
      const sp_unit_run units = flow->deal(&p->work, team, speed);
      idle = units.n ? 0 : idle + 1;
      if (units.n == 0) continue;
      sp_task task = {.phase = phase, .first_unit = units.first, .n_units = units.n};
      flow->fill(&p->work, &task, payload);
      speed[team] = 1e5;
      out->n++;
      if (task.n_traces < out->least) out->least = task.n_traces;
      if (task.n_traces > out->most) out->most = task.n_traces;
    }
  }
out:
  sp_free(payload);
  sp_free(speed);
  return status;
}

static sp_status make_and_print(const arguments *args, sp_run_plan *p) {
  task_summary tasks;
  sp_plan_trial trial;
  SP_TRY(sp_run_arguments_plan(&args->run, p));
  SP_TRY(sp_run_plan_transfer(p, p->layout.workers, p->layout.ranks - 1 - p->layout.workers));
  SP_TRY(deal_all(p, &tasks));
  SP_TRY(sp_plan_try(p, &trial));
  if (args->json) return print_json(p, &tasks, &trial);
  print_input(p);
  print_job(p);
  print_output(p);
  print_ranks(p);
  print_transfer(p);
  print_tasks(p, &tasks);
  if (p->work.flow->explain) p->work.flow->explain(&p->work, stdout);
  print_time(p, &trial);
  return SP_SUCCESS;
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
  arguments *args = state->input;
  switch (key) {
  case ARGP_KEY_INIT:
    state->child_inputs[0] = &args->run;
    return 0;
  case 'j':
    args->json = true;
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

static const struct argp_option options[] = {{"json", 'j', NULL, 0, "Print all of it as JSON", 0}, {0}};
static const struct argp_child children[] = {{&sp_run_argp, 0, "As for run, which would take the same command:", 0},
                                             {0}};

const struct argp sp_argp_plan = {options,
                                  parse_option,
                                  "JOB.yaml",
                                  "Tells what a job would do on this machine: ranks, tasks, memory, bytes and an "
                                  "estimate of the time; or why it would be refused. Writes nothing.",
                                  children,
                                  NULL,
                                  NULL};

int sp_cli_plan(int argc, char **argv) {
  arguments args = {0};
  sp_job *job = NULL;
  sp_run_plan plan = {0};
  sp_option_parse(&sp_argp_plan, argc, argv, 0, &args);
  sp_status status = sp_run_arguments_job(&args.run, &job);
  if (status == SP_SUCCESS) status = sp_run_plan_open(job, NULL, &plan);
  plan.note = sp_note_warn;
  if (status == SP_SUCCESS) status = make_and_print(&args, &plan);
  sp_run_plan_close(&plan);
  sp_job_destroy(job);
  return sp_status_look_code(sp_status_exit_code(status));
}
