#include "src/cli/option.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

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
