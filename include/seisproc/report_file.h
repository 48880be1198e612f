/* SPDX-License-Identifier: BSD-3-Clause */
/* Reports, pictures and pages: files that tell about surveys, made beside their place and renamed when they are whole.
 *
 * What is at the place may be replaced if it is a regular file that may be written and is empty or such a file itself,
 * by its first bytes: a report is never worth a survey, a job file or a table of picks. A symbolic link stays, the file
 * that it points to is replaced. Devices and FIFOs are written to.
 */
#ifndef SEISPROC_REPORT_FILE_H
#define SEISPROC_REPORT_FILE_H

#include <stdio.h>

#include "seisproc/status.h"

/* Whether a file can be made at `path`, see above. Errors: SP_ERR_USAGE, in one line. */
sp_status sp_report_file_check(const char *path);

/* Begins one; the stream is the caller's until sp_report_file_close. Errors: those of the check, SP_ERR_USAGE. */
sp_status sp_report_file_open(const char *path, FILE **stream);

/* Closes the stream and puts the file in its place, or removes it where `status`, which is passed on, is an error.
 * Errors: SP_ERR_IO. */
sp_status sp_report_file_close(const char *path, FILE *stream, sp_status status);

#endif
