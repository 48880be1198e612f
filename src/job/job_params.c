/* SPDX-License-Identifier: BSD-3-Clause */
/* The keys of a job file beside input, output and chain: one list for reading, help, docs and completion. */
#include <math.h>
#include <string.h>

#include "seisproc/job.h"

#define FIELD(name) offsetof(sp_job_settings, name)

const sp_param sp_job_params[] = {
    {"mode", SP_PARAM_CHOICE, "processed", 0, 0, false, "processed|noise|both", NULL,
     "what is written: the processed traces, the noise (input minus processed), or both", FIELD(mode)},
    {"on_error", SP_PARAM_CHOICE, "passthrough", 0, 0, false, "passthrough|zero|abort", NULL,
     "a gather that cannot be processed is copied as it is, zeroed, or ends the job", FIELD(on_error)},
    {"nan", SP_PARAM_CHOICE, "trace", 0, 0, 0, "trace|gather|zero", NULL,
     "samples that are NaN or Inf, unless the chain begins by taking them away: the trace stays as it is and the "
     "others are "
     "processed, the gather cannot be processed, or such samples become zero",
     FIELD(nan)},
    {"trid", SP_PARAM_CHOICE, "seismic", 0, 0, 0, "seismic|all", NULL,
     "seismic: traces whose header trid says dead, auxiliary or time break stay as they are, and no other trace sees "
     "them",
     FIELD(trid)},
    {"precision", SP_PARAM_CHOICE, "float32", 0, 0, false, "float32|mixed", NULL,
     "mixed: a GPU stores time-frequency coefficients in half precision; CPUs ignore it", FIELD(precision)},
    {"qc", SP_PARAM_CHOICE, "gather", 0, 0, false, "none|gather|trace", NULL,
     "figures of quality that are kept below /qc: none, of each gather (what was removed), of each trace as well",
     FIELD(qc)},
    {"gathers", SP_PARAM_TEXT, "all", 0, 0, 0, NULL, NULL,
     "which gathers of the input, taken whole: all, first:N, every:N, A:B by number (B is not taken), KEY=A-B or "
     "KEY=A,B,C by key, where: CONDITION for those with a trace whose header columns meet it",
     FIELD(gathers)},
    {"samples", SP_PARAM_CHOICE, "float32", 0, 0, false, "float32|float16-scaled|int16-scaled", NULL,
     "how the output's samples are stored: as they are, or rounded to 16 bits with a factor a trace, half the bytes",
     FIELD(samples)},
    {"pack", SP_PARAM_CHOICE, "none", 0, 0, false, "none|lz4|zstd|zfp", NULL,
     "by which codec the output is packed: lz4 and zstd as results come where the chain is of gather processors, else "
     "once "
     "it is complete, which takes as much room again meanwhile",
     FIELD(pack)},
    {"pack_level", SP_PARAM_INT, "auto", 1, 19, false, "auto", NULL,
     "of pack: lz4 1 to 12, zstd 1 to 19; auto: 1 (`seisproc pack` has 3 for zstd)", FIELD(pack_level)},
    {"pack_error_bound", SP_PARAM_REAL, "0.001", 1e-7, 0.5, false, NULL, NULL,
     "of pack: zfp, the largest error of a sample as a part of its gather's RMS", FIELD(pack_error_bound)},
    {"engine", SP_PARAM_CHOICE, "auto", 0, 0, false, "auto|cpu|cuda|mock", NULL,
     "what computes: a GPU where there is one, CPU threads, a GPU, or a pretended GPU (for tests)", FIELD(engine)},
    {"workers", SP_PARAM_INT, "auto", 1, 65536, false, "auto", NULL,
     "worker ranks in all; auto: from the cores and GPUs", FIELD(workers)},
    {"workers_per_gpu", SP_PARAM_INT, "1", 1, 16, false, NULL, NULL, "workers that share a GPU, where workers is auto",
     FIELD(workers_per_gpu)},
    {"threads", SP_PARAM_INT, "auto", 1, 1024, false, "auto", NULL, "CPU threads of a worker; auto: from the cores",
     FIELD(threads)},
    {"io_ranks", SP_PARAM_INT, "1", 1, 64, false, NULL, NULL, "ranks that write, a node", FIELD(io_ranks)},
    {"direct_io", SP_PARAM_BOOL, "true", 0, 0, false, NULL, NULL,
     "write results past the page cache, where the file system can", FIELD(direct_io)},
    {"slots", SP_PARAM_INT, "3", 2, 64, false, NULL, NULL,
     "output buffers of a worker; more ride out a slow disk, and take memory", FIELD(slots)},
    {"slab_mb", SP_PARAM_INT, "auto", 1, 65536, false, "auto", "MB",
     "largest slab that a worker reads at once, unless one gather has more; auto: from the memory", FIELD(slab_mb)},
    {"commit_interval", SP_PARAM_REAL, "1", 0, 3600, false, NULL, "s",
     "longest time between two points from which a job that was cut off goes on", FIELD(commit_interval)},
    {"restarts", SP_PARAM_INT, "3", 0, 1000000, false, NULL, NULL,
     "how often a job that died is started again, in a row without a gather done; not under mpirun or srun",
     FIELD(restarts)},
    {"stall_timeout", SP_PARAM_REAL, "300", 0, 86400, false, NULL, "s",
     "a job that gets nothing done for so long says who waits for what, and ends to be started again; 0: never",
     FIELD(stall_timeout)},
    {"max_time", SP_PARAM_REAL, "auto", 1, 1e9, false, "auto", "s",
     "the job stops in time to end within this, to be resumed; auto: within what Slurm leaves", FIELD(max_time)},
    {"transfer.read", SP_PARAM_CHOICE, "auto", 0, 0, false, "auto|collective|independent", NULL,
     "workers of a group read what they are dealt together, or each by itself; auto: together as long as they wait for "
     "each other less than 3 % of the time",
     FIELD(read_transfer)},
    {"transfer.write", SP_PARAM_CHOICE, "auto", 0, 0, false, "auto|collective|independent", NULL,
     "I/O ranks write together, or each by itself past the page cache; auto: together on a parallel file system",
     FIELD(write_transfer)},
    {"group", SP_PARAM_CHOICE, "node", 0, 0, false, "node|all", NULL,
     "which workers read together, where they do: those of a node, or all", FIELD(group)},
    {"aggregators", SP_PARAM_INT, "0", 0, 65536, false, NULL, NULL,
     "I/O ranks that write for all in a collective write; 0: each writes its own", FIELD(aggregators)},
    {"collective_timeout", SP_PARAM_REAL, "120", 0, 86400, false, NULL, "s",
     "a collective transfer in which a rank does not arrive ends the job so long after the last one did, to be started "
     "again with independent transfers; 0: never",
     FIELD(collective_timeout)},
    {"mpi_hints", SP_PARAM_TEXT, "", 0, 0, false, NULL, NULL,
     "hints for MPI-IO, passed on as they are: \"KEY=VALUE, KEY=VALUE\"", FIELD(mpi_hints)},
    {"stripe.count", SP_PARAM_INT, "auto", 1, 65536, false, "auto", NULL,
     "storage targets of a new output on Lustre; auto: all", FIELD(stripe_count)},
    {"stripe.unit", SP_PARAM_INT, "auto", 1, 4096, false, "auto", "MB", "bytes in a row on each of them; auto: 4",
     FIELD(stripe_unit)},
    {"metrics", SP_PARAM_TEXT, "", 0, 0, 0, NULL, NULL,
     "file that the run writes at its end: exit code, times, bytes and failures as metrics for Prometheus",
     FIELD(metrics)},
    {"dead_traces", SP_PARAM_CHOICE, "report", 0, 0, false, "report|ignore", NULL,
     "report: a gather with some dead traces makes the exit code 2; it is recorded in either case", FIELD(dead_traces)},
    {0},
};

