/* SPDX-License-Identifier: BSD-3-Clause */
/* What both kinds of `seisproc info` print alike. */
#include <stdio.h>

#include "seisproc/segy.h"
#include "src/cli/info.h"

enum { LINES = 40, COLUMNS = 80 };

void sp_info_print_text(unsigned char *text, const char *margin) {
  if (sp_segy_text_is_ebcdic(text, SP_SEGY_TEXT_BYTES)) sp_segy_text_to_ascii(text, SP_SEGY_TEXT_BYTES);
  for (int line = 0; line < LINES; line++, text += COLUMNS) {
    int n = COLUMNS;
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\0')) n--;
    if (n == 0) continue;
    fputs(margin, stdout);
    for (int i = 0; i < n; i++) {
      if (text[i] >= 0xa0) { /* ISO 8859-1 to UTF-8 */
        printf("%c%c", 0xc0 | text[i] >> 6, 0x80 | (text[i] & 0x3f));
      } else {
        putchar(text[i] < ' ' || text[i] >= 0x7f ? '?' : text[i]);
      }
    }
    putchar('\n');
  }
}

const char *sp_info_size(uint64_t bytes, char text[SP_SIZE_TEXT]) {
  static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
  double value = (double)bytes;
  size_t u = 0;
  for (; value >= 999.5 && u + 1 < sizeof units / sizeof *units; u++) value /= 1000;
  snprintf(text, SP_SIZE_TEXT, u ? "%.3g %s" : "%.0f %s", value, units[u]);
  return text;
}
