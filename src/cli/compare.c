/* SPDX-License-Identifier: BSD-3-Clause */
/* seisproc compare: how far the traces of one survey are from those of another. */
#include <argp.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/dist.h"
#include "seisproc/json.h"
#include "seisproc/ranks.h"
#include "src/cli/command.h"
#include "src/cli/comparison.h"
#include "src/cli/option.h"

enum { PATH_SIZE = 80 };

typedef struct arguments {
  const char *path[2];
  char dataset[PATH_SIZE];
  const char *gathers; /* which; NULL: all */
  bool json, quiet, identical;
  double least_snr; /* dB; -INFINITY: any */
} arguments;

/* --- the command line ------------------------------------------------------------------------------------------ */

enum { KEY_DATASET = 'd', KEY_JSON = 'j', KEY_QUIET = 'q', KEY_IDENTICAL = 256, KEY_LEAST_SNR, KEY_GATHERS };

static const struct argp_option options[] = {
    {"dataset", KEY_DATASET, "NAME", 0, "Compare this dataset of both: traces (the default) or noise", 0},
    {"gathers", KEY_GATHERS, "WHICH", 0, SP_GATHERS_HELP "; of an output and its input: of the output", 0},
    {"json", KEY_JSON, NULL, 0, "Print one JSON object", 0},
    {"quiet", KEY_QUIET, NULL, 0, "Print nothing: the exit status tells", 0},
    {"identical", KEY_IDENTICAL, NULL, 0, "Exit with 1 unless all samples are the same, bit for bit", 0},
    {"min-snr", KEY_LEAST_SNR, "DB", 0, "Exit with 1 unless the SNR is at least this", 0},
    {0},
};

