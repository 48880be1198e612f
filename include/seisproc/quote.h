/* SPDX-License-Identifier: BSD-3-Clause */
/* Text that came from outside, made fit to stand in one log line. */
#ifndef SEISPROC_QUOTE_H
#define SEISPROC_QUOTE_H

#include <stdbool.h>
#include <stddef.h>

enum { SP_QUOTE_SIZE = 64 };

/* Bytes of the UTF-8 character at `text`, 0 where there is none. Overlong forms pass: this is for display. */
size_t sp_utf8_length(const char *text);

/* Whether the UTF-8 character there is a control character, C1 included: it may move a terminal's cursor. */
bool sp_is_control(const char *character);

/* Copies text into out: control characters and bytes that are not UTF-8 become '?', and what is longer than about 40
 * bytes is cut, never inside a character, and ends in "...". Returns out, so that it can stand in an argument list. */
const char *sp_quote(const char *text, char out[SP_QUOTE_SIZE]);

#endif
