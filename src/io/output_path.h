/* A file that appears under its name only when it is complete. Private to src/io. */
#ifndef SEISPROC_SRC_IO_OUTPUT_PATH_H
#define SEISPROC_SRC_IO_OUTPUT_PATH_H

#include "seisproc/status.h"

/* Whether `output` can be made: not a directory, not the input, in a folder that can be written. Errors: SP_ERR_INPUT.
 */
sp_status sp_output_check(const char *input, const char *output);

/* The name while it is written, OUTPUT.part; the caller owns it. */
sp_status sp_output_part(const char *output, char **out);

/* Gives the complete file its name, durably. */
sp_status sp_output_name(const char *part, const char *output);

#endif
