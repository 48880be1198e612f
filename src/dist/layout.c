/* SPDX-License-Identifier: BSD-3-Clause */
/* How many workers, threads and I/O ranks a machine gets, from its cores, GPUs and memory. */
#include <stdio.h>
#include <stdlib.h>

#include "seisproc/launch.h"

enum { CORES_A_WORKER = 8 };

static const double memory_share = 0.8;

static int at_least_1(int n) {
  return n < 1 ? 1 : n;
}

/* Workers that fit into the memory; as many as an int holds where that is not known. */
static int workers_that_fit(const sp_machine *machine, size_t worker_bytes) {
  const int any = 1 << 30;
  if (machine->memory == 0 || worker_bytes == 0) return any;
  const double n = memory_share * (double)machine->memory / (double)worker_bytes;
  return n < any ? (int)n : any;
}

static int choose_workers(const sp_machine *machine, const sp_job_settings *settings, sp_layout *layout) {
  const bool gpu = settings->engine == SP_ENGINE_AUTO || settings->engine == SP_ENGINE_CUDA;
  if (settings->workers != SP_PARAM_AUTO) {
    snprintf(layout->why, sizeof layout->why, "as many workers as asked for");
    return settings->workers;
  }
  if (gpu && machine->n_gpus > 0) {
    const int each = at_least_1(settings->workers_per_gpu);
    if (each == 1) {
      snprintf(layout->why, sizeof layout->why, "one worker a GPU, of %d", machine->n_gpus);
    } else {
      snprintf(layout->why, sizeof layout->why, "%d workers a GPU, of %d", each, machine->n_gpus);
    }
    return machine->n_gpus * each;
  }
  const int cores = settings->threads != SP_PARAM_AUTO ? settings->threads : CORES_A_WORKER;
  snprintf(layout->why, sizeof layout->why, "up to %d cores a worker, of %d", cores, machine->n_cores);
  if (settings->threads != SP_PARAM_AUTO) return at_least_1(machine->n_cores / cores);
  return (machine->n_cores + cores - 1) / cores;
}

void sp_layout_work_out(const sp_machine *machine, const sp_job_settings *settings, size_t worker_bytes,
                        sp_layout *out) {
  sp_layout layout = {.io_ranks = settings->io_ranks};
  const int fit = workers_that_fit(machine, worker_bytes);
  layout.workers = choose_workers(machine, settings, &layout);
  if (layout.workers > fit && settings->workers == SP_PARAM_AUTO) {
    layout.workers = at_least_1(fit);
    snprintf(layout.why, sizeof layout.why, "as many workers as the memory holds");
  }
  layout.fits = layout.workers <= fit;
  layout.threads = settings->threads;
  if (layout.threads == SP_PARAM_AUTO) layout.threads = at_least_1(machine->n_cores / layout.workers);
  layout.ranks = 1 + layout.io_ranks + layout.workers;
  *out = layout;
}

/* A number that Slurm tells; 0 where it does not. */
static int slurm_number(const char *variable) {
  const char *text = getenv(variable);
  return text ? atoi(text) : 0;
}

bool sp_layout_allotted(const sp_job_settings *settings, sp_layout *out) {
  enum { LEAST_RANKS = 3 };
  const int tasks = slurm_number("SLURM_JOB_ID") ? slurm_number("SLURM_NTASKS") : 0;
  if (tasks < LEAST_RANKS) return false;
  const int nodes = at_least_1(slurm_number("SLURM_JOB_NUM_NODES"));
  sp_layout layout = {.io_ranks = settings->io_ranks,
                      .workers = at_least_1(tasks - 1 - nodes * settings->io_ranks),
                      .threads = settings->threads,
                      .ranks = tasks,
                      .allotted = true,
                      .fits = true};
  if (layout.threads == SP_PARAM_AUTO) layout.threads = at_least_1(slurm_number("SLURM_CPUS_PER_TASK"));
  snprintf(layout.why, sizeof layout.why, "as many ranks as Slurm gave tasks");
  *out = layout;
  return true;
}
