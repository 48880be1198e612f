/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes of SEG-Y and SU files, and what is noted of them while they are identified. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seisproc/log.h"
#include "seisproc/side_file.h"
#include "src/base/file_bytes.h"
#include "src/segy/segy_probe.h"

sp_status sp_segy_read_at(int fd, const char *path, uint64_t offset, size_t n, void *out) {
  size_t got;
  const int error = sp_read_all_at(fd, out, n, offset, &got);
  if (error) return SP_RAISE(sp_file_status(error), "%s: cannot be read: %s", path, strerror(error));
  if (got == n) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_INPUT, "%s: ends before byte %llu: it changed while it was read", path,
                  (unsigned long long)(offset + n));
}

sp_status sp_segy_open(const char *path, int *fd, uint64_t *bytes) {
  struct stat entry;
  *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (*fd < 0) {
    if (errno == ENOENT) return SP_RAISE(SP_ERR_INPUT, "%s: no such file", path);
    return SP_RAISE(SP_ERR_INPUT, "%s: cannot be opened: %s", path, strerror(errno));
  }
  const char *wrong = NULL;
  if (fstat(*fd, &entry)) {
    wrong = strerror(errno);
  } else if (S_ISDIR(entry.st_mode)) {
    wrong = "a directory; allowed are SEG-Y and SU files";
  } else if (!S_ISREG(entry.st_mode)) {
    wrong = "not a regular file; allowed are SEG-Y and SU files";
  } else if (entry.st_size == 0) {
    wrong = "an empty file";
  }
  if (wrong) {
    close(*fd);
    return SP_RAISE(SP_ERR_INPUT, "%s: %s", path, wrong);
  }
  *bytes = (uint64_t)entry.st_size;
  return SP_SUCCESS;
}

sp_status sp_segy_read_head(sp_segy_probe *probe) {
  const uint64_t left = probe->bytes - probe->base;
  probe->n_head = left < SP_PROBE_HEAD ? (size_t)left : SP_PROBE_HEAD;
  memset(probe->head, 0, sizeof probe->head);
  return sp_segy_read_at(probe->fd, probe->path, probe->base, probe->n_head, probe->head);
}

void sp_segy_note(sp_segy_layout *layout, const char *format, ...) {
  const size_t used = strlen(layout->notes);
  char line[512];
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  if (strstr(layout->notes, line)) return; /* a stanza may be read twice */
  snprintf(layout->notes + used, sizeof layout->notes - used, "%s%s", used ? "\n" : "", line);
}

void sp_segy_log_notes(const char *path, const sp_segy_layout *layout) {
  for (const char *line = layout->notes; *line;) {
    const size_t n = strcspn(line, "\n");
    sp_warn("%s: %.*s", path, (int)n, line);
    line += n + (line[n] != '\0');
  }
}
