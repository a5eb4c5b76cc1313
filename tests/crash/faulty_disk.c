// Makes the disk of a running server fail, as a device would: LD_PRELOAD of what this compiles to.
//
// THALWEG_FAULTS names a file of one line, "WHAT PATH_PART ERRNO HOW_OFTEN", read at each call that writes or syncs:
//   WHAT       write, sync or any
//   PATH_PART  the call fails where the path of its file contains it
//   ERRNO      the number that the call gives; one below 0: it takes so many milliseconds longer instead
//   HOW_OFTEN  once (the file is removed by the first call that fails), or always (as long as the file is there)

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int fails(const char *what, const char *path) {
  const char *rules = getenv("THALWEG_FAULTS");
  if (rules == NULL) return 0;
  const int before = errno;
  char line[512];
  const int fd = (int)syscall(SYS_openat, AT_FDCWD, rules, O_RDONLY | O_CLOEXEC);
  const ssize_t got = fd < 0 ? -1 : syscall(SYS_read, fd, line, sizeof line - 1);
  if (fd >= 0) syscall(SYS_close, fd);
  errno = before;
  if (got <= 0) return 0;
  line[got] = 0;
  char wanted[16], part[256], often[16];
  int error = 0;
  if (sscanf(line, "%15s %255s %d %15s", wanted, part, &error, often) != 4) return 0;
  if (strcmp(wanted, "any") != 0 && strcmp(wanted, what) != 0) return 0;
  if (strstr(path, part) == NULL) return 0;
  if (error < 0) {
    usleep((useconds_t)-error * 1000);
    errno = before;
    return 0;
  }
  // Of several calls at the same time only the one that removes the file fails.
  if (strcmp(often, "once") == 0 && syscall(SYS_unlinkat, AT_FDCWD, rules, 0) != 0) {
    errno = before;
    return 0;
  }
  errno = error;
  return 1;
}

static int fd_fails(const char *what, int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t n = readlink(link, path, sizeof path - 1);
  if (n <= 0) return 0;
  path[n] = 0;
  return fails(what, path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at) {
  return fd_fails("write", fd) ? -1 : REAL(pwritev)(fd, v, n, at);
}
ssize_t pwritev2(int fd, const struct iovec *v, int n, off_t at, int flags) {
  return fd_fails("write", fd) ? -1 : REAL(pwritev2)(fd, v, n, at, flags);
}
int fdatasync(int fd) { return fd_fails("sync", fd) ? -1 : REAL(fdatasync)(fd); }
int fsync(int fd) { return fd_fails("sync", fd) ? -1 : REAL(fsync)(fd); }
int sync_file_range(int fd, off_t at, off_t bytes, unsigned flags) {
  return fd_fails("sync", fd) ? -1 : REAL(sync_file_range)(fd, at, bytes, flags);
}
