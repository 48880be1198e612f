/* SPDX-License-Identifier: BSD-3-Clause */
/* Engines: what computes a slab. One interface for a team of CPU threads, a GPU, and a mock device.
 *
 * A worker submits a slab and goes on with MPI and HDF5 while the engine computes; results go straight to where the
 * slab points, a slot of the node's shared window. Engines know no MPI and no HDF5. Slabs complete in the order in
 * which they were submitted. All functions of one engine are called by one thread.
 */
#ifndef SEISPROC_ENGINE_H
#define SEISPROC_ENGINE_H

#include <stdbool.h>

#include "seisproc/choices.h"
#include "seisproc/figures.h"
#include "seisproc/gather_index.h"
#include "seisproc/processor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SP_TRACE_FIGURES = 4 };

/* What the first n_shared steps left of a slab, for engines whose chains begin with the same steps and which get the
 * same slab; all zero before the first. Borrowed as the slab is. The results are the same with and without. */
typedef struct sp_shared_steps {
  float *rows;          /* [n_traces][n_samples], by trace as it is written */
  unsigned char *marks; /* [n_traces] */
  unsigned char *known; /* [n_gathers]. Not 0: an engine has left both of this gather, so that those steps may be passed
                           over; 128 or more: they were. 0 for a gather that failed */
} sp_shared_steps;

/* A range of whole gathers on its way through an engine. The engine borrows everything until the slab is done. */
typedef struct sp_slab {
  sp_local n_gathers, n_traces;
  const sp_local *first_trace;  /* [n_gathers + 1], from 0 to n_traces */
  float *in;                    /* [n_traces][n_samples]; the engine may overwrite it */
  const sp_local *order;        /* [n_traces] or NULL: trace i of a gather is to be what was its trace order[i];
                                   positions count within the gather */
  const double *const *headers; /* [sp_chain_headers][n_traces], in the order that `order` makes; NULL where the chain
                                   needs none */
  const uint32_t *set_aside;    /* [n_gathers] sp_reason, or NULL. Not SP_REASON_OK: this gather is not computed but
                                   handled as on_error says, for this reason */
  const unsigned char
      *skip;     /* [n_traces] or NULL, in the order that `order` makes: not 0: this trace is not processed */
  float *traces; /* [n_traces][n_samples]: what goes to /traces (the noise in mode noise) */
  float *noise;  /* the same for /noise; NULL unless the mode is both */
  float *by_trace[SP_TRACE_FIGURES]; /* [n_traces] each: RMS of a trace before, after, of the noise, and peak before; 0
                                        for a trace that is not measured; NULL: not wanted. Engines without that leave
                                        them as they are, all zero */
  sp_gather_result *results;         /* [n_gathers] */
  void *findings; /* [n_gathers][sp_engine_finding_bytes], or NULL: what step n_shared of chains that have the same
                     processor there found out about the same gathers, zero before the first */
  const sp_shared_steps *shared; /* NULL: nobody keeps that. Only the CPU heeds it */
  void *user;                    /* the submitter's own */
} sp_slab;

typedef struct sp_engine_config {
  const sp_chain_step *chain; /* [n_steps], borrowed while the engine lives */
  size_t n_steps;
  size_t n_shared; /* leading steps, fewer than n_steps, that sp_slab.shared is about; those passed over have no figures
                      of their own. A step among them is not undone by one that comes after them */
  sp_mode mode;
  sp_on_error on_error; /* ABORT is the submitter's to act on: here it acts as PASSTHROUGH */
  sp_nan nan;
  bool measure;       /* the figures of quality; where they are not wanted or cannot be had, `measured` is 0 */
  bool is_part;       /* the steps are some of a chain: each of them is measured by itself, be it only one */
  uint32_t n_samples; /* a trace */
  double sample_interval_s;
  sp_local max_traces;    /* of the largest slab */
  sp_local max_gather;    /* traces of the largest gather */
  sp_local max_gathers;   /* of a slab; 0: as many as max_traces */
  int n_threads;          /* CPU threads that may compute, besides the caller's, which never does */
  int n_slabs;            /* that may be in flight at once; at least 1 */
  int device;             /* GPU of this worker; -1: none */
  sp_precision precision; /* of backends that have a choice */
  bool cpu_takes_over;    /* where the device fails, the CPU computes what is in flight and what follows */
} sp_engine_config;

