/* Option values, read strictly: what is not wholly a value of the right kind ends the program with a usage error. */
#ifndef SEISPROC_CLI_OPTION_H
#define SEISPROC_CLI_OPTION_H

#include <argp.h>
#include <stdint.h>

/* An integer from least to most, in decimal digits. `name` is the option's, for the message. */
uint64_t sp_option_count(const struct argp_state *state, const char *name, const char *text, uint64_t least,
                         uint64_t most);

/* A finite number from least to most. */
double sp_option_number(const struct argp_state *state, const char *name, const char *text, double least, double most);

#endif
