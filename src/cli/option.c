/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/cli/option.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/param.h"
#include "seisproc/selection.h"
#include "src/cli/standard_streams.h"

error_t sp_option_parse(const struct argp *argp, int argc, char **argv, unsigned flags, void *arguments) {
  FILE *const plain = stderr, *const clean = sp_streams_printable(STDERR_FILENO);
  argp_err_exit_status = SP_EXIT_INPUT;
  if (clean) stderr = clean; /* getopt's own, too */
  const error_t error = argp_parse(argp, argc, argv, flags, NULL, arguments);
  stderr = plain;
  if (clean) fclose(clean);
  return error;
}

error_t sp_option_conversion(int key, const char *value, const struct argp_state *state, const char **input,
                             const char **output, bool *quiet) {
  if (key == 'q' && quiet) {
    *quiet = true;
    return 0;
  }
  if (key != ARGP_KEY_ARG) return ARGP_ERR_UNKNOWN;
  if (*output) argp_error(state, "two files, found another: %s", value);
  *(*input ? output : input) = value;
  return 0;
}

uint64_t sp_option_count(const struct argp_state *state, const char *name, const char *text, uint64_t least,
                         uint64_t most) {
  char *end;
  errno = 0;
  const unsigned long long value = strtoull(text, &end, 10);
  if (!isdigit((unsigned char)*text) || *end || errno || value < least || value > most) {
    argp_error(state, "%s: found '%s', allowed is an integer from %" PRIu64 " to %" PRIu64, name, text, least, most);
  }
  return value;
}

double sp_option_number(const struct argp_state *state, const char *name, const char *text, double least, double most) {
  char *end;
  const double value = strtod(text, &end);
  if (end == text || *end || !isfinite(value) || value < least || value > most) {
    argp_error(state, "%s: found '%s', allowed is a number from %g to %g", name, text, least, most);
  }
  return value;
}

/* Seconds of [[DAYS-]HOURS:]MINUTES:SECONDS, or of a number of seconds; negative where it is neither. */
static double parse_time(const char *text) {
  unsigned days = 0, parts[3];
  int length = 0;
  const char *rest = strchr(text, '-');
  if (rest && (sscanf(text, "%u-%n", &days, &length) != 1 || text + length != ++rest)) return -1;
  const char *at = rest ? rest : text;
  size_t n = 0;
  for (char *end; n < 3; at = end + 1) {
    if (!isdigit((unsigned char)*at)) return -1;
    parts[n++] = (unsigned)strtoul(at, &end, 10);
    if (*end == '\0') break;
    if (*end != ':' || n == 3) return -1;
  }
  if (rest && n < 3) return -1;
  double seconds = 0;
  for (size_t i = 0; i < n; i++) seconds = 60 * seconds + parts[i];
  return 86400.0 * days + seconds;
}

double sp_option_seconds(const struct argp_state *state, const char *name, const char *text) {
  const double seconds = parse_time(text);
  if (seconds < 0) {
    argp_error(state, "%s: found '%s', allowed are seconds or [[DAYS-]HOURS:]MINUTES:SECONDS", name, text);
  }
  return seconds;
}

void sp_option_pair(const struct argp_state *state, const char *name, const char *text, double scale, double out[2]) {
  const char *comma = strchr(text, ',');
  char first[64];
  if (!comma || comma - text >= (long)sizeof first) {
    argp_error(state, "%s: found '%s', allowed is A,B", name, text);
    return;
  }
  snprintf(first, sizeof first, "%.*s", (int)(comma - text), text);
  if (first[0]) out[0] = scale * sp_option_number(state, name, first, -1e12, 1e12);
  if (comma[1]) out[1] = scale * sp_option_number(state, name, comma + 1, -1e12, 1e12);
  if (out[0] > out[1]) argp_error(state, "%s: found '%s', where the first is larger", name, text);
}

const char *sp_option_check_gathers(const struct argp_state *state, const char *value) {
  char why[SP_WHY_SIZE] = "";
  sp_selection_rule *rule = NULL;
  if (sp_selection_parse(value, why, sizeof why, &rule) != SP_SUCCESS) argp_error(state, "--gathers: %s", why);
  if (strlen(value) >= SP_TEXT_SIZE) argp_error(state, "--gathers: more than %d bytes", SP_TEXT_SIZE - 1);
  sp_selection_rule_destroy(rule);
  return value;
}

const char *sp_option_gathers(const struct argp_state *state, const char *value, char text[SP_GATHERS_OVERRIDE]) {
  snprintf(text, SP_GATHERS_OVERRIDE, "gathers=%s", sp_option_check_gathers(state, value));
  return text;
}
