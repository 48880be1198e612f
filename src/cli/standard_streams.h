/* SPDX-License-Identifier: BSD-3-Clause */
/* Standard input, output and error of the program. Private to src/cli and main.c. */
#ifndef SEISPROC_CLI_STANDARD_STREAMS_H
#define SEISPROC_CLI_STANDARD_STREAMS_H

#include <stdio.h>

/* Before anything else is opened: descriptors 0 to 2 that are closed are taken, so that no file of the job's gets one
 * of them, and writing to such an output fails. From then on what is printed to stdout has no control characters but
 * newlines and tabs, whatever files and paths it speaks of. When the program ends, by whatever way, and its exit code
 * would be 0 or 2, what was printed must have been written; else it is an error, one line, and the exit code 1. */
void sp_streams_begin(void);

/* A stream, without a buffer, that writes to a descriptor, control characters but newlines and tabs as '?'. NULL: there
 * is no memory. The caller's (fclose, which leaves the descriptor open). */
FILE *sp_streams_printable(int fd);

#endif
