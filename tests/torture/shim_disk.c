/* SPDX-License-Identifier: BSD-3-Clause */
/* A disk that misbehaves, for tests: loaded before the C library (LD_PRELOAD), it stands between a program and the
 * files whose paths contain $SHIM_FILES. Environment variables say what it does:
 *
 *   SHIM_FAIL=CALL:N:ERRNO    the N-th call of write, sync (data or file) or alloc in a process, and all later ones,
 *                             fail; CALL:N:ERRNO:LEAST counts only those of at least so many bytes
 *   SHIM_BAD=FIRST:N          bytes that cannot be read (EIO)
 *   SHIM_ODDS=P:LEAST         a read of at least LEAST bytes fails with this chance (EIO)
 *   SHIM_SHORT=1              each write writes half of what it is asked to, unless that is a byte
 *   SHIM_RATE=BYTES/S         what was written takes so long to be synced, what is read to be read
 *   SHIM_FREE=BYTES           their file system has so much room
 *   SHIM_UNDO=FOLDER          notes in FOLDER/log how to undo what is not synced yet, see tests/torture/power.py
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static atomic_uint n_writes, n_syncs, n_allocs;
static atomic_ullong unsynced;

/* --- which files -------------------------------------------------------------------------------------------------- */

static bool is_ours(const char *path) {
  const char *part = getenv("SHIM_FILES");
  return part && strstr(path, part);
}

/* The path of an open file; false where it is none of ours. */
static bool find_path(int fd, char path[PATH_MAX]) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t n = readlink(link, path, PATH_MAX - 1);
  if (n <= 0) return false;
  path[n] = '\0';
  return is_ours(path);
}

/* --- undoing ------------------------------------------------------------------------------------------------------ */

/* The log's descriptor, locked; -1 where there is none. One process at a time appends, so records are whole. */
static int open_log(void) {
  const char *folder = getenv("SHIM_UNDO");
  char path[PATH_MAX];
  if (!folder) return -1;
  snprintf(path, sizeof path, "%s/log", folder);
  const int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd >= 0) flock(fd, LOCK_EX);
  return fd;
}

static void put(int log, const void *data, size_t n) {
  if (syscall(SYS_write, log, data, n) != (long)n) _exit(99);
}

static void put_line(int log, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put_line(int log, const char *format, ...) {
  char line[2 * PATH_MAX + 128];
  va_list args;
  va_start(args, format);
  const int n = vsnprintf(line, sizeof line, format, args);
  va_end(args);
  put(log, line, (size_t)n);
}

/* "data INODE OFFSET LENGTH SIZE N": LENGTH bytes will be written to a file of SIZE bytes; N bytes that are there now
 * follow. */
static void note_data(int fd, off_t offset, size_t n) {
  const int log = open_log();
  struct stat file;
  if (log < 0) return;
  if (!fstat(fd, &file)) {
    char link[64], *old = malloc(n ? n : 1);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const int reader = (int)syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC);
    const ssize_t there = syscall(SYS_pread64, reader, old, n, offset);
    syscall(SYS_close, reader);
    put_line(log, "data %lu %lld %zu %lld %zd\n", (unsigned long)file.st_ino, (long long)offset, n,
             (long long)file.st_size, there > 0 ? there : 0);
    if (there > 0) put(log, old, (size_t)there);
    free(old);
  }
  syscall(SYS_close, log);
}

/* Where the log ends now: a sync that begins here makes all before it durable. */
static off_t log_end(void) {
  const int log = open_log();
  if (log < 0) return -1;
  const off_t end = lseek(log, 0, SEEK_END);
  syscall(SYS_close, log);
  return end;
}

/* "synced INODE END": what that inode had in the log up to there is on the disk. */
static void note_synced(int fd, off_t end) {
  struct stat file;
  if (end < 0 || fstat(fd, &file)) return;
  const int log = open_log();
  put_line(log, "synced %lu %lld\n", (unsigned long)file.st_ino, (long long)end);
  syscall(SYS_close, log);
}