static error_t parse_option(int key, char *value, struct argp_state *state) {
  arguments *args = state->input;
  switch (key) {
  case KEY_DATASET:
    if (snprintf(args->dataset, PATH_SIZE, "%s%s", *value == '/' ? "" : "/", value) >= PATH_SIZE) {
      argp_error(state, "--dataset: the name is too long");
    }
    return 0;
  case KEY_GATHERS:
    args->gathers = sp_option_check_gathers(state, value);
    return 0;
  case KEY_JSON:
    args->json = true;
    return 0;
  case KEY_QUIET:
    args->quiet = true;
    return 0;
  case KEY_IDENTICAL:
    args->identical = true;
    return 0;
  case KEY_LEAST_SNR:
    args->least_snr = sp_option_number(state, "--min-snr", value, -1e9, 1e9);
    return 0;
  case ARGP_KEY_ARG:
    if (state->arg_num >= 2) argp_error(state, "two surveys, found another: %s", value);
    args->path[state->arg_num] = value;
    return 0;
  case ARGP_KEY_END:
    if (state->arg_num < 2) argp_error(state, "two surveys are needed");
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

/* --- the answer ------------------------------------------------------------------------------------------------ */

typedef struct figures {
  double snr; /* dB: 20 log10(|a| / |a - b|); INFINITY where there is no sp_difference */
  double rms_reference, rms_difference;
  bool identical;
} figures;

static figures work_out(const sp_comparison *c) {
  const sp_sums total = sp_comparison_total(c);
  const double reference = total.reference, diff = total.difference;
  const double n = (double)c->index->n_traces * c->n_samples;
  return (figures){.snr = diff > 0 ? 10 * log10(reference / diff) : (double)INFINITY,
                   .rms_reference = n > 0 ? sqrt(reference / n) : 0,
                   .rms_difference = n > 0 ? sqrt(diff / n) : 0,
                   .identical = c->found.n_different == 0};
}

/* What else than samples differs. */
static void print_contrast(const sp_comparison *c, const sp_contrast *other) {
  if (other->intervals) {
    printf("  DIFFERENT sample intervals: %g ms and %g ms\n",
           sp_survey_get_info(c->sides[0].survey)->sample_interval_us * 1e-3,
           sp_survey_get_info(c->sides[1].survey)->sample_interval_us * 1e-3);
  }
  if (other->keys) {
    printf("  DIFFERENT gathers: by %s and %s, with other keys or sizes\n",
           sp_survey_get_info(c->sides[0].survey)->gather_key, sp_survey_get_info(c->sides[1].survey)->gather_key);
  }
  if (other->delays) printf("  DIFFERENT delay recording times (delrt)\n");
}

/* What the difference is where one survey was made from the other. */
static void print_removal(const sp_comparison *c) {
  const sp_removal r = sp_comparison_removal(c);
  char least[SP_GATHER_TEXT], most[SP_GATHER_TEXT];
  printf("  energy removed      %.3g %% of all", 100 * r.total);
  if (!isnan(r.mean)) {
    printf("; of a gather %.3g %% at least (%s), %.3g %% on the mean, %.3g %% at most (%s)", 100 * r.least,
           sp_gather_text(c->index, r.least_at, least), 100 * r.mean, 100 * r.most,
           sp_gather_text(c->index, r.most_at, most));
  }
  printf("\n  correlation         %.3g of what was removed with what was kept\n", r.correlation);
}

static void print_text(const sp_comparison *c, const arguments *args, const figures *f, const sp_contrast *other) {
  const sp_findings *found = &c->found;
  const sp_survey_info *info = sp_survey_get_info(c->sides[0].survey);
  printf("%s of %s (reference) and %s, %" PRIu64 " traces of %u samples%s\n", args->dataset, args->path[0],
         args->path[1], c->index->n_traces, c->n_samples,
         c->sides[0].sort_map || c->sides[1].sort_map ? ", matched by /sort_map" : "");
  print_contrast(c, other);
  if (f->identical) {
    printf("  identical\n");
    return;
  }
  char text[SP_GATHER_TEXT];
  const sp_global gather = sp_gather_index_find(c->index, found->first_different);
  printf("  SNR                 %.2f dB\n", f->snr);
  if (c->derived) print_removal(c);
  printf("  RMS difference      %.6g (RMS of the reference %.6g)\n", f->rms_difference, f->rms_reference);
  if (found->largest.amount > 0) {
    printf("  largest difference  %.6g at trace %" PRIu64 ", sample %" PRIu64 " (%.6g s)\n", found->largest.amount,
           found->largest.trace, found->largest.sample,
           (double)found->largest.sample * info->sample_interval_us * 1e-6);
  }
  if (found->n_not_finite)
    printf("  not finite          %" PRIu64 " samples differ and are left out\n", found->n_not_finite);
  printf("  different traces    %" PRIu64 "; the first is trace %" PRIu64 ", trace %" PRIu64 " of "
         "%s\n",
         found->n_different, found->first_different, found->first_different - c->index->first_trace[gather],
         sp_gather_text(c->index, gather, text));
}

static void json_removal(sp_json *json, const sp_comparison *c) {
  const sp_removal r = sp_comparison_removal(c);
  sp_json_open(json, "removed", '{');
  sp_json_real(json, "energy", r.total);
  sp_json_real(json, "least", r.least);
  sp_json_real(json, "mean", r.mean);
  sp_json_real(json, "most", r.most);
  sp_json_count(json, "least_gather", r.least_at);
  sp_json_count(json, "most_gather", r.most_at);
  sp_json_real(json, "correlation_with_kept", r.correlation);
  sp_json_close(json, '}');
}

static void json_key(sp_json *json, const sp_gather_index *index, sp_global gather) {
  int64_t first, second;
  if (!strchr(index->key_name, '+')) {
    sp_json_int(json, "key", index->key[gather]);
    return;
  }
  sp_gather_key_split(index->key[gather], &first, &second);
  sp_json_open(json, "key", '[');
  sp_json_int(json, NULL, first);
  sp_json_int(json, NULL, second);
  sp_json_close(json, ']');
}

static void print_json(const sp_comparison *c, const arguments *args, const figures *f, const sp_contrast *other) {
  const sp_findings *found = &c->found;
  sp_json json = sp_json_begin(stdout);
  sp_json_open(&json, NULL, '{');
  sp_json_text(&json, "reference", args->path[0]);
  sp_json_text(&json, "compared", args->path[1]);
  sp_json_text(&json, "dataset", args->dataset);
  sp_json_count(&json, "n_traces", c->index->n_traces);
  sp_json_count(&json, "n_samples", c->n_samples);
  sp_json_bool(&json, "matched_by_sort_map", c->sides[0].sort_map || c->sides[1].sort_map);
  sp_json_bool(&json, "identical", f->identical);
  sp_json_bool(&json, "intervals_differ", other->intervals);
  sp_json_bool(&json, "gathers_differ", other->keys);
  sp_json_bool(&json, "delays_differ", other->delays);
  sp_json_bool(&json, "input_and_output", c->derived);
  json_removal(&json, c);
  sp_json_real(&json, "snr_db", f->snr);
  sp_json_real(&json, "rms_reference", f->rms_reference);
  sp_json_real(&json, "rms_difference", f->rms_difference);
  sp_json_real(&json, "max_difference", found->largest.amount);
  sp_json_count(&json, "different_traces", found->n_different);
  sp_json_count(&json, "not_finite", found->n_not_finite);
  if (found->largest.amount > 0) {
    sp_json_open(&json, "max_at", '{');
    sp_json_count(&json, "trace", found->largest.trace);
    sp_json_count(&json, "sample", found->largest.sample);
    sp_json_close(&json, '}');
  } else {
    sp_json_text(&json, "max_at", NULL);
  }
  if (f->identical) {
    sp_json_text(&json, "first_different", NULL);
  } else {
    const sp_global gather = sp_gather_index_find(c->index, found->first_different);
    sp_json_open(&json, "first_different", '{');
    sp_json_count(&json, "trace", found->first_different);
    sp_json_count(&json, "gather", gather);
    json_key(&json, c->index, gather);
    sp_json_count(&json, "trace_in_gather", found->first_different - c->index->first_trace[gather]);
    sp_json_close(&json, '}');
  }
  sp_json_close(&json, '}');
}

/* Prints the answer, and fails where a check that was asked for does not hold. Rank 0 alone. */
static sp_status answer(const sp_comparison *c, const arguments *args) {
  const figures f = work_out(c);
  sp_contrast other;
  SP_TRY(sp_comparison_contrast(c, &other));
  if (args->json) {
    print_json(c, args, &f, &other);
  } else if (!args->quiet) {
    print_text(c, args, &f, &other);
  }
  if (args->identical && !f.identical) return SP_ERR_INPUT;
  return f.snr >= args->least_snr ? SP_SUCCESS : SP_ERR_INPUT;
}

static sp_status compare(sp_comparison *c, const arguments *args) {
  sp_status status;
  SP_ALIKE_GOTO(out, sp_comparison_open(c, args->path, args->dataset, args->gathers));
  SP_ALIKE_GOTO(out, sp_comparison_run(c));
  status = SP_ON_RANK_0(&c->ranks, answer(c, args));
out:
  sp_comparison_close(c);
  return status;
}

const struct argp sp_argp_compare = {
    options,
    parse_option,
    "A.h5 B.h5",
    "Compares the traces of two surveys: SNR = 20 log10(|A| / |A - B|) in dB with A as the reference, RMS and "
    "largest difference, and the first trace that differs.\v"
    "Traces and samples count from 0. The output of a sorted job is matched with its input by the /sort_map that "
    "it holds; positions are those of A. Samples that are NaN or infinite in either survey are left out of the "
    "figures, and counted where they differ. Runs on any number of ranks (mpirun -n N seisproc compare ...).\n\n"
    "Exit status: 0 when the surveys could be compared, whatever the difference; 1 when they could not, or when "
    "--identical or --min-snr is not met.",
    NULL,
    NULL,
    NULL};

int sp_cli_compare(int argc, char **argv) {
  arguments args = {.dataset = "/traces", .least_snr = -(double)INFINITY};
  sp_option_parse(&sp_argp_compare, argc, argv, 0, &args);
  sp_comparison c = {0};
  const sp_status started = sp_ranks_start(&argc, &argv, &c.ranks);
  if (started != SP_SUCCESS) return sp_status_look_code(sp_status_exit_code(started));
  return sp_status_look_code(sp_ranks_finish(&c.ranks, compare(&c, &args)));
}
