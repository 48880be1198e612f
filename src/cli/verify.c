/* SPDX-License-Identifier: BSD-3-Clause */
/* seisproc verify: reads an output again and checks every gather of it. */
#include <argp.h>
#include <stdio.h>

#include "seisproc/ranks.h"
#include "seisproc/side_file.h"
#include "src/cli/command.h"
#include "src/cli/option.h"
#include "src/run/verify.h"

typedef struct arguments {
  const char *path;
  sp_verify_options options;
  int quiet;
} arguments;

enum { KEY_QUIET = 'q', KEY_ALL = 'a', KEY_AGAINST = 256, KEY_GATHERS };

static const struct argp_option options[] = {
    {"against", KEY_AGAINST, "INPUT", 0, "Check, too, that processed traces and noise add up to this input", 0},
    {"gathers", KEY_GATHERS, "WHICH", 0, SP_GATHERS_HELP, 0},
    {"all", KEY_ALL, NULL, 0, "Name every bad gather, not only the first", 0},
    {"quiet", KEY_QUIET, NULL, 0, "Print nothing but errors", 0},
    {0},
};

static error_t parse_option(int key, char *value, struct argp_state *state) {
  arguments *args = state->input;
  switch (key) {
  case KEY_AGAINST:
    args->options.against = value;
    return 0;
  case KEY_GATHERS:
    args->options.gathers = sp_option_check_gathers(state, value);
    return 0;
  case KEY_ALL:
    args->options.name_all = true;
    return 0;
  case KEY_QUIET:
    args->quiet = 1;
    return 0;
  case ARGP_KEY_ARG:
    if (args->path) argp_error(state, "one file, found another: %s", value);
    args->path = value;
    return 0;
  case ARGP_KEY_END:
    if (!args->path) argp_error(state, "a file is missing");
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

static void print(const arguments *args, const sp_verify_report *r) {
  printf("%s: %llu gathers, %llu traces, %.2f GB read in %.2f s, %.2f GB/s\n", args->path,
         (unsigned long long)r->n_gathers, (unsigned long long)r->n_traces, 1e-9 * (double)r->bytes, r->seconds,
         r->seconds > 0 ? 1e-9 * (double)r->bytes / r->seconds : 0);
  if (r->n_left) printf("  not on the disk yet  %llu gathers\n", (unsigned long long)r->n_left);
  for (int reason = 1; reason < SP_REASON_COUNT; reason++) {
    if (r->count[reason] == 0) continue;
    printf("  %-20s %llu gathers\n", sp_reason_name((sp_reason)reason), (unsigned long long)r->count[reason]);
  }
  if (r->n_bad) {
    printf("  BAD                  %llu gathers are not what was written\n", (unsigned long long)r->n_bad);
    if (sp_side_is(args->path, SP_SIDE_PART))
      printf("                       `seisproc run JOB.yaml --check-done` computes them again, and goes on\n");
  } else if (r->count[SP_REASON_UNREADABLE]) {
    printf("  NO DATA              %llu gathers could not be read when they were processed; other checksums agree\n",
           (unsigned long long)r->count[SP_REASON_UNREADABLE]);
  } else {
    printf("  all checksums agree\n");
  }
  if (r->n_not_equal) {
    printf("  NOT EQUAL            %llu gathers do not add up to the input\n", (unsigned long long)r->n_not_equal);
  } else if (args->options.against) {
    printf("  processed + noise is the input\n");
  }
}

const struct argp sp_argp_verify = {
    options,
    parse_option,
    "FILE",
    "Reads what `seisproc run` wrote once more, and compares each gather with the checksum that was taken as it was "
    "computed.\v"
    "FILE is a complete output, or OUT.h5.part of a job that was cut off: then what OUT.h5.journal says to be on the "
    "disk is checked. Runs on any number of ranks (mpirun -n N seisproc verify ...).\n\n"
    "Exit status: 0 when all is well; 1 when a gather is bad, or FILE cannot be checked; 2 when gathers hold no "
    "data, "
    "since their input could not be read.",
    NULL,
    NULL,
    NULL};

int sp_cli_verify(int argc, char **argv) {
  arguments args = {0};
  sp_option_parse(&sp_argp_verify, argc, argv, 0, &args);
  sp_ranks ranks;
  sp_verify_report report;
  sp_status status = sp_ranks_start(&argc, &argv, &ranks);
  if (status != SP_SUCCESS) return sp_status_look_code(sp_status_exit_code(status));
  status = sp_verify(ranks.comm, args.path, &args.options, &report);
  if (status == SP_SUCCESS) {
    if (ranks.rank == 0 && !args.quiet) print(&args, &report);
    if (report.count[SP_REASON_UNREADABLE]) status = SP_ERR_GATHER;
    if (report.n_bad || report.n_not_equal) status = SP_ERR_INPUT;
  }
  return sp_status_look_code(sp_ranks_finish(&ranks, status));
}