/* "create INODE PATH", "unlink INODE PATH KEPT", "rename INODE OLD NEW KEPT": of a folder; KEPT is what has been
 * removed, or "-". */
static void note_entry(const char *verb, const char *path, const char *to) {
  const int log = open_log();
  if (log < 0) return;
  char copy[PATH_MAX], kept[PATH_MAX] = "-";
  const char *removed = to ? to : path;
  struct stat folder, file;
  snprintf(copy, sizeof copy, "%s", path);
  if (stat(dirname(copy), &folder)) _exit(99);
  if (strcmp(verb, "create") && !stat(removed, &file)) {
    snprintf(kept, sizeof kept, "%s/kept.%lld", getenv("SHIM_UNDO"), (long long)lseek(log, 0, SEEK_END));
    if (link(removed, kept)) _exit(99);
  }
  put_line(log, "%s %lu %s %s%s%s\n", verb, (unsigned long)folder.st_ino, path, to ? to : "", to ? " " : "", kept);
  syscall(SYS_close, log);
}

/* --- failing ------------------------------------------------------------------------------------------------------ */

static int error_named(const char *name) {
  return strcmp(name, "ENOSPC") ? strcmp(name, "EDQUOT") ? EIO : EDQUOT : ENOSPC;
}

/* Whether this call, of n bytes, is to fail; sets errno. */
static bool fails(const char *call, size_t n, atomic_uint *count) {
  const char *text = getenv("SHIM_FAIL");
  char which[16], name[16];
  unsigned nth;
  size_t least = 0;
  if (!text || sscanf(text, "%15[a-z]:%u:%15[A-Z]:%zu", which, &nth, name, &least) < 3) return false;
  if (strcmp(which, call) || n < least) return false;
  if (atomic_fetch_add(count, 1) + 1 < nth) return false;
  errno = error_named(name);
  return true;
}

/* Another sequence in every process. */
static bool fails_by_chance(size_t n) {
  static _Thread_local unsigned seed;
  const char *text = getenv("SHIM_ODDS");
  double odds;
  long long least;
  if (!text || sscanf(text, "%lf:%lld", &odds, &least) != 2 || (long long)n < least) return false;
  if (!seed) seed = (unsigned)getpid();
  return rand_r(&seed) < odds * RAND_MAX;
}

static bool cannot_be_read(off_t offset, size_t n) {
  if (fails_by_chance(n)) return true;
  const char *text = getenv("SHIM_BAD");
  long long first, length;
  if (!text || sscanf(text, "%lld:%lld", &first, &length) != 2) return false;
  return offset < first + length && offset + (off_t)n > first;
}

