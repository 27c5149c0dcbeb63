// Preloaded into a server: what its disk does with files of the database is in
// the file that KONPRO_DISK names, and may change at any time.
//
//   fine      as always
//   full      ENOSPC from every write, and no room for a new limits file
//   quota     EDQUOT from every write
//   readonly  EROFS from every write
//   eio       EIO from every write and sync
//   sync      EIO from every sync
//   slow      every sync takes 150 ms
//   hang      every sync lasts until the mode is another
//   msync     EIO from every sync of the limits file, which is mapped
//   msync-part  the same, of its parts alone
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static void Mode(char* mode, size_t size) {
  mode[0] = 0;
  const char* name = getenv("KONPRO_DISK");
  if (name == NULL) return;
  const int fd = open(name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  const ssize_t bytes = read(fd, mode, size - 1);
  close(fd);
  mode[bytes < 0 ? 0 : bytes] = 0;
  mode[strcspn(mode, "\n")] = 0;
}

static int IsDatabase(int fd) {
  char link[64];
  char path[4096];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
  const ssize_t bytes = readlink(link, path, sizeof(path) - 1);
  if (bytes < 0) return 0;
  path[bytes] = 0;
  return strstr(path, "credits.db") != NULL && strstr(path, ".limits") == NULL;
}

// The error of a write or of a sync; 0: none.
static int Fault(int fd, int is_sync) {
  if (!IsDatabase(fd)) return 0;
  char mode[32];
  Mode(mode, sizeof(mode));
  if (strcmp(mode, "eio") == 0) return EIO;
  if (is_sync) {
    if (strcmp(mode, "sync") == 0) return EIO;
    if (strcmp(mode, "slow") == 0) {
      const struct timespec time = {0, 150 * 1000 * 1000};
      nanosleep(&time, NULL);
    }
    while (strcmp(mode, "hang") == 0) {
      const struct timespec time = {0, 20 * 1000 * 1000};
      nanosleep(&time, NULL);
      Mode(mode, sizeof(mode));
    }
    return 0;
  }
  if (strcmp(mode, "full") == 0) return ENOSPC;
  if (strcmp(mode, "quota") == 0) return EDQUOT;
  if (strcmp(mode, "readonly") == 0) return EROFS;
  return 0;
}

#define FAIL_IF(fault)   \
  do {                   \
    const int e = fault; \
    if (e != 0) {        \
      errno = e;         \
      return -1;         \
    }                    \
  } while (0)

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) {
  static ssize_t (*next)(int, const void*, size_t, off_t);
  if (next == NULL) *(void**)&next = dlsym(RTLD_NEXT, "pwrite");
  FAIL_IF(Fault(fd, 0));
  return next(fd, bytes, size, at);
}

ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t at) {
  static ssize_t (*next)(int, const void*, size_t, off64_t);
  if (next == NULL) *(void**)&next = dlsym(RTLD_NEXT, "pwrite64");
  FAIL_IF(Fault(fd, 0));
  return next(fd, bytes, size, at);
}

int fsync(int fd) {
  static int (*next)(int);
  if (next == NULL) *(void**)&next = dlsym(RTLD_NEXT, "fsync");
  FAIL_IF(Fault(fd, 1));
  return next(fd);
}

int fdatasync(int fd) {
  static int (*next)(int);
  if (next == NULL) *(void**)&next = dlsym(RTLD_NEXT, "fdatasync");
  FAIL_IF(Fault(fd, 1));
  return next(fd);
}

int posix_fallocate(int fd, off_t at, off_t size) {
  static int (*next)(int, off_t, off_t);
  if (next == NULL) *(void**)&next = dlsym(RTLD_NEXT, "posix_fallocate");
  char mode[32];
  Mode(mode, sizeof(mode));
  return strcmp(mode, "full") == 0 ? ENOSPC : next(fd, at, size);
}

int msync(void* address, size_t size, int flags) {
  static int (*next)(void*, size_t, int);
  if (next == NULL) *(void**)&next = dlsym(RTLD_NEXT, "msync");
  char mode[32];
  Mode(mode, sizeof(mode));
  const int is_part = size < ((size_t)1 << 20);
  FAIL_IF(strcmp(mode, "msync") == 0 ? EIO : 0);
  FAIL_IF(strcmp(mode, "msync-part") == 0 && is_part ? EIO : 0);
  return next(address, size, flags);
}