typedef struct sp_engine sp_engine;

enum { SP_MAX_CHAIN_HEADERS = 16, SP_STEPS_TEXT = 256 };

/* Names of the header columns that a chain reads, without repeats, in the order in which sp_slab.headers holds them;
 * with a '?' behind those that are optional for every step. Writes at most `max` and returns how many it wrote. The
 * names belong to the processors and their parameters. A chain may need up to SP_MAX_CHAIN_HEADERS. */
size_t sp_chain_headers(const sp_chain_step *chain, size_t n_steps, const char **names, size_t max);

/* Whether a trace whose header `trid` (trace identification code, SEG-Y revision 2.1, bytes 29-30) has this value is
 * one to be processed: not 2 to 10 (dead, dummy, time break, uphole, sweep, timing, water break, gun signatures) nor 18
 * to 24 (vibrator signals, pairs of time, depth and velocity). NAN says nothing. */
bool sp_trid_is_seismic(double trid);

/* GPUs that this process may use; 0 where there is none, no driver, or no module of this program for them. `why` (may
 * be NULL) then gets one line that says which. Loads the module where there is a driver. */
int sp_gpu_count(char *why, size_t why_size);

/* Makes an engine with all its memory, plans and threads. AUTO is the GPU `device` where that is not -1, else the CPU.
 * Steps for which the GPU lacks a kernel or memory are computed by the CPU, the others by the GPU; a chain of which it
 * can compute nothing by the CPU alone, which is said in a warning. Errors:
 * SP_ERR_USAGE (chain does not fit the survey), SP_ERR_MEMORY, SP_ERR_DEVICE; SP_ERR_USAGE with a line that names the
 * backend where it was not built in. */
sp_status sp_engine_create(sp_engine_kind kind, const sp_engine_config *config, sp_engine **out);

/* "cpu", "cuda", "mock": what computes. */
const char *sp_engine_name(const sp_engine *engine);

/* The same of one step of the chain. */
const char *sp_engine_step_name(const sp_engine *engine, size_t step);

/* What computes which step, "mute cuda, dwt cpu, tf cuda", cut off where there is no room. */
void sp_engine_steps(const sp_engine *engine, char *text, size_t size);

/* Tells of memory that slabs will point to, so that a GPU copies straight from and to it; others do nothing. The memory
 * must outlive the engine, and must be told of once. Where the system refuses, copies are slower, which is said once.
 */
void sp_engine_register(sp_engine *engine, void *memory, size_t bytes);

/* Hands a slab over; returns at once. Allocates nothing. Until the slab is done, what it points to is the engine's.
 * Errors, after which the slab is the caller's: SP_ERR_INTERNAL for more than n_slabs in flight or a slab that does
 * not fit the config; SP_ERR_DEVICE. */
sp_status sp_engine_submit(sp_engine *engine, sp_slab *slab);

/* The oldest slab in flight once it is done: *done is NULL while it is not. Never waits. Errors reach the rank:
 * SP_ERR_DEVICE for a device that failed, which is never held against a gather (one that failed is in results); the
 * input of slabs in flight is as it was then. With cpu_takes_over that error does not come. */
sp_status sp_engine_test(sp_engine *engine, sp_slab **done);

/* The same, sleeping until it is done. A slab must be in flight. */
sp_status sp_engine_wait(sp_engine *engine, sp_slab **done);

/* Seconds in which at least one thread or stream was computing, since creation. */
double sp_engine_busy_seconds(const sp_engine *engine);

/* Bytes a gather that step n_shared of the chain can leave for another engine (sp_slab.findings), so that what does
 * not depend on its parameters is found out once; 0: nothing. */
size_t sp_engine_finding_bytes(const sp_engine *engine);

/* Bytes that the engine allocated on the host. */
size_t sp_engine_host_bytes(const sp_engine *engine);

/* Waits for what is in flight, then frees all. Takes NULL. */
void sp_engine_destroy(sp_engine *engine);

#ifdef __cplusplus
}
#endif

#endif
