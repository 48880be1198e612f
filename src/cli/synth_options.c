/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of seisproc synth. */
#include "src/cli/synth_options.h"

#include <argp.h>
#include <string.h>

#include "src/cli/command.h"
#include "src/cli/option.h"

enum {
  KEY_GATHERS = 'g',
  KEY_TRACES = 't',
  KEY_SAMPLES = 'n',
  KEY_INTERVAL = 'd',
  KEY_SEED = 's',
  KEY_QUIET = 'q',
  KEY_NOISE = 256,
  KEY_CLEAN,
  KEY_REFLECTIONS,
  KEY_LARGEST,
  KEY_SPREAD,
  KEY_GROUND_ROLL,
  KEY_THREADS,
  KEY_DIFFRACTORS
};

static const struct argp_option options[] = {
    {"gathers", KEY_GATHERS, "N", 0, "Number of gathers (100)", 0},
    {"traces", KEY_TRACES, "MEAN", 0, "Traces a gather, on the mean (500)", 0},
    {"samples", KEY_SAMPLES, "N", 0, "Samples a trace (1600)", 0},
    {"interval-ms", KEY_INTERVAL, "DT", 0, "Sample interval in ms (2)", 0},
    {"noise", KEY_NOISE, "LEVEL", 0, "Standard deviation of the random noise over the RMS of the reflections (1)", 0},
    {"ground-roll", KEY_GROUND_ROLL, "LEVEL", 0,
     "Amplitude of the ground roll near the source over that of the strongest reflection (3); 0: none", 0},
    {"seed", KEY_SEED, "S", 0, "The same seed and settings give the same bytes (1)", 0},
    {"clean", KEY_CLEAN, "FILE", 0, "Write the survey without its random noise, too", 0},
    {"reflections", KEY_REFLECTIONS, "FILE", 0, "Write the reflections alone, too", 0},
    {"spread", KEY_SPREAD, "S", 0, "Gathers have from 1 - S to 1 + S times the mean number of traces (0.6)", 0},
    {"largest", KEY_LARGEST, "FACTOR", 0, "One gather has this many times the mean number of traces", 0},
    {"diffractors", KEY_DIFFRACTORS, "constant|gradient", OPTION_ARG_OPTIONAL,
     "Scatterers and planes at known places in place of layers, to migrate: in 2000 m/s (constant) or in 1800 m/s + "
     "0.6 z "
     "(gradient); without ground roll and noise unless these are given after it",
     0},
    {"threads", KEY_THREADS, "N", 0, "Threads a rank (as many as there are cores)", 0},
    {"quiet", KEY_QUIET, NULL, 0, "Print nothing", 0},
    {0},
};

static void parse_medium(const char *value, struct argp_state *state, sp_synth_config *config) {
  if (value && strcmp(value, "constant") && strcmp(value, "gradient")) {
    argp_error(state, "--diffractors: found '%s', allowed is constant or gradient", value);
  }
  config->medium = value && !strcmp(value, "gradient") ? SP_SYNTH_GRADIENT : SP_SYNTH_CONSTANT;
  config->noise = config->ground_roll = 0;
}

static error_t parse_setting(int key, const char *value, struct argp_state *state, sp_synth_config *config) {
  switch (key) {
  case KEY_DIFFRACTORS:
    parse_medium(value, state, config);
    return 0;
  case KEY_GATHERS:
    config->n_gathers = sp_option_count(state, "--gathers", value, 1, 1000000000);
    return 0;
  case KEY_TRACES:
    config->mean_traces = sp_option_number(state, "--traces", value, 1, 1e9);
    return 0;
  case KEY_SAMPLES:
    config->n_samples = (uint32_t)sp_option_count(state, "--samples", value, 1, 1000000);
    return 0;
  case KEY_INTERVAL:
    config->interval_s = sp_option_number(state, "--interval-ms", value, 0.001, 1e4) * 1e-3;
    return 0;
  case KEY_NOISE:
    config->noise = sp_option_number(state, "--noise", value, 0, 1e6);
    return 0;
  case KEY_GROUND_ROLL:
    config->ground_roll = sp_option_number(state, "--ground-roll", value, 0, 1e6);
    return 0;
  case KEY_SEED:
    config->seed = sp_option_count(state, "--seed", value, 0, UINT64_MAX);
    return 0;
  case KEY_SPREAD:
    config->spread = sp_option_number(state, "--spread", value, 0, 1);
    return 0;
  case KEY_LARGEST:
    config->largest = sp_option_number(state, "--largest", value, 1e-9, 1e6);
    return 0;
  default:
    return ARGP_ERR_UNKNOWN;
  }
}

static void check_paths(struct argp_state *state, const sp_synth_arguments *args) {
  if (!args->path[SP_SYNTH_NOISY]) argp_error(state, "the file to write is missing");
  for (int p = 0; p < SP_SYNTH_PARTS; p++) {
    for (int q = 0; q < p; q++) {
      if (args->path[p] && args->path[q] && !strcmp(args->path[p], args->path[q])) {
        argp_error(state, "%s is named twice", args->path[p]);
      }
    }
  }
}

static error_t parse_option(int key, char *value, struct argp_state *state) {
  sp_synth_arguments *args = state->input;
  switch (key) {
  case KEY_CLEAN:
    args->path[SP_SYNTH_COHERENT] = value;
    return 0;
  case KEY_REFLECTIONS:
    args->path[SP_SYNTH_REFLECTIONS] = value;
    return 0;
  case KEY_THREADS:
    args->threads = (int)sp_option_count(state, "--threads", value, 1, SP_SYNTH_MAX_THREADS);
    return 0;
  case KEY_QUIET:
    args->quiet = true;
    return 0;
  case ARGP_KEY_ARG:
    if (args->path[SP_SYNTH_NOISY]) argp_error(state, "one file to write, found another: %s", value);
    args->path[SP_SYNTH_NOISY] = value;
    return 0;
  case ARGP_KEY_END:
    check_paths(state, args);
    return 0;
  default:
    return parse_setting(key, value, state, &args->config);
  }
}

const struct argp sp_argp_synth = {
    options,
    parse_option,
    "OUT.h5",
    "Writes a synthetic survey: reflections with moveout, ground roll and random noise, in gathers of uneven size.\v"
    "The same settings and seed give the same bytes on any number of ranks (mpirun -n N seisproc synth ...) and "
    "threads.",
    NULL,
    NULL,
    NULL};

void sp_synth_parse(int argc, char **argv, sp_synth_arguments *out) {
  *out = (sp_synth_arguments){.config = sp_synth_defaults()};
  sp_option_parse(&sp_argp_synth, argc, argv, 0, out);
}
