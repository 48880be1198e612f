/* SPDX-License-Identifier: BSD-3-Clause */
/* What commands print goes through a stream that replaces control characters by '?': text from files and names of files
 * must not move a terminal's cursor or change its title. A character may come in two pieces, so the stream keeps what
 * it has seen of one. Bytes that no UTF-8 character has are passed on from 0xa0, as names of files have them; those
 * from 0x80 to 0x9f are control characters of 8-bit terminals.
 *
 * Standard output that cannot be written is an error of every command (a full disk, a closed pipe's end): errors are
 * kept by the stream and looked at when the command has ended.
 */
#include "src/cli/standard_streams.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/log.h"
#include "seisproc/status.h"

enum { PIECE = 4096 };

typedef struct printable {
  int fd;
  int error;        /* errno of the first write that failed */
  unsigned expects; /* bytes that a character begun still has */
  bool after_c2;    /* the next one decides whether it is a C1 control character */
} printable;

/* Bytes that follow this one in its character. */
static unsigned bytes_after(unsigned char c) {
  return c >= 0xf0 && c < 0xf5 ? 3 : c >= 0xe0 ? 2 : c >= 0xc2 && c < 0xe0 ? 1 : 0;
}

/* What is written for a byte: itself or '?'. */
static unsigned char clean(printable *p, unsigned char c) {
  const bool continues = (c & 0xc0) == 0x80 && p->expects > 0;
  if (continues) {
    const bool control = p->after_c2 && c < 0xa0;
    p->expects--;
    p->after_c2 = false;
    return control ? '?' : c;
  }
  p->expects = c < 0xf5 ? bytes_after(c) : 0;
  p->after_c2 = c == 0xc2;
  if (c == '\n' || c == '\t') return c;
  return c < 0x20 || c == 0x7f || (c >= 0x80 && c < 0xa0) ? '?' : c;
}

static ssize_t write_printable(void *cookie, const char *text, size_t n) {
  printable *p = cookie;
  unsigned char piece[PIECE];
  size_t done = 0;
  while (done < n && !p->error) {
    size_t count = 0;
    for (; count < PIECE && done + count < n; count++) piece[count] = clean(p, (unsigned char)text[done + count]);
    for (size_t at = 0; at < count && !p->error;) {
      const ssize_t written = write(p->fd, piece + at, count - at);
      if (written < 0 && errno != EINTR) p->error = errno;
      if (written > 0) at += (size_t)written;
    }
    done += count;
  }
  if (!p->error) return (ssize_t)n;
  errno = p->error;
  return 0;
}

/* When the program ends, wherever it does: what was printed must have been written. */
static void check_output(int exit_code, void *cookie) {
  const bool failed = fflush(stdout) || ferror(stdout);
  const int error = ((const printable *)cookie)->error;
  if (!failed || (exit_code != SP_EXIT_COMPLETE && exit_code != SP_EXIT_PARTIAL)) return;
  sp_log(SP_LOG_ERROR, "standard output cannot be written: %s", strerror(error ? error : EIO));
  _exit(SP_EXIT_INPUT);
}

static FILE *open_printable(int fd, cookie_close_function_t *close, printable **out) {
  printable *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  p->fd = fd;
  *out = p;
  FILE *stream = fopencookie(p, "w", (cookie_io_functions_t){.write = write_printable, .close = close});
  if (!stream) free(p);
  return stream;
}

static int close_printable(void *cookie) {
  free(cookie);
  return 0;
}

FILE *sp_streams_printable(int fd) {
  printable *p;
  FILE *stream = open_printable(fd, close_printable, &p);
  if (stream) setvbuf(stream, NULL, _IONBF, 0);
  return stream;
}

void sp_streams_begin(void) {
  signal(SIGXFSZ, SIG_IGN); /* a file as large as the user may have: the write fails and is reported */
  for (int fd = 0; fd <= STDERR_FILENO; fd++) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    /* the wrong way round, so that using it fails as with a closed one; the lowest free number is `fd` */
    if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) return;
  }
  printable *p; /* kept until the program has ended */
  FILE *stream = open_printable(STDOUT_FILENO, NULL, &p);
  if (!stream || on_exit(check_output, p)) return;
  setvbuf(stream, NULL, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, BUFSIZ);
  stdout = stream;
}