static const char *const sample_forms[] = {"float32", "float16-scaled", "int16-scaled"};

const char *sp_sample_form_name(sp_sample_form form) {
  return sample_forms[form];
}

bool sp_sample_form_parse(const char *name, sp_sample_form *out) {
  for (int f = SP_SAMPLES_FLOAT32; f <= SP_SAMPLES_INT16_SCALED; f++) {
    if (strcmp(name, sample_forms[f])) continue;
    *out = (sp_sample_form)f;
    return true;
  }
  return false;
}

const char *const sp_settings_that_decide[] = {"mode",    "on_error", "nan",  "trid",       "precision",        "qc",
                                               "gathers", "samples",  "pack", "pack_level", "pack_error_bound", NULL};

const char *const sp_settings_that_do_not[] = {"engine",
                                               "workers",
                                               "workers_per_gpu",
                                               "threads",
                                               "io_ranks",
                                               "direct_io",
                                               "slots",
                                               "slab_mb",
                                               "commit_interval",
                                               "restarts",
                                               "stall_timeout",
                                               "max_time",
                                               "transfer.read",
                                               "transfer.write",
                                               "group",
                                               "aggregators",
                                               "collective_timeout",
                                               "mpi_hints",
                                               "stripe.count",
                                               "stripe.unit",
                                               "metrics",
                                               "dead_traces",
                                               NULL};

const sp_job_key sp_job_keys[] = {
    {"input", "path", NULL, "survey file to read"},
    {"output", "path", NULL, "survey file to write; until it is complete it is called OUTPUT.part"},
    {"chain", "list", NULL,
     "processors that each gather goes through, in this order: `- NAME` or `- NAME: {KEY: VALUE, ...}`; "
     "`- undo: NAME` takes back a step before it"},
    {"sort", "list", "[]",
     "header names that order the traces within each gather, ascending, the first the most significant"},
    {"transfer", "choice", "auto",
     "how samples are read and written: auto, collective or independent; or {read: ..., write: ...}"},
    {"stripe", "map", "{}", "{count: N, unit: MB}: how a new output on Lustre lies on its storage targets"},
    {0},
};
