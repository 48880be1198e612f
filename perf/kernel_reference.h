/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs perf/kernel_reference.py beside a kernel, and compares. */
#ifndef SEISPROC_PERF_KERNEL_REFERENCE_H
#define SEISPROC_PERF_KERNEL_REFERENCE_H

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "perf/kernel_list.h"

static const double INTERVAL_S = 0.002;

static void fail(const char *name, const char *what) {
  fprintf(stderr, "kernels: %s: %s\n", name, what);
  exit(1);
}

static void write_floats(const char *path, const float *x, size_t n) {
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(x, sizeof *x, n, file) != n || fclose(file)) fail(path, "cannot be written");
}

static void read_floats(const char *path, float *x, size_t n) {
  FILE *file = fopen(path, "rb");
  if (!file || fread(x, sizeof *x, n, file) != n || fclose(file)) fail(path, "cannot be read");
}

/* Runs the reference on the first traces; its output goes to `out`, the seconds that it took a trace at a time and
 * with all traces in a call to `seconds`. */
static void run_reference(const char *root, const kernel *k, const float *in, const double *offset, float *out,
                          double *seconds) {
  char folder[] = "/tmp/seisproc-kernels-XXXXXX", in_path[64], out_path[64], offset_path[64], command[3 * PATH_MAX];
  const size_t n = (size_t)k->reference_traces * k->samples;
  if (!mkdtemp(folder)) fail(folder, "cannot be made");
  snprintf(in_path, sizeof in_path, "%s/in", folder);
  snprintf(out_path, sizeof out_path, "%s/out", folder);
  snprintf(offset_path, sizeof offset_path, "%s/offset", folder);
  write_floats(in_path, in, n);
  write_floats(offset_path, (const float *)(const void *)offset, 2 * (size_t)k->reference_traces);
  snprintf(command, sizeof command, "%s '%s/perf/kernel_reference.py' %s %s %u %u %g %s",
           access("/usr/bin/python3", X_OK) ? "python3" : "/usr/bin/python3", root, folder, k->processor,
           k->reference_traces, k->samples, INTERVAL_S, k->params);
  FILE *pipe = popen(command, "r");
  if (!pipe || fscanf(pipe, "%lf %lf", &seconds[0], &seconds[1]) != 2 || pclose(pipe))
    fail(k->name, "its reference failed");
  read_floats(out_path, out, n);
  unlink(in_path);
  unlink(out_path);
  unlink(offset_path);
  rmdir(folder);
}

/* The largest relative L2 distance of a trace. */
static double worst_distance(const float *got, const float *expected, unsigned traces, unsigned samples) {
  double worst = 0;
  for (size_t t = 0; t < traces; t++) {
    double error = 0, norm = 0;
    for (size_t i = t * samples; i < (t + 1) * samples; i++) {
      error += ((double)got[i] - expected[i]) * ((double)got[i] - expected[i]);
      norm += (double)expected[i] * expected[i];
    }
    const double distance = sqrt(error / (norm > 0 ? norm : 1));
    if (!(distance <= worst)) worst = distance; /* NaN too */
  }
  return worst;
}

#endif
