/* SPDX-License-Identifier: BSD-3-Clause */
/* Words of a journal's lines, for what writes and what reads them. Private to journal.c and journal_read.c. */
#ifndef SEISPROC_SRC_RUN_JOURNAL_LINES_H
#define SEISPROC_SRC_RUN_JOURNAL_LINES_H

#define SP_JOURNAL_FAMILY "seisproc-journal "
#define SP_JOURNAL_MAGIC  SP_JOURNAL_FAMILY "2 " /* this version */
#define SP_JOURNAL_CRC    " crc32c="

enum { SP_JOURNAL_NAMES = 512 }; /* room for the names of figures */

#endif
