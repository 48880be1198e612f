/* SPDX-License-Identifier: BSD-3-Clause */
/* Applies processors for tests written in Python (tests/kernels/kernel_tool.py): serves requests on standard input
 * until it ends.
 *
 * Request: a line "PROCESSOR n_traces n_samples interval_s threads block in_place n_headers [key=value]...", then
 * n_traces * n_samples float32 samples, then n_headers * n_traces float64 header values. block 0: the plan's own.
 * Reply: a line "reason N locality N block_traces N isa NAME" and the float32 result; or a line "refused ...".
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/common/isa.h"
#include "seisproc/memory.h"
#include "seisproc/processor.h"

enum { MAX_LINE = 4096, MAX_THREADS = 64 };

typedef struct request {
  const sp_processor *processor;
  sp_geometry geometry;
  unsigned n_traces, block, in_place, n_headers;
  double params[2048];
  float *in, *out;
  double *header_values;
  const double *headers[SP_MAX_PROCESSOR_HEADERS];
} request;

typedef struct share {
  const request *request;
  const sp_plan *plan;
  int thread;
  sp_reason reason;
} share;

static void *compute(void *argument) {
  share *s = argument;
  const request *r = s->request;
  unsigned step = r->block ? r->block : s->plan->block_traces;
  if (s->plan->locality == SP_LOCAL_GATHER) step = r->n_traces;
  for (unsigned first = (unsigned)s->thread * step; first < r->n_traces;
       first += step * (unsigned)r->geometry.n_threads) {
    const unsigned left = r->n_traces - first;
    const sp_block block = {.in = r->in_place ? r->out : r->in,
                            .out = r->out,
                            .n_traces = r->n_traces,
                            .first = first,
                            .count = left < step ? left : step,
                            .headers = r->headers};
    const sp_reason reason = s->plan->ops->apply(s->plan, s->thread, &block);
    if (reason > s->reason) s->reason = reason;
  }
  return NULL;
}

static sp_reason apply(const request *r, const sp_plan *plan) {
  share shares[MAX_THREADS];
  pthread_t threads[MAX_THREADS];
  const uint64_t allocations = sp_alloc_count();
  for (int i = 0; i < r->geometry.n_threads; i++) {
    shares[i] = (share){r, plan, i, SP_REASON_OK};
    if (pthread_create(&threads[i], NULL, compute, &shares[i])) abort();
  }
  sp_reason reason = SP_REASON_OK;
  for (int i = 0; i < r->geometry.n_threads; i++) {
    pthread_join(threads[i], NULL);
    if (shares[i].reason > reason) reason = shares[i].reason;
  }
  if (sp_alloc_count() != allocations) {
    fprintf(stderr, "apply has allocated memory\n");
    abort();
  }
  return reason;
}

/* Fills the request from its line; on failure says why. */
static int parse(char *line, request *r, char *why, size_t why_size) {
  char name[64];
  int used = 0;
  if (sscanf(line, "%63s %u %u %lf %d %u %u %u%n", name, &r->n_traces, &r->geometry.n_samples,
             &r->geometry.sample_interval_s, &r->geometry.n_threads, &r->block, &r->in_place, &r->n_headers,
             &used) != 8) {
    abort();
  }
  r->processor = sp_processor_find(name);
  if (!r->processor || r->processor->params_size > sizeof r->params || r->geometry.n_threads > MAX_THREADS) abort();
  r->geometry.max_traces = r->n_traces;
  sp_processor_example(r->processor, r->params);
  for (char *word = strtok(line + used, " \n"); word; word = strtok(NULL, " \n")) {
    char *value = strchr(word, '=');
    if (!value) abort();
    *value++ = '\0';
    const sp_param *param = sp_param_find(r->processor->params, word);
    if (!param) {
      snprintf(why, why_size, "no parameter %s", word);
      return 0;
    }
    if (sp_param_parse(param, value, r->params, why, why_size) != SP_SUCCESS) return 0;
  }
  return !r->processor->check || r->processor->check(r->params, why, why_size) == SP_SUCCESS;
}

static void *allocate(size_t n, size_t size) {
  void *block = malloc(n * size + 1);
  if (!block || fread(block, size, n, stdin) != n) abort();
  return block;
}

static void serve(char *line) {
  char why[512] = "by its plan";
  request r = {0};
  const int fine = parse(line, &r, why, sizeof why);
  const size_t samples = (size_t)r.n_traces * r.geometry.n_samples;
  r.in = allocate(samples, sizeof(float));
  r.header_values = allocate((size_t)r.n_headers * r.n_traces, sizeof(double));
  double *none = malloc((r.n_traces + 1) * sizeof *none); /* a column that the survey does not have */
  if (!none) abort();
  for (unsigned i = 0; i < r.n_traces; i++) none[i] = (double)NAN;
  for (unsigned i = 0; i < SP_MAX_PROCESSOR_HEADERS; i++) {
    r.headers[i] = i < r.n_headers ? r.header_values + (size_t)i * r.n_traces : none;
  }
  r.out = calloc(samples + 1, sizeof(float));
  if (!r.out) abort();
  if (r.in_place) memcpy(r.out, r.in, samples * sizeof(float));
  sp_plan *plan = NULL;
  if (fine && r.processor->cpu->plan(r.params, &r.geometry, &plan) == SP_SUCCESS) {
    const sp_reason reason = apply(&r, plan);
    printf("reason %d locality %d block_traces %u isa %s\n", reason, plan->locality, plan->block_traces,
           sp_isa_name(sp_isa_select()));
    fwrite(r.out, sizeof(float), samples, stdout);
    r.processor->cpu->destroy(plan);
  } else {
    printf("refused %s\n", why);
  }
  fflush(stdout);
  free(r.in);
  free(r.out);
  free(none);
  free(r.header_values);
}

int main(void) {
  char line[MAX_LINE];
  while (fgets(line, sizeof line, stdin)) serve(line);
  return 0;
}
