/* SPDX-License-Identifier: BSD-3-Clause */
#include "seisproc/quote.h"

#include <string.h>

enum { CUT_AT = 40, LONGEST_CHARACTER = 4 };

size_t sp_utf8_length(const char *bytes) {
  const unsigned char *text = (const unsigned char *)bytes;
  const size_t n = text[0] < 0x80   ? 1
                   : text[0] < 0xc2 ? 0
                   : text[0] < 0xe0 ? 2
                   : text[0] < 0xf0 ? 3
                   : text[0] < 0xf5 ? LONGEST_CHARACTER
                                    : 0;
  for (size_t i = 1; i < n; i++) {
    if ((text[i] & 0xc0) != 0x80) return 0;
  }
  return n;
}

bool sp_is_control(const char *character) {
  const unsigned char *at = (const unsigned char *)character;
  /* C1 controls (U+0080 to U+009F) can move a terminal's cursor too */
  return *at < 0x20 || *at == 0x7f || (at[0] == 0xc2 && at[1] < 0xa0);
}

const char *sp_quote(const char *text, char out[SP_QUOTE_SIZE]) {
  const unsigned char *at = (const unsigned char *)text;
  size_t n = 0;
  while (*at && n < CUT_AT) {
    const size_t length = sp_utf8_length((const char *)at);
    if (length == 0 || sp_is_control((const char *)at)) {
      out[n++] = '?';
      at += length ? length : 1;
    } else {
      memcpy(out + n, at, length);
      n += length;
      at += length;
    }
  }
  strcpy(out + n, *at ? "..." : "");
  return out;
}