static void spend_time(double bytes) {
  const char *rate = getenv("SHIM_RATE");
  if (!rate || bytes <= 0) return;
  const double seconds = bytes / atof(rate);
  const struct timespec pause = {.tv_sec = (time_t)seconds,
                                 .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
  nanosleep(&pause, NULL);
}

/* --- the calls ---------------------------------------------------------------------------------------------------- */

/* Writes are watched as calls: the program is not to map what lies in memory. */
__attribute__((constructor)) static void pretend_a_disk(void) {
  setenv("SEISPROC_FILE_SYSTEM", "ext4", 0);
}

static ssize_t write_at(int fd, const void *data, size_t n, off_t offset, bool at) {
  char path[PATH_MAX];
  const long call = at ? SYS_pwrite64 : SYS_write;
  if (!find_path(fd, path)) return syscall(call, fd, data, n, offset);
  if (fails("write", n, &n_writes)) return -1;
  if (getenv("SHIM_SHORT") && n > 1) n /= 2;
  struct stat file;
  const bool appends = !at && fcntl(fd, F_GETFL) & O_APPEND;
  if (appends && !fstat(fd, &file)) offset = file.st_size;
  if (!at && !appends) offset = lseek(fd, 0, SEEK_CUR);
  note_data(fd, offset, n);
  atomic_fetch_add(&unsynced, n);
  return at ? syscall(call, fd, data, n, offset) : syscall(call, fd, data, n);
}

ssize_t write(int fd, const void *data, size_t n) {
  return write_at(fd, data, n, 0, false);
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t offset) {
  return write_at(fd, data, n, offset, true);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t offset) {
  return write_at(fd, data, n, offset, true);
}

static ssize_t read_at(int fd, void *data, size_t n, off_t offset, bool at) {
  char path[PATH_MAX];
  if (find_path(fd, path)) {
    if (cannot_be_read(at ? offset : lseek(fd, 0, SEEK_CUR), n)) {
      errno = EIO;
      return -1;
    }
    spend_time((double)n);
  }
  return at ? syscall(SYS_pread64, fd, data, n, offset) : syscall(SYS_read, fd, data, n);
}

ssize_t read(int fd, void *data, size_t n) {
  return read_at(fd, data, n, 0, false);
}

ssize_t pread(int fd, void *data, size_t n, off_t offset) {
  return read_at(fd, data, n, offset, true);
}

ssize_t pread64(int fd, void *data, size_t n, off64_t offset) {
  return read_at(fd, data, n, offset, true);
}

static int sync_file(int fd, long call) {
  char path[PATH_MAX];
  if (!find_path(fd, path)) return (int)syscall(call, fd);
  if (fails("sync", 0, &n_syncs)) return -1;
  const off_t end = log_end();
  spend_time((double)atomic_exchange(&unsynced, 0));
  note_synced(fd, end); /* the disk of this test is never lost: only what is told of it counts */
  return 0;
}

int fsync(int fd) {
  return sync_file(fd, SYS_fsync);
}

int fdatasync(int fd) {
  return sync_file(fd, SYS_fdatasync);
}

int ftruncate(int fd, off_t size) {
  char path[PATH_MAX];
  struct stat file;
  if (find_path(fd, path) && !fstat(fd, &file)) {
    note_data(fd, size, file.st_size > size ? (size_t)(file.st_size - size) : 0);
  }
  return (int)syscall(SYS_ftruncate, fd, size);
}

int ftruncate64(int fd, off64_t size) {
  return ftruncate(fd, size);
}

int fallocate(int fd, int mode, off_t offset, off_t n) {
  char path[PATH_MAX];
  if (find_path(fd, path) && fails("alloc", 0, &n_allocs)) return -1;
  return (int)syscall(SYS_fallocate, fd, mode, offset, n);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t n) {
  return fallocate(fd, mode, offset, n);
}

static int open_at(const char *path, int flags, mode_t mode) {
  struct stat file;
  const bool ours = is_ours(path), is_new = ours && (flags & O_CREAT) && stat(path, &file);
  if (ours && !is_new && (flags & O_TRUNC) && !stat(path, &file)) {
    const int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    note_data(fd, 0, (size_t)file.st_size);
    syscall(SYS_close, fd);
  }
  const int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
  if (is_new && fd >= 0) note_entry("create", path, NULL);
  return fd;
}

int open(const char *path, int flags, ...) {
  va_list args;
  va_start(args, flags);
  const mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
  va_end(args);
  return open_at(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list args;
  va_start(args, flags);
  const mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
  va_end(args);
  return open_at(path, flags, mode);
}

int rename(const char *from, const char *to) {
  if (is_ours(from) || is_ours(to)) note_entry("rename", from, to);
  return (int)syscall(SYS_rename, from, to);
}

int unlink(const char *path) {
  struct stat file;
  if (is_ours(path) && !stat(path, &file)) note_entry("unlink", path, NULL);
  return (int)syscall(SYS_unlink, path);
}

int statvfs(const char *path, struct statvfs *out) {
  struct statfs fs;
  if (syscall(SYS_statfs, path, &fs)) return -1;
  const char *room = getenv("SHIM_FREE");
  *out = (struct statvfs){.f_bsize = 1, .f_frsize = 1, .f_bavail = fs.f_bavail * (fsblkcnt_t)fs.f_bsize};
  if (room && is_ours(path)) out->f_bavail = (fsblkcnt_t)atof(room);
  return 0;
}
