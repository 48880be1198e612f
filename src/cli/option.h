/* SPDX-License-Identifier: BSD-3-Clause */
/* Option values, read strictly: what is not wholly a value of the right kind ends the program with a usage error. */
#ifndef SEISPROC_CLI_OPTION_H
#define SEISPROC_CLI_OPTION_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

/* argp_parse; a usage error ends the program with SP_EXIT_INPUT. What it says of words of the command line, which may
 * be names of files, goes to standard error without control characters. */
error_t sp_option_parse(const struct argp *argp, int argc, char **argv, unsigned flags, void *arguments);

/* What commands have in common that make one file of another: the two files, the one to read first, and -q (`quiet`
 * NULL: not this one). Returns ARGP_ERR_UNKNOWN for any other key. */
error_t sp_option_conversion(int key, const char *value, const struct argp_state *state, const char **input,
                             const char **output, bool *quiet);

/* An integer from least to most, in decimal digits. `name` is the option's, for the message. */
uint64_t sp_option_count(const struct argp_state *state, const char *name, const char *text, uint64_t least,
                         uint64_t most);

/* A finite number from least to most. */
double sp_option_number(const struct argp_state *state, const char *name, const char *text, double least, double most);

/* Seconds of [[DAYS-]HOURS:]MINUTES:SECONDS, as Slurm has it, or of a number of seconds. */
double sp_option_seconds(const struct argp_state *state, const char *name, const char *text);

/* A,B in units of `scale`, the first not the larger; where one is left out its out[i] stays as it is. */
void sp_option_pair(const struct argp_state *state, const char *name, const char *text, double scale, double out[2]);

/* What --gathers takes, for its line of help. */
#define SP_GATHERS_HELP                                                                                                \
  "Only these, taken whole: first:N, every:N, A:B by number, KEY=A-B or KEY=A,B,C, 'where: offset < 2000 and cdp > "   \
  "60'"

enum { SP_GATHERS_OVERRIDE = 272 };

/* `gathers=` with the value, to be set in a job. Returns text. Ends the program with a usage error where the
 * value says nothing. */
const char *sp_option_gathers(const struct argp_state *state, const char *value, char text[SP_GATHERS_OVERRIDE]);

/* Ends the program with a usage error where the value says nothing; else returns it. */
const char *sp_option_check_gathers(const struct argp_state *state, const char *value);

#endif
